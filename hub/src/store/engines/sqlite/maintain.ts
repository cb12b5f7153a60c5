/** Checkpoints between commits, copies and checks of the whole file. */
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { AppError } from '@muster/shared/errors';
import { BASE_UNITS } from '@muster/shared/money';
import type { Connection } from './connect.js';

/** 4 MB of pages: one checkpoint stays short, and its fsyncs are shared by many commits. */
const WAL_FRAMES = 1_000;

export interface Checkpointer {
  /** After each commit: looks at the log a moment later, when the commit has been answered. */
  soon(): void;
  stop(): void;
}

/** Inside a commit a checkpoint would hold up its answer (20-130 ms usual, seconds on a busy disk). */
export const createCheckpointer = (db: Connection): Checkpointer => {
  let planned: NodeJS.Immediate | null = null;
  const run = () => {
    planned = null;
    try {
      if (waiting(db) >= WAL_FRAMES) db.pragma('wal_checkpoint(PASSIVE)');
    } catch {
      // The log stays as it is: the next commit says what is wrong with the disk, the next round tries again.
    }
  };
  return {
    soon: () => {
      planned ??= setImmediate(run);
    },
    stop: () => {
      if (planned) clearImmediate(planned);
    },
  };
};

const waiting = (db: Connection): number => {
  const [state] = db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  return state ? state.log - state.checkpointed : 0;
};

/** Copies in one step, hence from one moment; the copy gets its name only when it is whole. */
export const backupTo = async (db: Connection, target: string): Promise<void> => {
  if (existsSync(target)) throw new AppError('conflict', `${target} exists already; name a file that does not`, { file: target });
  const part = `${target}.part`;
  rmSync(part, { force: true });
  try {
    await db.backup(part, { progress: () => 0x7fffffff });
    chmodSync(part, 0o600);
    renameSync(part, target);
  } catch (cause) {
    rmSync(part, { force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('storage', `The backup could not be written to ${target}: ${reason}`, { file: target }, { cause });
  }
};

const FAULTS: Record<string, string> = {
  'a row without its device or column list': `
    SELECT count(*) FROM rows WHERE device NOT IN (SELECT id FROM devices) OR (device, list) NOT IN (SELECT device, list FROM device_lists)`,
  'a row whose values do not fit its columns': `
    SELECT count(*) FROM rows JOIN lists ON lists.id = rows.list
    WHERE NOT json_valid(vals) OR json_array_length(vals) <> json_array_length(columns)`,
  'a row with half an identity': 'SELECT count(*) FROM rows WHERE (boot IS NULL) <> (seq IS NULL)',
  'a document or log record that is no JSON': `
    SELECT (SELECT count(*) FROM documents WHERE NOT json_valid(value)) + (SELECT count(*) FROM logs WHERE NOT json_valid(value))`,
  'totals that differ from the rows': `
    SELECT count(*) FROM totals WHERE rows <> (SELECT count(*) FROM rows) OR samples <> (SELECT coalesce(sum(samples), 0) FROM rows)`,
};

/** Every fault in words; empty when sound. */
export const findFaults = (db: Connection): string[] => {
  const pages = pageFaults(db);
  if (pages.length) return pages;
  const own = Object.entries(FAULTS).flatMap(([fault, sql]) => {
    const count = db.prepare<[], number>(sql).pluck().get() ?? 0;
    return count > 0 ? [`${count} × ${fault}`] : [];
  });
  return [...own, ...badAmounts(db)];
};

/** Damage can also stop the check itself. */
const pageFaults = (db: Connection): string[] => {
  try {
    const found = (db.pragma('integrity_check(100)') as { integrity_check: string }[]).map((row) => row.integrity_check);
    return found.join() === 'ok' ? [] : found;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
};

const badAmounts = (db: Connection): string[] => {
  const faults: string[] = [];
  for (const { id, amount } of db.prepare<[], { id: string; amount: string }>('SELECT id, amount FROM entries').iterate())
    if (!BASE_UNITS.test(amount)) faults.push(`ledger entry ${id} has the amount "${amount}"`);
  return faults;
};
