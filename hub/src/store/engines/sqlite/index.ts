/** Plain rows in SQLite: WAL, `synchronous=FULL`. Synchronous inside, hence run in a worker thread (`client`). */
import { AppError } from '@muster/shared/errors';
import type { Engine, Recovered } from '../../store.js';
import { type Connection, type ConnectSettings, openForReading, openForWriting } from './connect.js';
import { createDictionary } from './dictionary.js';
import { asStoreError } from './errors.js';
import { backupTo, createCheckpointer, findFaults } from './maintain.js';
import { createQueries } from './query.js';
import { readEntries, readLog, readStats, recover } from './records.js';
import { createCommit } from './write.js';

export interface SqliteSettings extends Partial<ConnectSettings> {
  file: string;
  /** For queries beside a writer: commits are refused. */
  readonly?: boolean;
}

/** A reader takes over no state: its writer has recovered it. */
const NOTHING: Recovered = { documents: [], sequences: [], numbers: { alerts: 0, audit: 0, quarantine: 0 } };

interface Opened {
  db: Connection;
  commit: ReturnType<typeof createCommit>;
  queries: ReturnType<typeof createQueries>;
  checkpointer: ReturnType<typeof createCheckpointer>;
}

export const createSqliteEngine = (settings: SqliteSettings): Engine => {
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
  return {
    async open() {
      opened ??= openStore(settings);
      return settings.readonly ? NOTHING : on('Reading', ({ db }) => recover(db));
    },
    commit: (changes) =>
      on('Writing to', (store) => {
        store.commit(changes);
        store.checkpointer.soon();
      }),
    series: (query) => on('Reading', ({ queries }) => queries.series(query)),
    latest: () => on('Reading', ({ queries }) => queries.latest()),
    top: (query) => on('Reading', ({ queries }) => queries.top(query)),
    rows: (device, after, limit) => on('Reading', ({ queries }) => queries.rows(device, after, limit)),
    log: (query) => on('Reading', ({ db }) => readLog(db, query)),
    entries: (query) => on('Reading', ({ db }) => readEntries(db, query)),
    stats: () => on('Reading', ({ db }) => readStats(db)),
    backup: (target) => on('Copying', ({ db }) => backupTo(db, target)),
    verify: () => on('Checking', ({ db }) => findFaults(db)),
    async close() {
      opened?.checkpointer.stop();
      opened?.db.close();
      opened = null;
    },
  };
};

const openStore = ({ file, readonly = false, busy_ms = 1_000, max_bytes = null }: SqliteSettings): Opened => {
  const db = (readonly ? openForReading : openForWriting)({ file, busy_ms, max_bytes });
  const dictionary = createDictionary(db);
  return {
    db,
    commit: createCommit(db, dictionary),
    queries: createQueries(db, dictionary),
    checkpointer: createCheckpointer(db),
  };
};
