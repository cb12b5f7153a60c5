import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '@muster/shared/errors';
import type { Call } from '../main.js';
import { asStoreError } from '../store/engines/sqlite/errors.js';
import { createSqliteEngine } from '../store/engines/sqlite/index.js';
import { lockData } from './lock.js';
import { loadHubSettings } from './options.js';
import { describeContents, describeStore } from './sizes.js';

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

/** Reads every page, chunk and record; says what is kept and how large it will be, then every fault. */
export const check = async (call: Call): Promise<void> => {
  const { data } = loadHubSettings(call);
  const file = databaseOf(data);
  const { stats, faults, contents } = await withEngine(file, async (engine) => {
    const [stats, faults] = [await engine.stats(), await engine.verify()];
    return { stats, faults, contents: faults.length ? null : await engine.contents() };
  });
  for (const line of describeStore(stats)) call.print(line);
  if (contents) call.print(describeContents(contents));
  if (faults.length) throw new AppError('damaged', damageText(file, faults));
  call.print(`${file} is sound: every page, chunk and record was read`);
};

const FAULTS_SHOWN = 20;

const damageText = (file: string, faults: readonly string[]): string => {
  const more = faults.length > FAULTS_SHOWN ? [`… and ${faults.length - FAULTS_SHOWN} more`] : [];
  return [
    `${file} is damaged, ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}:`,
    ...faults.slice(0, FAULTS_SHOWN).map((fault) => `  ${fault}`),
    ...more,
    'What the faults name cannot be read; the hub goes on with everything else. To have it back: muster-hub restore FILE',
  ].join('\n');
};

/** A crash leaves the old database or the new one; the old one is kept, log and all, until the next restore. */
export const restore = async (call: Call): Promise<void> => {
  const source = typedPath(call, 'restore');
  const { data } = loadHubSettings(call);
  const lock = lockData(data);
  const file = databaseOf(data);
  const kept = existsSync(file);
  try {
    await copyWhole(source, `${file}.new`);
    setAside(file);
    renameSync(`${file}.new`, file);
  } finally {
    lock.release();
  }
  call.print(kept ? `Restored ${source}; the database of before is ${file}.before-restore` : `Restored ${source}`);
};

/** With what lies in its write-ahead log; on disk before it takes the place of anything. */
const copyWhole = async (from: string, to: string): Promise<void> => {
  rmSync(to, { force: true });
  await withEngine(from, async (engine) => {
    const faults = await engine.verify();
    if (faults.length) throw new AppError('damaged', `${from} is damaged and was not restored: ${faults[0]}`);
    await engine.backup(to);
  });
  const handle = openSync(to, 'r+');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

/** With its write-ahead log: after a crash that holds the newest commits. */
const setAside = (file: string): void => {
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(`${file}.before-restore${suffix}`, { force: true });
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${file}.before-restore${suffix}`);
  }
};
