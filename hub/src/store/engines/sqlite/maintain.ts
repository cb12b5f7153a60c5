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
  const run = () => {
    planned = null;
    if (++turns % LOOK_EVERY > 0) return;
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
