/** A `Writer` for tests: commits when told, keeps what was committed, can be unable to commit. */
import { AppError } from '@muster/shared/errors';
import type { Change, Json, LogName, Writer } from './store/store.js';

export interface HandWriter extends Writer {
  /** Commits everything queued, in order. */
  commit(): void;
  /** Commits by itself from now on. */
  automatic: boolean;
  healthy: boolean;
  /** No room: nothing more is accepted. */
  full: boolean;
  committed: Change[];
  queued: { changes: readonly Change[]; urgent: boolean; done: () => void }[];
  /** The newest committed document, undefined when there is none or it was deleted. */
  document(collection: string, key: string): unknown;
  /** Every document as a start would find it. */
  documents(): { collection: string; key: string; value: Json }[];
}

export const createHandWriter = (): HandWriter => {
  const numbers = new Map<LogName, number>();
  const writer: HandWriter = {
    healthy: true,
    automatic: true,
    full: false,
    accepts: () => !writer.full,
    committed: [],
    queued: [],
    queue(changes, { urgent = false, done = () => {} }) {
      if (writer.full) throw new AppError('busy', 'The store is behind by more than it may hold in memory');
      writer.queued.push({ changes, urgent, done });
      if (writer.automatic) writer.commit();
    },
    write(changes) {
      if (!writer.healthy) return Promise.reject(new AppError('storage', 'The store cannot commit'));
      return new Promise((done) => writer.queue(changes, { bytes: 0, urgent: true, done }));
    },
    number(log) {
      const next = (numbers.get(log) ?? 0) + 1;
      numbers.set(log, next);
      return next;
    },
    commit() {
      for (const { changes, done } of writer.queued.splice(0)) {
        writer.committed.push(...changes);
        done();
      }
    },
    document: (collection, key) =>
      writer.documents().find((one) => one.collection === collection && one.key === key)?.value ?? undefined,
    documents() {
      const found = new Map<string, { collection: string; key: string; value: Json }>();
      for (const change of writer.committed) {
        if (change.kind !== 'document') continue;
        const { collection, key, value } = JSON.parse(JSON.stringify(change));
        if (value === null) found.delete(`${collection} ${key}`);
        else found.set(`${collection} ${key}`, { collection, key, value });
      }
      return [...found.values()];
    },
  };
  return writer;
};
