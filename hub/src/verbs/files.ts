import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '@muster/shared/errors';
import { runningHub } from '../control.js';
import type { Call } from '../main.js';
import { createSqliteEngine } from '../store/engines/sqlite/index.js';
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
  await engine.open();
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
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
  if (runningHub(data)) throw new AppError('conflict', `The hub is running on ${data}; stop it before a restore`);
  const faults = await withEngine(source, (engine) => engine.verify());
  if (faults.length) throw new AppError('damaged', `${source} is damaged and was not restored: ${faults[0]}`);
  const file = databaseOf(data);
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(source, `${file}.new`);
  chmodSync(`${file}.new`, 0o600);
  if (existsSync(file)) renameSync(file, `${file}.before-restore`);
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  renameSync(`${file}.new`, file);
  call.print(`Restored ${source}; the database of before is ${file}.before-restore`);
};
