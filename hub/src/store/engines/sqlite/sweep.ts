/** Deletes what is no longer needed: staged chunks that the archive holds, and data older than its tier keeps. */
import type { Connection } from './connect.js';
import type { Heads } from './head.js';
import type { RollupHook } from './hooks.js';
import {
  archiveId,
  deviceOfStaged,
  endOfStaged,
  SLOT_MS,
  slotOfStaged,
  slotStart,
  stagedFrom,
  WINDOW_MS,
  windowOf,
  windowOfArchive,
  windowOfSlot,
  windowStart,
} from './ids.js';
import type { JournalRing } from './journal-ring.js';
import type { Pending } from './pending.js';
import type { createTotals } from './totals.js';

export interface Retention {
  /** How long each tier is kept; null: for ever. */
  raw_ms: number | null;
  five_ms: number | null;
  hour_ms: number | null;
}

const DAY = 86_400_000;
export const RETENTION: Retention = { raw_ms: 30 * DAY, five_ms: 365 * DAY, hour_ms: null };

export interface SweepNeeds {
  db: Connection;
  pending: Pending;
  totals: ReturnType<typeof createTotals>;
  rollups: RollupHook;
  ring: JournalRing;
  heads: Heads;
  retention: Retention;
  /** The clock and the newest stored row are more than a day apart, or no longer. */
  onClock: (apart: { now: number; newest: number } | null) => void;
}

const CHUNKS = 400;
const DEVICES = 50;

/** Chunks lie by time and go together, long after they were merged: whole pages become free, none is written anew for each. */
export const createSweep = (needs: SweepNeeds) => {
  const { db, pending, totals, ring, onClock } = needs;
  const sql = statements(db);
  const removeStaged = db.transaction((gone: readonly StagedKey[]) => {
    for (const { id } of gone) sql.remove.run(id);
    totals.add({ staged_bytes: -gone.reduce((sum, { bytes }) => sum + bytes, 0) });
  });
  const newestRow = createNewestRow(needs);
  let apart = false;
  const judgeClock = (now: number, newest: number): void => {
    // The newest row may be up to a window newer than that.
    const differs = now - newest > DAY + WINDOW_MS || newest - now > DAY;
    if (differs !== apart) onClock(differs ? { now, newest } : null);
    apart = differs;
  };
  const isMerged = ({ id, seal }: StagedKey): boolean => {
    const device = deviceOfStaged(id);
    return seal <= (pending.get(device, windowOfSlot(slotOfStaged(id)))?.since ?? Number.MAX_SAFE_INTEGER);
  };
  /** Yields after each bounded step. A start still needs the seal numbers of slots that the journal has rows of. */
  return function* sweep(now: number): Generator<void> {
    const newest = yield* newestRow(now);
    const before = stagedFrom(now - WINDOW_MS);
    for (let after = -1, more = true; more; ) {
      const keys = sql.keys.all(after, before, CHUNKS);
      const gone = keys.filter((key) => key.seal <= ring.oldest && isMerged(key));
      if (gone.length) removeStaged.immediate(gone);
      more = keys.length === CHUNKS;
      after = keys.at(-1)?.id ?? 0;
      yield;
    }
    if (newest === null) return;
    judgeClock(now, newest);
    // A clock that is far ahead must not make everything too old at once.
    yield* expire(needs, Math.min(now, newest));
  };
};

/** About when the newest row is from, never later; null: there are none. */
const createNewestRow = ({ db, heads }: SweepNeeds) => {
  const sql = statements(db);
  return function* newestRow(now: number): Generator<void, number | null> {
    const staged = sql.newestStaged.get();
    let newest = staged == null ? Number.NEGATIVE_INFINITY : endOfStaged(staged) - SLOT_MS;
    for (const own of heads.all())
      for (const { device, slot, rows, newest: ts } of own) if (rows > 0) newest = Math.max(newest, ts, slotStart(device, slot));
    // What was merged is older than both, unless nothing has come for long.
    for (let after = 0, more = newest < now - DAY; more; yield) {
      const devices = sql.devices.all(after, LOOKED_AT);
      for (const device of devices) {
        const last = sql.newestMerged.get(archiveId(device, 0), archiveId(device + 1, 0));
        if (last != null) newest = Math.max(newest, windowStart(device, windowOfArchive(last)));
      }
      more = devices.length === LOOKED_AT;
      after = devices.at(-1) ?? 0;
    }
    return Number.isFinite(newest) ? newest : null;
  };
};

const LOOKED_AT = 500;

interface StagedKey {
  id: number;
  seal: number;
  bytes: number;
}

function* expire({ db, totals, rollups, retention }: SweepNeeds, now: number): Generator<void> {
  const sql = statements(db);
  const older = (keep: number | null) => (keep === null ? null : now - keep);
  const before = { five: older(retention.five_ms), hour: older(retention.hour_ms) };
  const raw = older(retention.raw_ms);
  const some = db.transaction((devices: readonly number[]) => {
    for (const device of devices) {
      if (raw !== null) {
        const range = [archiveId(device, 0), archiveId(device, Math.max(0, windowOf(device, raw)))] as const;
        const had = sql.sums.get(...range);
        if (had?.bytes) {
          sql.expire.run(...range);
          totals.add({ archive_rows: -had.rows, archive_samples: -had.samples, archive_bytes: -had.bytes });
        }
      }
      rollups.expire(device, before);
    }
  });
  for (let after = 0, more = true; more; ) {
    const devices = sql.devices.all(after, DEVICES);
    if (devices.length) some.immediate(devices);
    more = devices.length === DEVICES;
    after = devices.at(-1) ?? 0;
    yield;
  }
}

const statements = (db: Connection) => ({
  newestStaged: db.prepare<[], number | null>('SELECT max(id) FROM staged').pluck(),
  newestMerged: db.prepare<[number, number], number | null>('SELECT max(id) FROM archive WHERE id >= ? AND id < ?').pluck(),
  keys: db.prepare<[number, number, number], StagedKey>(
    'SELECT id, seal, length(blob) AS bytes FROM staged WHERE id > ? AND id < ? ORDER BY id LIMIT ?',
  ),
  remove: db.prepare<[number]>('DELETE FROM staged WHERE id = ?'),
  devices: db.prepare<[number, number], number>('SELECT id FROM devices WHERE id > ? ORDER BY id LIMIT ?').pluck(),
  sums: db.prepare<[number, number], { rows: number; samples: number; bytes: number }>(
    `SELECT coalesce(sum(rows), 0) AS rows, coalesce(sum(samples), 0) AS samples, coalesce(sum(length(blob)), 0) AS bytes
     FROM archive WHERE id >= ? AND id < ?`,
  ),
  expire: db.prepare<[number, number]>('DELETE FROM archive WHERE id >= ? AND id < ?'),
});
