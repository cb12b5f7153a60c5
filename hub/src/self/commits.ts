import type { Signal } from '@muster/shared/signal';
import type { Family } from './prometheus.js';

/** Counts group commits for the Prometheus text. */
export interface CommitSource {
  committed: Signal<{ items: number; changes: number; bytes: number; ms: number }>;
  readonly backlog: { items: number; bytes: number };
}

export const createCommitCounts = (writer: CommitSource): (() => Family[]) => {
  const sum = { commits: 0, items: 0, bytes: 0, ms: 0 };
  writer.committed.on(({ items, bytes, ms }) => {
    sum.commits += 1;
    sum.items += items;
    sum.bytes += bytes;
    sum.ms += ms;
  });
  const family = (name: string, type: Family['type'], help: string, value: number): Family => ({
    name,
    type,
    help,
    samples: [{ value }],
  });
  return () => [
    family('muster_commits_total', 'counter', 'Group commits', sum.commits),
    family('muster_committed_items_total', 'counter', 'Messages and edits in them', sum.items),
    family('muster_committed_bytes_total', 'counter', 'Bytes of messages in them', sum.bytes),
    family('muster_commit_seconds_total', 'counter', 'Time spent committing', sum.ms / 1000),
    family('muster_backlog_items', 'gauge', 'Messages and edits that are not on disk yet', writer.backlog.items),
  ];
};
