/** Sums that would cost a scan of the whole file, kept in step with every transaction that changes them. */
import type { Connection } from './connect.js';

export interface Totals {
  /** Newest number that a seal has used. */
  seals: number;
  /** Journal records up to this number are no longer needed. */
  trimmed: number;
  /** What `archive` does not hold yet. */
  staged_rows: number;
  staged_samples: number;
  /** All of `staged`, also what is in `archive` and waits for its deletion. */
  staged_bytes: number;
  archive_rows: number;
  archive_samples: number;
  archive_bytes: number;
}

export type TotalsDelta = Partial<Totals>;

export const createTotals = (db: Connection) => {
  const columns = 'seals, trimmed, staged_rows, staged_samples, staged_bytes, archive_rows, archive_samples, archive_bytes';
  const read = db.prepare<[], Totals>(`SELECT ${columns} FROM totals`);
  const add = db.prepare<number[]>(
    `UPDATE totals SET seals = max(seals, ?), trimmed = max(trimmed, ?), staged_rows = staged_rows + ?, staged_samples = staged_samples + ?,
     staged_bytes = staged_bytes + ?, archive_rows = archive_rows + ?, archive_samples = archive_samples + ?,
     archive_bytes = archive_bytes + ?`,
  );
  return {
    read: (): Totals => read.get() ?? EMPTY,
    /** Adds to each sum; `seals` and `trimmed` are raised to what is given. */
    add(delta: TotalsDelta): void {
      const all = { ...EMPTY, ...delta };
      add.run(
        all.seals,
        all.trimmed,
        all.staged_rows,
        all.staged_samples,
        all.staged_bytes,
        all.archive_rows,
        all.archive_samples,
        all.archive_bytes,
      );
    },
  };
};

const EMPTY: Totals = {
  seals: 0,
  trimmed: 0,
  staged_rows: 0,
  staged_samples: 0,
  staged_bytes: 0,
  archive_rows: 0,
  archive_samples: 0,
  archive_bytes: 0,
};
