/** Checkpoints between commits, copies and checks of the whole file. */
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { AppError } from '@muster/shared/errors';
import type { Connection } from './connect.js';

/** 4 MB of pages: one checkpoint stays short, and its fsyncs are shared by many commits. */
const WAL_FRAMES = 1_000;
/** Asking how long the log is takes 30 µs: not after each commit. */
const LOOK_EVERY = 16;

export interface Checkpointer {
  /** After each commit: looks at the log a moment later, when the commit has been answered. */
  soon(): void;
  stop(): void;
}

/** Inside a commit a checkpoint would hold up its answer (20-130 ms usual, seconds on a busy disk). */
export const createCheckpointer = (db: Connection): Checkpointer => {
  let planned: NodeJS.Immediate | null = null;
  let turns = 0;
  let seen = 0;
  const run = () => {
    planned = null;
    if (++turns % LOOK_EVERY > 0) return;
    try {
      const { log, waiting } = lengthOf(db);
      if (waiting >= WAL_FRAMES) db.pragma('wal_checkpoint(PASSIVE)');
      else if (log > 0 && log === seen) empty(db);
      seen = log;
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

/** Frames of the log, and those that are not in the file yet. */
const lengthOf = (db: Connection): { log: number; waiting: number } => {
  const [state = { log: 0, checkpointed: 0 }] = db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  return { log: state.log, waiting: state.log - state.checkpointed };
};

/** Nothing was written between two looks: the log is brought home and cut, unless somebody reads in it. */
const empty = (db: Connection): void => {
  const patience = Number(db.pragma('busy_timeout', { simple: true }));
  db.pragma('busy_timeout = 0');
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.pragma(`busy_timeout = ${patience}`);
  }
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
