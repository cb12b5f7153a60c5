/** Everything of one device goes: on disk inside the commit, in memory once that is through. */
import type { Connection } from './connect.js';
import { archiveId, endOfStaged, MAX_PARTS, slotOf, stagedId, windowOfSlot } from './ids.js';
import type { Pending } from './pending.js';
import type { createTotals } from './totals.js';

export interface Forget {
  onDisk(device: number): void;
  inMemory(device: number): void;
}

export interface ForgetNeeds {
  db: Connection;
  pending: Pending;
  totals: ReturnType<typeof createTotals>;
  /** Other things on disk of a device (roll-ups). */
  alsoOnDisk: (device: number) => void;
  alsoInMemory: (device: number) => void;
}

interface Sums {
  rows: number;
  samples: number;
  bytes: number;
}

export const createForget = ({ db, pending, totals, alsoOnDisk, alsoInMemory }: ForgetNeeds): Forget => {
  const sql = statements(db);
  return {
    onDisk(device) {
      forgetStaged(sql, { device, pending, totals });
      const range = [archiveId(device, 0), archiveId(device + 1, 0)] as const;
      const had = sql.archiveSums.get(...range) ?? { rows: 0, samples: 0, bytes: 0 };
      totals.add({ archive_rows: -had.rows, archive_samples: -had.samples, archive_bytes: -had.bytes });
      sql.archive.run(...range);
      sql.pending.run(...range);
      sql.sequences.run(device);
      for (const one of [sql.boots, sql.lists, sql.device]) one.run(device);
      alsoOnDisk(device);
    },
    inMemory(device) {
      for (const one of [...pending.all()]) if (one.device === device) pending.removed(device, one.window);
      alsoInMemory(device);
    },
  };
};

/** Staged chunks lie by time: every slot between the first and the last is looked at. */
const forgetStaged = (
  sql: ReturnType<typeof statements>,
  { device, pending, totals }: Pick<ForgetNeeds, 'pending' | 'totals'> & { device: number },
): void => {
  const bounds = sql.bounds.get();
  if (bounds?.first == null) return;
  const last = slotOf(device, endOfStaged(bounds.last));
  for (let slot = Math.max(0, slotOf(device, endOfStaged(bounds.first)) - 1); slot <= last; slot++) {
    const range = [stagedId(device, slot, 0), stagedId(device, slot, MAX_PARTS - 1)] as const;
    const since = pending.get(device, windowOfSlot(slot))?.since ?? Number.MAX_SAFE_INTEGER;
    const had = sql.stagedSums.get({ from: range[0], to: range[1], since });
    if (!had?.bytes) continue;
    totals.add({ staged_rows: -had.rows, staged_samples: -had.samples, staged_bytes: -had.bytes });
    sql.staged.run(...range);
  }
};

const statements = (db: Connection) => ({
  bounds: db.prepare<[], { first: number | null; last: number }>('SELECT min(id) AS first, max(id) AS last FROM staged'),
  stagedSums: db.prepare<[{ from: number; to: number; since: number }], Sums>(
    `SELECT coalesce(sum(rows) FILTER (WHERE seal > @since), 0) AS rows, coalesce(sum(samples) FILTER (WHERE seal > @since), 0) AS samples,
     coalesce(sum(length(blob)), 0) AS bytes FROM staged WHERE id BETWEEN @from AND @to`,
  ),
  staged: db.prepare<[number, number]>('DELETE FROM staged WHERE id BETWEEN ? AND ?'),
  archiveSums: db.prepare<[number, number], Sums>(
    `SELECT coalesce(sum(rows), 0) AS rows, coalesce(sum(samples), 0) AS samples, coalesce(sum(length(blob)), 0) AS bytes
     FROM archive WHERE id >= ? AND id < ?`,
  ),
  archive: db.prepare<[number, number]>('DELETE FROM archive WHERE id >= ? AND id < ?'),
  pending: db.prepare<[number, number]>('DELETE FROM pending WHERE id >= ? AND id < ?'),
  sequences: db.prepare<[number]>('DELETE FROM sequences WHERE boot IN (SELECT id FROM boots WHERE device = ?)'),
  boots: db.prepare<[number]>('DELETE FROM boots WHERE device = ?'),
  lists: db.prepare<[number]>('DELETE FROM device_lists WHERE device = ?'),
  device: db.prepare<[number]>('DELETE FROM devices WHERE id = ?'),
});
