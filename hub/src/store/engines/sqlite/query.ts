/** Series, latest and top out of plain rows. */
import { counterPoints, gaugePoints, isSeriesOf, lastPerTime, rank, type Sample, standing } from '../../rollup.js';
import type { LatestValue, SeriesQuery, SeriesResult, TopQuery } from '../../store.js';
import type { Connection } from './connect.js';
import type { Dictionary } from './dictionary.js';

interface RowText {
  id: number;
  ts: number;
  vals: string;
}
/** A stored value with what decides which one holds: time, then order of arrival. */
interface Found {
  ts: number;
  id: number;
  value: number;
}

interface Reading {
  sql: ReturnType<typeof statements>;
  dictionary: Dictionary;
}

export interface Queries {
  series(query: SeriesQuery): SeriesResult;
  latest(): LatestValue[];
  top(query: TopQuery): LatestValue[];
  rows(device: string, after: number, limit: number): { ts: number; series: Record<string, number> }[];
}

export const createQueries = (db: Connection, dictionary: Dictionary): Queries => {
  const reading: Reading = { sql: statements(db), dictionary };
  return {
    series: (query) => series(reading, query),
    latest: () => reading.sql.devices.all().flatMap(({ id, device }) => latestOf(reading, id, device)),
    top: (query) =>
      rank(
        reading.sql.devices.all().flatMap(({ id, device }) => standingsOf(reading, { id, device }, query)),
        query.n,
      ),
    rows(name, after, limit) {
      const device = dictionary.device(name);
      return device === undefined || limit < 1 ? [] : page(reading, { device, after, limit });
    },
  };
};

const valuesOf = (row: RowText): (number | null)[] => JSON.parse(row.vals);
const byArrival = (a: { ts: number; id: number }, b: { ts: number; id: number }): number => a.ts - b.ts || a.id - b.id;

interface Track {
  device: number;
  list: number;
  /** Which value of the list. */
  position: number;
}

const tracksOf = ({ dictionary }: Reading, device: number, wanted: (series: string) => boolean): (Track & { series: string })[] =>
  dictionary
    .listsOf(device)
    .flatMap((list) =>
      dictionary.columns(list).flatMap((series, position) => (wanted(series) ? [{ device, list, position, series }] : [])),
    );

const series = (reading: Reading, query: SeriesQuery): SeriesResult => {
  const device = reading.dictionary.device(query.device);
  if (device === undefined) return { tier: 'raw', points: [] };
  const tracks = tracksOf(reading, device, (series) => series === query.series);
  const samples = samplesIn(reading, tracks, query);
  if (query.kind === 'gauge') return { tier: 'raw', points: gaugePoints(samples, query) };
  return { tier: 'raw', points: counterPoints(samples, query, sampleBefore(reading, tracks, query.from)) };
};

const samplesIn = ({ sql }: Reading, tracks: readonly Track[], { from, to }: { from: number; to: number }): Sample[] => {
  const found = tracks.flatMap(({ device, list, position }) =>
    sql.between.all(device, list, from, to).flatMap((row) => pick(row, position)),
  );
  if (tracks.length > 1) found.sort(byArrival);
  return lastPerTime(found.map(({ ts, value }) => [ts, value]));
};

const pick = (row: RowText, position: number): Found[] => {
  const value = valuesOf(row)[position] ?? null;
  return value === null ? [] : [{ ts: row.ts, id: row.id, value }];
};

const sampleBefore = ({ sql }: Reading, tracks: readonly Track[], from: number): Sample | undefined => {
  const found = tracks.flatMap(({ device, list, position }) => {
    for (const row of sql.before.iterate(device, list, from)) {
      const hit = pick(row, position);
      if (hit.length) return hit;
    }
    return [];
  });
  const newest = found.sort(byArrival).at(-1);
  return newest && [newest.ts, newest.value];
};

const latestOf = (reading: Reading, device: number, name: string): LatestValue[] => {
  const newest = new Map<string, Found>();
  for (const list of reading.dictionary.listsOf(device)) latestOfList(reading, { device, list }, newest);
  return [...newest].map(([series, { ts, value }]) => ({ device: name, series, ts, value }));
};

const latestOfList = ({ sql, dictionary }: Reading, at: { device: number; list: number }, newest: Map<string, Found>): void => {
  const missing = new Map(dictionary.columns(at.list).map((series, position) => [position, series]));
  for (const row of sql.before.iterate(at.device, at.list, Number.MAX_SAFE_INTEGER)) {
    const values = valuesOf(row);
    for (const [position, series] of missing) {
      const value = values[position] ?? null;
      if (value === null) continue;
      missing.delete(position);
      const found = { ts: row.ts, id: row.id, value };
      const known = newest.get(series);
      if (!known || byArrival(found, known) > 0) newest.set(series, found);
    }
    if (missing.size === 0) return;
  }
};

const standingsOf = (reading: Reading, { id, device }: { id: number; device: string }, query: TopQuery): LatestValue[] => {
  const tracks = new Map<string, Track[]>();
  for (const track of tracksOf(reading, id, (series) => isSeriesOf(series, query.metric)))
    tracks.set(track.series, [...(tracks.get(track.series) ?? []), track]);
  return [...tracks].flatMap(([series, own]) => {
    const samples = samplesIn(reading, own, query);
    const before = query.by === 'increase' ? sampleBefore(reading, own, query.from) : undefined;
    const value = standing(query.by, samples, before);
    return value === null ? [] : [{ device, series, ts: samples.at(-1)?.[0] ?? query.from, value }];
  });
};

type Page = { ts: number; series: Record<string, number> }[];

/** Every list is read up to the same time, so that no row of a time is left behind for a next page that starts after it. */
const page = (reading: Reading, { device, after, limit }: { device: number; after: number; limit: number }): Page => {
  for (let size = limit + 1; ; size *= 2) {
    const perList = reading.dictionary
      .listsOf(device)
      .map((list) => ({ list, rows: reading.sql.after.all(device, list, after, size) }));
    const cut = perList.flatMap(({ rows }) => (rows.length === size ? [rows.at(-1)?.ts ?? 0] : []));
    const horizon = Math.min(...cut, Number.POSITIVE_INFINITY);
    const merged = mergeRows(reading, perList, horizon);
    if (merged.length >= limit || cut.length === 0) return merged.slice(0, limit);
  }
};

const mergeRows = ({ dictionary }: Reading, perList: { list: number; rows: RowText[] }[], horizon: number): Page => {
  const all = perList.flatMap(({ list, rows }) => rows.filter(({ ts }) => ts < horizon).map((row) => ({ ...row, list })));
  const merged: Page = [];
  for (const row of all.sort(byArrival)) {
    const last = merged.at(-1);
    const into = last?.ts === row.ts ? last : { ts: row.ts, series: {} };
    if (into !== last) merged.push(into);
    const columns = dictionary.columns(row.list);
    for (const [position, value] of valuesOf(row).entries()) {
      const series = columns[position];
      if (value !== null && series !== undefined) into.series[series] = value;
    }
  }
  return merged;
};

const statements = (db: Connection) => ({
  devices: db.prepare<[], { id: number; device: string }>('SELECT id, device FROM devices ORDER BY device'),
  between: db.prepare<[number, number, number, number], RowText>(
    'SELECT id, ts, vals FROM rows WHERE device = ? AND list = ? AND ts >= ? AND ts < ? ORDER BY ts, id',
  ),
  // 1,000 rows back: a value that has been missing for longer counts as gone, and no query walks through years.
  before: db.prepare<[number, number, number], RowText>(
    'SELECT id, ts, vals FROM rows WHERE device = ? AND list = ? AND ts < ? ORDER BY ts DESC, id DESC LIMIT 1000',
  ),
  after: db.prepare<[number, number, number, number], RowText>(
    'SELECT id, ts, vals FROM rows WHERE device = ? AND list = ? AND ts > ? ORDER BY ts, id LIMIT ?',
  ),
});
