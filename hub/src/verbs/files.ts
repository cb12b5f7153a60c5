import { chmodSync, closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '@muster/shared/errors';
import type { Call } from '../main.js';
import { asStoreError } from '../store/engines/sqlite/errors.js';
import { createSqliteEngine, type SqliteSettings } from '../store/engines/sqlite/index.js';
import type { Contents } from '../store/engines/sqlite/records.js';
import type { StoreStats } from '../store/store.js';
import { lockData } from './lock.js';
import { loadHubSettings, retentionOf } from './options.js';
import { finishReplacement, replaceBySteps } from './replacement.js';
import { describeContents, describeStore } from './sizes.js';

/** Verbs about the database file: backup and check work beside a running hub, restore does not. */
const databaseOf = (data: string): string => join(data, 'hub', 'muster.db');

const typedPath = (call: Call, verb: string): string => {
  const [path] = call.words;
  if (!path) throw new AppError('bad_request', `Name the file: muster-hub ${verb} FILE`);
  return resolve(call.env['INIT_CWD'] ?? '.', path);
};

type Use<T> = (engine: ReturnType<typeof createSqliteEngine>) => Promise<T>;

const withEngine = async <T>(file: string, use: Use<T>, settings: Partial<SqliteSettings> = {}): Promise<T> => {
  if (!existsSync(file)) throw noDatabase(file);
  const engine = createSqliteEngine({ ...settings, file, readonly: true });
  try {
    await engine.open();
    return await use(engine);
  } catch (error) {
    throw asFileError(error, file);
  } finally {
    await engine.close();
  }
};

const noDatabase = (file: string): AppError => {
  const hint = existsSync(`${file}.restoring`)
    ? 'a restore was cut short, the next start ends it'
    : 'name the data folder by --data';
  return new AppError('not_found', `There is no database at ${file}; ${hint}`, { file });
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

interface Checked {
  stats: StoreStats;
  faults: string[];
  contents: Contents | null;
}

/** Reads every page, chunk and record; says what is kept and how large it will be, then every fault. */
export const check = async (call: Call): Promise<void> => {
  const { data, values } = loadHubSettings(call);
  const file = databaseOf(data);
  const read: Use<Checked> = async (engine) => {
    const [stats, faults] = [await engine.stats(), await engine.verify()];
    return { stats, faults, contents: faults.length ? null : await engine.contents() };
  };
  const { stats, faults, contents } = await withEngine(file, read, { retention: retentionOf(values) });
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

/** The old database is kept, log and all, until the next restore. */
export const restore = async (call: Call): Promise<void> => {
  const source = typedPath(call, 'restore');
  const { data } = loadHubSettings(call);
  const lock = lockData(data);
  const file = databaseOf(data);
  try {
    finishReplacement(file);
    const kept = existsSync(file);
    await copyWhole(source, `${file}.new`);
    for (const _step of replaceBySteps(file));
    call.print(kept ? `Restored ${source}; the database of before is ${file}.before-restore` : `Restored ${source}`);
  } finally {
    lock.release();
  }
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
