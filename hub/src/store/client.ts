/** The SQLite engine in worker threads: one writes, one reads, so that a big chart never delays a commit. */
import { Worker } from 'node:worker_threads';
import { AppError } from '@muster/shared/errors';
import { builtUrl } from './built.js';
import { type Channel, createChannel, type Method } from './channel.js';
import type { SqliteSettings } from './engines/sqlite/index.js';
import type { Engine } from './store.js';

export interface EngineClientSettings extends Omit<SqliteSettings, 'readonly'> {
  /** Reads that may wait; more are refused with `busy`, since a browser that gave up does not need its answer. */
  reads_waiting?: number;
}

export interface EngineClient extends Engine {
  /** For tests: commits are refused until it is null again. */
  setFault(fault: 'io_error' | null): void;
}

const READS_WAITING = 64;
const READS = ['series', 'latest', 'top', 'log', 'entries', 'rows', 'stats'] as const satisfies readonly Method[];

export const createEngineClient = (settings: EngineClientSettings): EngineClient => {
  const { reads_waiting = READS_WAITING, ...sqlite } = settings;
  const writer = createChannel('storage thread', () => startWorker(sqlite));
  const reader = createChannel('query thread', () => startWorker({ ...sqlite, readonly: true }));
  let fault: 'io_error' | null = null;
  let closing: Promise<void> | null = null;
  return {
    // Only the writer knows what is not sealed yet.
    ...readsBy(writer, reads_waiting),
    log: (query) => reader.call('log', query),
    entries: (query) => reader.call('entries', query),
    open: () => writer.call('open'),
    commit: (changes) => (fault ? Promise.reject(refused(sqlite.file)) : writer.call('commit', changes)),
    // In a thread of their own: they read the whole file, charts and commits go on meanwhile.
    backup: (target) => once(sqlite, (channel) => channel.call('backup', target)),
    verify: () => once(sqlite, (channel) => channel.call('verify')),
    close() {
      closing ??= Promise.all([reader.close(), writer.close()]).then(() => {});
      return closing;
    },
    setFault(next) {
      fault = next;
    },
  };
};

const refused = (file: string): AppError =>
  new AppError('storage', `Writing to ${file} failed: the disk reported an error (as a test asked for)`, { file });

// execArgv: [] keeps the parent's loaders and conditions (vitest) away from the built files.
const startWorker = (settings: SqliteSettings): Worker =>
  new Worker(builtUrl(import.meta.url, './worker.js'), { workerData: settings, execArgv: [], name: 'muster-store' });

const readsBy = (channel: Channel, most: number): Pick<Engine, (typeof READS)[number]> => {
  const read = <M extends Method>(method: M, ...args: Parameters<Engine[M]>): ReturnType<Engine[M]> =>
    channel.waiting < most ? channel.call(method, ...args) : (Promise.reject(tooMany(most)) as ReturnType<Engine[M]>);
  return {
    series: (query) => read('series', query),
    latest: () => read('latest'),
    top: (query) => read('top', query),
    log: (query) => read('log', query),
    entries: (query) => read('entries', query),
    rows: (device, after, limit) => read('rows', device, after, limit),
    stats: () => read('stats'),
  };
};

const tooMany = (most: number): AppError =>
  new AppError('busy', `${most} queries are waiting for the store already; ask again in a moment`);

const once = async <T>(settings: SqliteSettings, work: (channel: Channel) => Promise<T>): Promise<T> => {
  const channel = createChannel('maintenance thread', () => startWorker({ ...settings, readonly: true }));
  try {
    return await work(channel);
  } finally {
    await channel.close();
  }
};
