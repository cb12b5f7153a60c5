/** The SQLite engine in worker threads: one writes, one reads, so that a big chart never delays a commit. */
import { Worker } from 'node:worker_threads';
import { AppError } from '@muster/shared/errors';
import { builtUrl } from './built.js';
import { checkQueries } from './changes.js';
import { type Channel, createChannel, type Notice } from './channel.js';
import type { Page } from './engines/sqlite/fleet.js';
import type { SqliteSettings } from './engines/sqlite/index.js';
import type { Slice, SliceQuery } from './engines/sqlite/slice.js';
import { unpackRecovered } from './recovered.js';
import { GRID_MS, rankedSpan } from './rollup.js';
import type { Engine, LatestValue, ReadOptions, SeriesQuery, SeriesResult, TopQuery } from './store.js';
import { createTurns, type Turns } from './turns.js';

export interface EngineClientSettings extends Omit<SqliteSettings, 'readonly'> {
  /** Reads that may wait; more are refused with `busy`, since a browser that gave up does not need its answer. */
  reads_waiting?: number;
}

export interface EngineClient extends Engine {
  /** For tests: commits are refused until it is null again. */
  setFault(fault: 'io_error' | null): void;
  /** For a start: asked of the writing thread, since the reading one would have to be loaded first. */
  readonly early: Pick<Engine, 'log' | 'entries'>;
  /** What `latest` answers, some devices at a time. */
  newest(options?: ReadOptions): AsyncGenerator<LatestValue[]>;
}

const READS_WAITING = 64;
/** More would only wait in the reading thread, where they cannot be called off. */
const READS_AT_ONCE = 4;
/** Devices whose newest values travel at a time: about 6,000 values, 6 ms of the main thread. */
const LATEST_PAGE = 200;

export const createEngineClient = (
  settings: EngineClientSettings,
  onNotice: (notice: Notice) => void = () => {},
): EngineClient => {
  const { reads_waiting = READS_WAITING, ...sqlite } = settings;
  const writer = createChannel('storage thread', () => startWorker(sqlite), onNotice);
  const reader = createChannel('query thread', () => startWorker({ ...sqlite, readonly: true }));
  const turns = createTurns({ at_once: READS_AT_ONCE, most: reads_waiting });
  let fault: 'io_error' | null = null;
  let closing: Promise<void> | null = null;
  return {
    ...readsBy({ writer, reader, turns }),
    // Only the writer knows what is not sealed yet, only the reader what it could not read.
    async stats() {
      const [stats, met] = await turns.run(() => Promise.all([writer.call('stats'), reader.call('damage')]));
      return { ...stats, damaged: (stats.damaged ?? 0) + met };
    },
    open: async () => unpackRecovered(await writer.call('recover')),
    early: { log: (query) => writer.call('log', query), entries: (query) => writer.call('entries', query) },
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

/** Young objects of a storage thread; V8's own 48 MiB cost 20 MiB of memory more and save no time that could be measured. */
const YOUNG_MIB = 12;

// execArgv: [] keeps the parent's loaders and conditions (vitest) away from the built files.
const startWorker = (settings: SqliteSettings): Worker =>
  new Worker(builtUrl(import.meta.url, './worker.js'), {
    workerData: settings,
    execArgv: [],
    name: 'muster-store',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });

interface Threads {
  writer: Channel;
  reader: Channel;
  turns: Turns;
}

type Reads = Pick<EngineClient, 'series' | 'many' | 'latest' | 'newest' | 'top' | 'log' | 'entries' | 'rows'>;

/** First what is in the writer's memory, then the disk: what is sealed in between comes twice and counts once. */
const readsBy = ({ writer, reader, turns }: Threads): Reads => {
  const withSlice = async <T>(query: SliceQuery, signal: AbortSignal | undefined, read: (given: Given) => Promise<T>) => {
    const slice = await writer.ask({ method: 'slice', args: [query, {}], signal });
    return read({ options: { slice }, ask: { signal, transfer: [slice.buffer as ArrayBuffer] } });
  };
  const newest = async function* ({ signal }: ReadOptions = {}) {
    let after: string | undefined = '';
    while (after !== undefined) {
      const page: Page = { after, limit: LATEST_PAGE };
      const read = ({ options, ask }: Given) => reader.ask({ method: 'latest', args: [{ ...options, page }], ...ask });
      after = (await turns.run(() => reader.call('devices', page), signal)).at(-1);
      const slice = { page, from: 0, to: Number.MAX_SAFE_INTEGER };
      yield await turns.run(() => withSlice(slice, signal, read), signal);
    }
  };
  return {
    newest,
    series: (query, { signal } = {}) => {
      const { device, series, to } = query;
      const read = ({ options, ask }: Given) => reader.ask({ method: 'series', args: [query, options], ...ask });
      return turns.run(() => withSlice({ device, series, from: 0, to }, signal, read), signal);
    },
    async many(queries, { signal } = {}) {
      checkQueries(queries);
      const found = new Map<SeriesQuery, SeriesResult>();
      for (const own of byDevice(queries)) {
        const slice = {
          device: own[0]?.device,
          series: own.map(({ series }) => series),
          from: 0,
          to: Math.max(...own.map(({ to }) => to)),
        };
        const read = ({ options, ask }: Given) => reader.ask({ method: 'many', args: [own, options], ...ask });
        const results = await turns.run(() => withSlice(slice, signal, read), signal);
        for (const [index, query] of own.entries()) found.set(query, results[index] ?? { tier: 'raw', points: [] });
      }
      return queries.map((query) => found.get(query) ?? { tier: 'raw', points: [] });
    },
    top: (query, { signal } = {}) => {
      const read = ({ options, ask }: Given) => reader.ask({ method: 'top', args: [query, options], ...ask });
      return turns.run(() => withSlice(rankingSlice(query), signal, read), signal);
    },
    rows: (device, after, limit, { signal } = {}) => {
      const read = ({ options, ask }: Given) => reader.ask({ method: 'rows', args: [device, after, limit, options], ...ask });
      return turns.run(() => withSlice({ device, from: after, to: Number.MAX_SAFE_INTEGER }, signal, read), signal);
    },
    async latest(options) {
      const found: LatestValue[] = [];
      for await (const some of newest(options)) found.push(...some);
      return found;
    },
    log: (query) => turns.run(() => reader.call('log', query)),
    entries: (query) => turns.run(() => reader.call('entries', query)),
  };
};

const byDevice = (queries: readonly SeriesQuery[]): SeriesQuery[][] => {
  const devices = new Map<string, SeriesQuery[]>();
  for (const query of queries) devices.set(query.device, [...(devices.get(query.device) ?? []), query]);
  return [...devices.values()];
};

/** Off whole five minutes a ranking needs every sample. */
const rankingSlice = (query: TopQuery): SliceQuery => {
  const { from, to } = rankedSpan(query);
  const onGrid = from % GRID_MS === 0 && to % GRID_MS === 0;
  return { metric: query.metric, from: 0, to, by: onGrid ? query.by : undefined };
};

interface Given {
  options: { slice: Slice };
  ask: { signal: AbortSignal | undefined; transfer: ArrayBuffer[] };
}

const once = async <T>(settings: SqliteSettings, work: (channel: Channel) => Promise<T>): Promise<T> => {
  const channel = createChannel('maintenance thread', () => startWorker({ ...settings, readonly: true }));
  try {
    return await work(channel);
  } finally {
    await channel.close();
  }
};
