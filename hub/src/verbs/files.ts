import { chmodSync, copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '@muster/shared/errors';
import type { Call } from '../main.js';
import { asStoreError } from '../store/engines/sqlite/errors.js';
import { createSqliteEngine } from '../store/engines/sqlite/index.js';
import { lockData } from './lock.js';
import { loadHubSettings } from './options.js';

/** Verbs about the database file: backup and check work beside a running hub, restore does not. */
const databaseOf = (data: string): string => join(data, 'hub', 'muster.db');

const typedPath = (call: Call, verb: string): string => {
  const [path] = call.words;
  if (!path) throw new AppError('bad_request', `Name the file: muster-hub ${verb} FILE`);
  return resolve(call.env['INIT_CWD'] ?? '.', path);
};

const withEngine = async <T>(file: string, use: (engine: ReturnType<typeof createSqliteEngine>) => Promise<T>): Promise<T> => {
  if (!existsSync(file)) throw new AppError('not_found', `There is no database at ${file}; name the data folder by --data`);
  const engine = createSqliteEngine({ file, readonly: true });
  try {
    await engine.open();
    return await use(engine);
  } catch (error) {
    throw asFileError(error, file);
  } finally {
    await engine.close();
  }
};

/** What SQLite alone throws names no file. */
const asFileError = (error: unknown, file: string): AppError => {
  if (error instanceof AppError) return error;
  const { code, message } = asStoreError(error, file, 'Opening');
  const is_ours = code !== 'damaged' && code !== 'internal';
  const sentence = is_ours ? message : `${file} is not a database of Muster, or is damaged (${(error as Error).message})`;
  return new AppError(is_ours ? code : 'damaged', sentence, { file }, { cause: error });
};

export const backup = async (call: Call): Promise<void> => {
  const target = typedPath(call, 'backup');
  const { data } = loadHubSettings(call);
  if (existsSync(target)) throw new AppError('conflict', `${target} exists already; choose another name`);
  await withEngine(databaseOf(data), (engine) => engine.backup(target));
  chmodSync(target, 0o600);
  call.print(`Saved ${target}`);
};

export const check = async (call: Call): Promise<void> => {
  const { data } = loadHubSettings(call);
  const faults = await withEngine(databaseOf(data), (engine) => engine.verify());
  if (faults.length)
    throw new AppError(
      'damaged',
      `${databaseOf(data)} is damaged:\n${faults.slice(0, 20).join('\n')}\nRestore a backup: muster-hub restore FILE`,
    );
  call.print(`${databaseOf(data)} is sound`);
};

/** The old database is kept beside the new one until the next restore. */
export const restore = async (call: Call): Promise<void> => {
  const source = typedPath(call, 'restore');
  const { data } = loadHubSettings(call);
  const lock = lockData(data);
  try {
    const faults = await withEngine(source, (engine) => engine.verify());
    if (faults.length) throw new AppError('damaged', `${source} is damaged and was not restored: ${faults[0]}`);
    putInPlace(source, databaseOf(data));
  } finally {
    lock.release();
  }
  call.print(`Restored ${source}; the database of before is ${databaseOf(data)}.before-restore`);
};

const putInPlace = (source: string, file: string): void => {
  copyFileSync(source, `${file}.new`);
  chmodSync(`${file}.new`, 0o600);
  if (existsSync(file)) renameSync(file, `${file}.before-restore`);
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  renameSync(`${file}.new`, file);
};
