/** The reference engine: plain maps, nothing on disk. What it answers is what every other engine must answer. */
import { AppError } from '@muster/shared/errors';
import { checkChanges, checkQueries } from '../changes.js';
import { joinIntervals } from '../intervals.js';
import { counterPoints, gaugePoints, isSeriesOf, rank, rankedSpan, type Sample, standing } from '../rollup.js';
import type { Change, Engine, Json, LedgerEntry, LogName, LogRecord, Recovered, SeriesQuery, SeriesResult } from '../store.js';

interface DeviceData {
  series: Map<string, Map<number, number>>;
  /** Times of all rows, also of those without any value. */
  times: Set<number>;
  /** `boot seq`, or `time columns` of a row without identity. */
  rows: Set<string>;
  sequences: Map<string, Set<number>>;
}

interface State {
  devices: Map<string, DeviceData>;
  documents: Map<string, { collection: string; key: string; value: Json }>;
  logs: Record<LogName, Map<number, LogRecord>>;
  entries: Map<string, LedgerEntry>;
}

const emptyState = (): State => ({
  devices: new Map(),
  documents: new Map(),
  logs: { alerts: new Map(), audit: new Map(), quarantine: new Map() },
  entries: new Map(),
});

/** Keeps its content over `close` and `open`. */
export const createMemoryEngine = (): Engine => {
  const state = emptyState();
  return {
    open: async () => recovered(state),
    async commit(changes) {
      checkChanges(changes);
      for (const change of changes) apply(state, change);
    },
    series: async (query) => readSeries(state, query),
    async many(queries) {
      checkQueries(queries);
      return queries.map((query) => readSeries(state, query));
    },
    latest: async () => allSeries(state).flatMap(({ device, series, samples }) => newest(device, series, samples)),
    top: async (query) => rank(standings(state, { ...query, ...rankedSpan(query) }), query.n),
    log: async (query) => readLog(state, query),
    entries: async (query) => readEntries(state, query),
    rows: async (device, after, limit) => readRows(state.devices.get(device), after, limit),
    stats: async () => stats(state),
    async backup() {
      throw new AppError('bad_request', 'The memory engine has no file to back up; use the sqlite engine');
    },
    verify: async () => [],
    async close() {},
  };
};

const dataOf = (state: State, device: string): DeviceData => {
  const data = state.devices.get(device) ?? { series: new Map(), times: new Set(), rows: new Set(), sequences: new Map() };
  state.devices.set(device, data);
  return data;
};

const apply = (state: State, change: Change): void => {
  if (change.kind === 'rows') applyRows(dataOf(state, change.device), change);
  else if (change.kind === 'mark') markSeq(dataOf(state, change.device), change.boot, change.seq);
  else if (change.kind === 'document') applyDocument(state, change);
  else if (change.kind === 'log') applyLog(state, change);
  else if (change.kind === 'entry') applyEntry(state, change.entry);
  else forget(state, change.device);
};

const applyEntry = (state: State, entry: LedgerEntry): void => {
  if (!state.entries.has(entry.id)) state.entries.set(entry.id, { ...entry });
};

const applyRows = (data: DeviceData, { columns, rows }: Extract<Change, { kind: 'rows' }>): void => {
  for (const { boot, seq, ts, values } of rows) {
    const identified = boot !== null && seq !== null;
    const key = identified ? `${boot} ${seq}` : `${ts} ${columns.join('\n')}`;
    if (identified && data.rows.has(key)) continue;
    if (identified) markSeq(data, boot, seq);
    data.rows.add(key);
    data.times.add(ts);
    for (const [index, series] of columns.entries()) {
      const value = values[index] ?? null;
      if (value === null || Number.isNaN(value)) continue;
      const samples = data.series.get(series) ?? new Map<number, number>();
      // Adding 0 turns -0 into 0: JSON on disk knows no -0.
      data.series.set(series, samples.set(ts, value + 0));
    }
  }
};

const markSeq = (data: DeviceData, boot: string, seq: number): void => {
  data.sequences.set(boot, (data.sequences.get(boot) ?? new Set()).add(seq));
};

const applyDocument = (state: State, { collection, key, value }: Extract<Change, { kind: 'document' }>): void => {
  const id = JSON.stringify([collection, key]);
  if (value === null) state.documents.delete(id);
  else state.documents.set(id, { collection, key, value: structuredClone(value) });
};

const applyLog = (state: State, change: Extract<Change, { kind: 'log' }>): void => {
  const log = state.logs[change.log];
  const { number, ts, device, value, keep } = change;
  if (!log.has(number)) log.set(number, { number, ts, device, value: structuredClone(value) });
  if (keep === undefined) return;
  for (const old of log.keys()) if (old <= number - Math.max(1, keep)) log.delete(old);
};

const forget = (state: State, device: string): void => {
  state.devices.delete(device);
  for (const entry of state.entries.values()) if (entry.device === device) state.entries.delete(entry.id);
};

const recovered = (state: State): Recovered => ({
  documents: [...state.documents.values()].map((document) => structuredClone(document)),
  sequences: [...state.devices].flatMap(([device, data]) =>
    [...data.sequences].map(([boot, seqs]) => ({ device, boot, intervals: joinIntervals([...seqs].map((seq) => [seq, seq])) })),
  ),
  numbers: {
    alerts: newestOf(state.logs.alerts),
    audit: newestOf(state.logs.audit),
    quarantine: newestOf(state.logs.quarantine),
  },
});

const newestOf = (log: Map<number, LogRecord>): number => Math.max(0, ...log.keys());

const samplesOf = (samples: Map<number, number> = new Map()): Sample[] => [...samples].sort((a, b) => a[0] - b[0]);

const allSeries = (state: State) =>
  [...state.devices].flatMap(([device, data]) =>
    [...data.series].map(([series, samples]) => ({ device, series, samples: samplesOf(samples) })),
  );

const readSeries = (state: State, query: SeriesQuery): SeriesResult => {
  const samples = samplesOf(state.devices.get(query.device)?.series.get(query.series));
  const inside = samples.filter(([ts]) => ts >= query.from && ts < query.to);
  const before = samples.findLast(([ts]) => ts < query.from);
  const points = query.kind === 'counter' ? counterPoints(inside, query, before) : gaugePoints(inside, query);
  return { tier: 'raw', points };
};

const newest = (device: string, series: string, samples: Sample[]) => {
  const last = samples.at(-1);
  return last ? [{ device, series, ts: last[0], value: last[1] }] : [];
};

const standings = (state: State, { metric, from, to, by }: Parameters<Engine['top']>[0]) =>
  allSeries(state).flatMap(({ device, series, samples }) => {
    const inside = samples.filter(([ts]) => ts >= from && ts < to);
    const before = samples.findLast(([ts]) => ts < from);
    const value = isSeriesOf(series, metric) ? standing(by, inside, before) : null;
    return value === null ? [] : [{ device, series, ts: inside.at(-1)?.[0] ?? from, value }];
  });

const readLog = (state: State, { log, after, limit, device, newest = false }: Parameters<Engine['log']>[0]): LogRecord[] =>
  [...state.logs[log].values()]
    .filter((record) => device === undefined || record.device === device)
    .filter(({ number }) => (newest ? after <= 0 || number < after : number > after))
    .sort((a, b) => (newest ? b.number - a.number : a.number - b.number))
    .slice(0, limit)
    .map((record) => structuredClone(record));

const byTime = (a: LedgerEntry, b: LedgerEntry): number => a.ts - b.ts || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

const readEntries = (state: State, query: Parameters<Engine['entries']>[0]): LedgerEntry[] => {
  const { from = 0, to = Number.POSITIVE_INFINITY, device, network, without_opening = false, after, limit } = query;
  const cursor = after === undefined ? undefined : state.entries.get(after);
  if (after !== undefined && !cursor) throw new AppError('bad_request', `There is no ledger entry "${after}" to go on after`);
  return [...state.entries.values()]
    .filter((entry) => entry.ts >= from && entry.ts < to)
    .filter((entry) => (device === undefined || entry.device === device) && (network === undefined || entry.network === network))
    .filter((entry) => !(without_opening && entry.kind === 'opening'))
    .filter((entry) => !cursor || byTime(entry, cursor) > 0)
    .sort(byTime)
    .slice(0, limit)
    .map((entry) => ({ ...entry }));
};

const readRows = (data: DeviceData | undefined, after: number, limit: number) => {
  if (!data) return [];
  const times = [...data.times].filter((ts) => ts > after).sort((a, b) => a - b);
  return times.slice(0, limit).map((ts) => {
    const found = [...data.series].flatMap(([series, samples]) => {
      const value = samples.get(ts);
      return value === undefined ? [] : [[series, value] as const];
    });
    return { ts, series: Object.fromEntries(found) };
  });
};

const stats = (state: State) => {
  const devices = [...state.devices.values()];
  const rows = devices.reduce((sum, data) => sum + data.rows.size, 0);
  const samples = allSeries(state).reduce((sum, one) => sum + one.samples.length, 0);
  return { bytes: 0, rows, samples };
};
