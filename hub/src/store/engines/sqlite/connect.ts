/** Opening the file: looked at read-only first, so that a damaged or newer one is refused without touching it. */
import { chmodSync, closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@muster/shared/errors';
import Database from 'better-sqlite3';
import { asStoreError, damaged } from './errors.js';
import { migrations, SCHEMA_VERSION } from './migrations/index.js';

export type Connection = Database.Database;

export interface ConnectSettings {
  file: string;
  /** How long a statement waits for another process's lock; blocks its thread, so short. */
  busy_ms: number;
  /** The file never grows beyond this; null = as the disk allows. */
  max_bytes: number | null;
}

/** `Mstr`: tells our files from any other SQLite file. */
const APPLICATION_ID = 0x4d737472;
const HEADER = 'SQLite format 3\0';
/** quick_check reads the whole file: at start only up to here (about 0.2 s); beyond, damage shows when its page is read. */
const CHECKED_BYTES = 64 * 1024 * 1024;
const WAL_BYTES = 16 * 1024 * 1024;

export const openForWriting = (settings: ConnectSettings): Connection => {
  const { file } = settings;
  let db: Connection | null = null;
  try {
    prepareFile(file);
    if (sizeOf(file) > 0) inspect(settings);
    db = new Database(file, { timeout: settings.busy_ms });
    configure(db, settings);
    migrate(db);
    return db;
  } catch (error) {
    db?.close();
    throw asStoreError(error, file, 'Opening');
  }
};

export const openForReading = ({ file, busy_ms }: ConnectSettings): Connection => {
  try {
    const db = new Database(file, { readonly: true, fileMustExist: true, timeout: busy_ms });
    db.pragma('temp_store = MEMORY');
    return db;
  } catch (error) {
    throw asStoreError(error, file, 'Opening');
  }
};

/** Created by us before SQLite does, so that nobody else may ever read it. */
const prepareFile = (file: string): void => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  if (sizeOf(file) === 0 && sizeOf(`${file}-wal`) > 0) throw damaged(file, 'it is empty, but its write-ahead log is not');
};

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

const inspect = ({ file, busy_ms }: ConnectSettings): void => {
  if (headerOf(file) !== HEADER) throw damaged(file, 'it is not an SQLite file');
  const db = new Database(file, { readonly: true, timeout: busy_ms });
  try {
    const version = Number(db.pragma('user_version', { simple: true }));
    const owner = Number(db.pragma('application_id', { simple: true }));
    if (owner !== APPLICATION_ID && !isBlank(db)) throw damaged(file, 'it is the file of another program');
    if (version > SCHEMA_VERSION) throw newer(file, version);
    if (sizeOf(file) <= CHECKED_BYTES) quickCheck(db, file);
  } finally {
    db.close();
  }
};

const headerOf = (file: string): string => {
  const handle = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(HEADER.length);
    readSync(handle, bytes, 0, HEADER.length, 0);
    return bytes.toString('latin1');
  } finally {
    closeSync(handle);
  }
};

/** Killed between its creation and its first migration. */
const isBlank = (db: Connection): boolean => db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;

const newer = (file: string, version: number): AppError =>
  new AppError(
    'damaged',
    `The store ${file} was made by a newer Muster (schema ${version}, this one knows up to ${SCHEMA_VERSION}); nothing was changed in it. ` +
      'Start the newer Muster, or restore a backup made by this one',
    { file, hint: 'muster-hub restore FILE' },
  );

const quickCheck = (db: Connection, file: string): void => {
  const fault = String(db.pragma('quick_check(1)', { simple: true }));
  if (fault !== 'ok') throw damaged(file, fault);
};

const configure = (db: Connection, { max_bytes }: ConnectSettings): void => {
  db.pragma('journal_mode = WAL');
  // A PUBACK promises what is on disk: NORMAL would lose the last commits at a power cut.
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  db.pragma('temp_store = MEMORY');
  // Checkpoints run between commits (`createCheckpointer`), never inside one.
  db.pragma('wal_autocheckpoint = 0');
  db.pragma(`journal_size_limit = ${WAL_BYTES}`);
  const page = Number(db.pragma('page_size', { simple: true }));
  if (max_bytes !== null) db.pragma(`max_page_count = ${Math.max(1, Math.floor(max_bytes / page))}`);
};

const migrate = (db: Connection): void => {
  const apply = db.transaction(() => {
    const from = Number(db.pragma('user_version', { simple: true }));
    for (const { version, sql, move } of migrations.slice(from)) {
      db.exec(sql);
      move?.(db);
      db.pragma(`user_version = ${version}`);
    }
    db.pragma(`application_id = ${APPLICATION_ID}`);
  });
  if (Number(db.pragma('user_version', { simple: true })) < SCHEMA_VERSION) apply.immediate();
};
