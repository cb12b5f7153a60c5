/** The writing half of the engine: commits, what is in memory only, and the work behind them. */

import type { Notice } from '../../channel.js';
import { type PackedRecovered, packRecovered } from '../../recovered.js';
import type { Change, StoreStats } from '../../store.js';
import { createChunks } from './chunks.js';
import { type CompactNeeds, createCompact, duePending } from './compact.js';
import type { Connection } from './connect.js';
import { createDamageNotes, type DamageNotes } from './damage-notes.js';
import type { Dictionary } from './dictionary.js';
import { isFull } from './errors.js';
import { createForget } from './forget.js';
import { createHeads, type Head, type Heads, type SeriesOf, tableOfHead } from './head.js';
import type { HeadTables, RollupHook } from './hooks.js';
import { createIdentities } from './identities.js';
import { createJournalRing } from './journal-ring.js';
import { createNumbers } from './numbers.js';
import { createPending } from './pending.js';
import { readStats, recoverRecords } from './records.js';
import { createRebuild, createVisit } from './recover.js';
import { createSeal, dueHeads, SEAL_RULES, type SealNeeds } from './seal.js';
import { createHeadReads } from './slice-reads.js';
import { createStripReads, type PutStrips } from './slice-strips.js';
import { createSweep, RETENTION, type Retention, type SweepNeeds } from './sweep.js';
import { countSamples, mergeTables } from './table.js';
import { createTotals } from './totals.js';
import { createTrim, type TrimNeeds } from './trim.js';
import { createWork, WORK_RULES, type WorkNeeds, type WorkRules } from './work.js';
import { createCommit } from './write.js';

export interface WriteSettings {
  retention?: Partial<Retention>;
  work?: Partial<WorkRules>;
}

export interface WriteSide {
  recovered(): PackedRecovered;
  commit(changes: readonly Change[], now: number): void;
  /** One bounded slice of what goes on behind the commits; true: there is more to do at once. */
  work(now: number): boolean;
  /** Rows that are in memory only; right after a start they are first read back in whole. */
  tables: HeadTables;
  strips: PutStrips;
  /** False while rows of before the start are still being read back. */
  readonly whole: boolean;
  /** Why nothing gets done behind the commits, null when all is well. */
  readonly fault: string | null;
  stats(): StoreStats;
}

export interface WriteNeeds {
  db: Connection;
  dictionary: Dictionary;
  rollups: RollupHook;
  now: number;
  onNotice: (notice: Notice) => void;
}

export const createWriteSide = (
  { db, dictionary, rollups, now, onNotice }: WriteNeeds,
  settings: WriteSettings = {},
): WriteSide => {
  const { seriesOf } = dictionary;
  const totals = createTotals(db);
  const identities = createIdentities(db);
  const damage = createDamageNotes(db);
  const { note } = damage;
  const onRecord = (number: number, error: unknown) => note('journal', number, error);
  const ring = createJournalRing({ db, totals, visit: createVisit(identities, now), onDamage: onRecord });
  const kept = totals.read();
  const base = {
    ...{ db, dictionary, identities, totals, rollups, seriesOf, ring },
    heads: createHeads(seriesOf),
    chunks: createChunks(db),
    pending: createPending(db, now),
    // `identified` may be the number of a commit that failed: a record that took it again would have its identities passed over.
    numbers: createNumbers(Math.max(ring.numbers.at(-1) ?? 0, kept.seals, kept.trimmed, ring.identified)),
    retention: { ...RETENTION, ...settings.retention },
    onClock: (apart: Apart) => onNotice(clockNotice(apart)),
  };
  const reads = createHeadReads({ of: base.heads.of, seriesOf, whole: base.heads.tables });
  const onDisk = ({ device, slot }: Head) => base.chunks.holds(device, slot);
  const strips = createStripReads({ of: base.heads.of, seriesOf, onDisk });
  const rebuild = createRebuild({ ...base, onDamage: note }, now);
  const forgetInMemory = (device: number) => {
    base.heads.forget(device);
    identities.forget(device);
    rebuild.forget(device);
  };
  const forget = createForget({ ...base, alsoOnDisk: rollups.forget, alsoInMemory: forgetInMemory });
  const commit = createCommit({ ...base, forget });
  const work = createWork(workNeeds(base, { rebuild: rebuild.step, note }), { ...WORK_RULES, ...settings.work }, now);
  return {
    recovered: () => packRecovered({ ...recoverRecords(db), sequences: identities.recovered(namesOf(db)) }),
    commit(changes, at) {
      try {
        commit(changes, at);
      } catch (error) {
        if (isFull(error)) work.makeRoom();
        throw error;
      }
    },
    work(at) {
      damage.write(at);
      return work.slice(at);
    },
    tables(device, wanted, range) {
      work.finishRecovery();
      return reads(device, wanted, range);
    },
    strips(query, slice) {
      work.finishRecovery();
      return strips(query, slice);
    },
    get whole() {
      return work.recovered;
    },
    get fault() {
      return work.fault;
    },
    stats() {
      work.finishRecovery();
      const stats = readStats(db, countHeads(base.heads, seriesOf));
      return { ...stats, damaged: (stats.damaged ?? 0) + damage.waiting, fault: work.fault };
    },
  };
};

type Apart = Parameters<SweepNeeds['onClock']>[0];

const clockNotice = (apart: Apart): Notice =>
  apart
    ? {
        text: "This machine's clock and the newest stored row are more than a day apart; nothing younger than that row's age limit is deleted",
        fields: { clock: new Date(apart.now).toISOString(), newest_row: new Date(apart.newest).toISOString() },
      }
    : { text: "This machine's clock and the newest stored row agree again", fields: {} };

/** All at once: one by one they take three times as long. */
const namesOf = (db: Connection): ((device: number) => string | undefined) => {
  const names = new Map(db.prepare<[], [id: number, name: string]>('SELECT id, device FROM devices').raw().all());
  return (device) => names.get(device);
};

type Base = SealNeeds & Omit<CompactNeeds, 'onDamage'> & TrimNeeds & SweepNeeds;
type Note = DamageNotes['note'];

const workNeeds = (base: Base, { rebuild, note }: { rebuild: () => boolean; note: Note }): WorkNeeds => ({
  heads: base.heads,
  rebuild,
  dueHeads: (now, stuck) => dueHeads(base.heads, now, { rules: SEAL_RULES, stuck }),
  seal: createSeal(base),
  duePending: (now) => duePending(base.pending, now),
  compact: createCompact({ ...base, onDamage: (id, error) => note('window', id, error) }),
  trim: createTrim(base),
  sweep: createSweep(base),
  ticks: () => performance.now(),
});

/** Where rows of one time may lie twice the merge is done to count them: seldom, since live rows rise. */
const countHeads = (heads: Heads, seriesOf: SeriesOf): { rows: number; samples: number } => {
  const sum = { rows: 0, samples: 0 };
  for (const own of heads.all())
    for (const head of own) {
      const merged = head.rising || head.rows === 0 ? null : mergeTables([tableOfHead(head, seriesOf)]);
      sum.rows += merged ? merged.ts.length : head.rows;
      sum.samples += merged ? countSamples(merged) : head.samples;
    }
  return sum;
};
