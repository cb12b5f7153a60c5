/** Deletes what is no longer needed: staged chunks that the archive holds, and data older than its tier keeps. */
import type { Connection } from './connect.js';
import type { RollupHook } from './hooks.js';
import { archiveId, deviceOfStaged, slotOfStaged, stagedFrom, WINDOW_MS, windowOf, windowOfSlot } from './ids.js';
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
  retention: Retention;
}

const CHUNKS = 400;
const DEVICES = 50;

/** Chunks lie by time and go together, long after they were merged: whole pages become free, none is written anew for each. */
export const createSweep = (needs: SweepNeeds) => {
  const { db, pending, totals, ring } = needs;
  const sql = statements(db);
  const removeStaged = db.transaction((gone: readonly StagedKey[]) => {
    for (const { id } of gone) sql.remove.run(id);
    totals.add({ staged_bytes: -gone.reduce((sum, { bytes }) => sum + bytes, 0) });
  });
  const isMerged = ({ id, seal }: StagedKey): boolean => {
    const device = deviceOfStaged(id);
    return seal <= (pending.get(device, windowOfSlot(slotOfStaged(id)))?.since ?? Number.MAX_SAFE_INTEGER);
  };
  /** Yields after each bounded step. A start still needs the seal numbers of slots that the journal has rows of. */
  return function* sweep(now: number): Generator<void> {
    const before = stagedFrom(now - WINDOW_MS);
    for (let after = -1, more = true; more; ) {
      const keys = sql.keys.all(after, before, CHUNKS);
      const gone = keys.filter((key) => key.seal <= ring.oldest && isMerged(key));
      if (gone.length) removeStaged.immediate(gone);
      more = keys.length === CHUNKS;
      after = keys.at(-1)?.id ?? 0;
      yield;
    }
    yield* expire(needs, now);
  };
};

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
