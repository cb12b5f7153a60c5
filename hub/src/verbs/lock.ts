import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '@muster/shared/errors';
import Database from 'better-sqlite3';
import { runningHub } from '../control.js';

/** One program at a time on a data folder: a lock that the kernel holds for this process, and gives back however it ends. */
export interface DataLock {
  release(): void;
}

/** Throws `conflict` when another process holds it, also one that is frozen. Keep what it answers: a collected one is released. */
export const lockData = (data: string): DataLock => {
  const file = join(data, 'hub', 'lock.db');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Not when it is there: closing any handle of this process on it would give the lock back.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  let db: Database.Database | null = null;
  try {
    db = new Database(file, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    throw asLockError(error, data, file);
  }
  const held = db;
  return { release: () => void held.close() };
};

const asLockError = (error: unknown, data: string, file: string): AppError => {
  const { code = '', message } = error as { code?: string; message: string };
  if (!/^SQLITE_(BUSY|LOCKED)/.test(code))
    return new AppError('storage', `The lock ${file} cannot be taken (${message}); look at its folder and remove it`, { file });
  const other = runningHub(data);
  const holder = other ? `A hub is running already on ${data} (process ${other.pid}, ${other.url})` : inUse(data);
  return new AppError('conflict', `${holder}; stop it first`, {}, { cause: error });
};

const inUse = (data: string): string => `Another hub or a restore is at work already on ${data}`;
