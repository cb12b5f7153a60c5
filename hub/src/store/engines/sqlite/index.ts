/** The chunk engine in SQLite: WAL, `synchronous=FULL`. Synchronous inside, hence run in a worker thread (`client`). */
import { AppError } from '@muster/shared/errors';
import type { Notice } from '../../channel.js';
import { type PackedRecovered, packRecovered, unpackRecovered } from '../../recovered.js';
import type { Engine, ExportedRow, LatestValue, ReadOptions, SeriesQuery, SeriesResult, TopQuery } from '../../store.js';
import { type Connection, type ConnectSettings, openForReading, openForWriting } from './connect.js';
import { createDictionary, type Dictionary } from './dictionary.js';
import { asStoreError } from './errors.js';
import type { FleetOptions, Page } from './fleet.js';
import { readForecast } from './forecast.js';
import { backupTo, createCheckpointer } from './maintain.js';
import { createQueries } from './query.js';
import { type Contents, readContents, readEntries, readLog, readStats } from './records.js';
import { createRollups } from './rollups.js';
import { type Slice, type SliceQuery, unpackSlice } from './slice.js';
import { RETENTION } from './sweep.js';
import { findFaults } from './verify.js';
import { createWriteSide, type WriteSettings, type WriteSide } from './write-side.js';

export interface SqliteSettings extends Partial<ConnectSettings>, WriteSettings {
  file: string;
  /** For queries beside a writer: commits are refused. */
  readonly?: boolean;
}

/** `slice`: rows that are in memory only where the writer is; without it they are those of this engine. */
export interface SqliteReadOptions extends ReadOptions {
  slice?: Slice | undefined;
}

export interface SqliteEngine extends Engine {
  /** `open`, with what it finds as it travels between threads. */
  recover(): Promise<PackedRecovered>;
  series(query: SeriesQuery, options?: SqliteReadOptions): Promise<SeriesResult>;
  many(queries: readonly SeriesQuery[], options?: SqliteReadOptions): Promise<SeriesResult[]>;
  top(query: TopQuery, options?: SqliteReadOptions): Promise<LatestValue[]>;
  latest(options?: SqliteReadOptions & { page?: Page | undefined }): Promise<LatestValue[]>;
  rows(device: string, after: number, limit: number, options?: SqliteReadOptions): Promise<ExportedRow[]>;
  /** The rows in memory that a question needs, for the engine that answers it in another thread. */
  slice(query: SliceQuery, options?: ReadOptions): Promise<Slice>;
  /** Names of devices, for going through all of them page by page. */
  devices(page: Page): Promise<string[]>;
  /** Damaged places that reads of this engine met and the store has not noted. */
  damage(): Promise<number>;
  /** Counts what the file holds; as slow as `verify`. */
  contents(): Promise<Contents>;
  /** One bounded slice of what goes on behind the commits; true: there is more to do at once. Never throws. */
  work(now: number): boolean;
  /** False while rows of before the start are still being read back: what asks for them then waits for all of them. */
  readonly whole: boolean;
  /** Why nothing gets done behind the commits, null when all is well. */
  readonly fault: string | null;
}

/** A reader takes over no state: its writer has recovered it. */
const nothing = (): PackedRecovered =>
  packRecovered({ documents: [], sequences: [], numbers: { alerts: 0, audit: 0, quarantine: 0 } });
const NO_ROWS = { rows: 0, samples: 0 };

interface Opened {
  db: Connection;
  dictionary: Dictionary;
  write: WriteSide | null;
  queries: ReturnType<typeof createQueries>;
  checkpointer: ReturnType<typeof createCheckpointer>;
}

type OnNotice = (notice: Notice) => void;

export const createSqliteEngine = (
  settings: SqliteSettings,
  now: () => number = Date.now,
  onNotice: OnNotice = () => {},
): SqliteEngine => {
  const { file } = settings;
  let opened: Opened | null = null;
  const on = async <T>(doing: string, work: (store: Opened) => T | Promise<T>): Promise<T> => {
    if (!opened) throw new AppError('storage', `The store ${file} is not open`, { file });
    try {
      return await work(opened);
    } catch (error) {
      throw asStoreError(error, file, doing);
    }
  };
  const recover = async () => {
    opened ??= openStore(settings, now(), onNotice);
    return on('Reading', ({ write }) => write?.recovered() ?? nothing());
  };
  return {
    recover,
    open: async () => unpackRecovered(await recover()),
    commit: (changes) =>
      on('Writing to', ({ write, checkpointer }) => {
        if (!write) throw new AppError('storage', `The store ${file} is open for reading only`, { file });
        write.commit(changes, now());
        checkpointer.soon();
      }),
    work(at) {
      if (!opened?.write) return false;
      const more = opened.write.work(at);
      opened.checkpointer.soon();
      return more;
    },
    get whole() {
      return opened?.write?.whole ?? true;
    },
    get fault() {
      return opened?.write?.fault ?? null;
    },
    series: (query, options) => on('Reading', ({ queries }) => queries.series(query, readingOf(options).head)),
    many: (queries, options) => on('Reading', ({ queries: all }) => all.many(queries, readingOf(options))),
    latest: (options) => on('Reading', ({ queries }) => queries.latest({ ...readingOf(options), page: options?.page })),
    top: (query, options) => on('Reading', ({ queries }) => queries.top(query, readingOf(options))),
    rows: (device, after, limit, options) =>
      on('Reading', ({ queries }) => queries.rows({ device, after, limit }, readingOf(options).head)),
    slice: (query, options) => on('Reading', ({ queries }) => queries.slice(query, readingOf(options))),
    damage: () => on('Reading', ({ queries }) => queries.unnoted()),
    devices: (page) => on('Reading', ({ queries }) => queries.devices(page)),
    log: (query) => on('Reading', ({ db }) => readLog(db, query)),
    entries: (query) => on('Reading', ({ db }) => readEntries(db, query)),
    stats: () =>
      on('Reading', ({ db, write }) => {
        const forecast = readForecast(db, { ...RETENTION, ...settings.retention }, now());
        return { ...(write?.stats() ?? readStats(db, NO_ROWS)), forecast };
      }),
    backup: (target) => on('Copying', ({ db }) => backupTo(db, target)),
    contents: () => on('Checking', ({ db }) => readContents(db)),
    verify: () => on('Checking', ({ db }) => findFaults(db)),
    async close() {
      opened?.checkpointer.stop();
      opened?.db.close();
      opened = null;
    },
  };
};

const readingOf = ({ slice, signal }: SqliteReadOptions = {}): FleetOptions => ({ head: slice && unpackSlice(slice), signal });

const openStore = (settings: SqliteSettings, now: number, onNotice: OnNotice): Opened => {
  const { file, readonly = false, busy_ms = 1_000, max_bytes = null } = settings;
  const db = (readonly ? openForReading : openForWriting)({ file, busy_ms, max_bytes });
  try {
    const dictionary = createDictionary(db, { alone: !readonly });
    const rollups = createRollups(db);
    const write = readonly ? null : createWriteSide({ db, dictionary, rollups, now, onNotice }, settings);
    const queries = createQueries(db, dictionary, write ?? undefined);
    return { db, dictionary, write, queries, checkpointer: createCheckpointer(db) };
  } catch (error) {
    db.close();
    throw asStoreError(error, file, 'Opening');
  }
};
