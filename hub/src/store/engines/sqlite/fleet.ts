/** Questions over all devices: answered in slices, so that a chart need not wait for them and they can be called off. */
import { rank, rankedSpan } from '../../rollup.js';
import type { LatestValue, TopQuery } from '../../store.js';
import type { Connection } from './connect.js';
import type { Dictionary } from './dictionary.js';
import { newestOf } from './fleet-newest.js';
import { createMatching } from './fleet-series.js';
import { createRanking } from './fleet-top.js';
import { walk } from './fleet-walk.js';
import type { HeadTables } from './hooks.js';
import type { Shelf } from './query-shelf.js';
import { createSliceWriter, type Slice, type SliceQuery, type SliceWriter } from './slice.js';
import type { PutStrips } from './slice-strips.js';

export interface FleetOptions {
  head?: HeadTables | undefined;
  signal?: AbortSignal | undefined;
}

export interface Page {
  /** Name of the last device of the page before; empty at first. */
  after: string;
  limit: number;
}

export interface Fleet {
  top(query: TopQuery, options?: FleetOptions): Promise<LatestValue[]>;
  latest(options?: FleetOptions & { page?: Page | undefined }): Promise<LatestValue[]>;
  /** What of that is in memory only, for a reader in another thread. */
  slice(query: SliceQuery, options?: Pick<FleetOptions, 'signal'>): Promise<Slice>;
  /** Names of the devices of a page. */
  devices(page: Page): string[];
}

interface Named {
  id: number;
  device: string;
}

interface Needs {
  db: Connection;
  dictionary: Dictionary;
  shelf: Shelf;
  head: HeadTables;
  /** Where rows are in memory. */
  strips?: PutStrips | undefined;
}

const NONE: ReadonlySet<number> = new Set();

/** The first n of any number: what cannot be among them is not kept. */
const createBest = (n: number) => {
  let found: LatestValue[] = [];
  const best = {
    least: Number.NEGATIVE_INFINITY,
    add(value: LatestValue) {
      if (found.push(value) < 2 * n + 200) return;
      found = rank(found, n);
      best.least = found[n - 1]?.value ?? Number.POSITIVE_INFINITY;
    },
    all: () => rank(found, n),
  };
  return best;
};

export const createFleet = (needs: Needs): Fleet => {
  const devices = needs.db.prepare<[], Named>('SELECT id, device FROM devices ORDER BY device');
  const ids = needs.db.prepare<[], number>('SELECT id FROM devices').pluck();
  const some = needs.db.prepare<[string, number], Named>(
    'SELECT id, device FROM devices WHERE device > ? ORDER BY device LIMIT ?',
  );
  const ranking = createRanking(needs.shelf);
  const matching = createMatching(needs);
  return {
    async top(query, { head = needs.head, signal } = {}) {
      const seriesOf = matching(query.metric);
      const standings = ranking(query);
      const best = createBest(query.n);
      const range = { from: 0, to: rankedSpan(query).to };
      const one = ({ id, device }: Named) => {
        const series = seriesOf(id) ?? NONE;
        if (series.size === 0) return;
        standings.of({ device: id, series, heads: head(id, series, range) }, (one, ts, value) => {
          if (value >= best.least) best.add({ device, series: needs.dictionary.seriesKey(one), ts, value });
        });
      };
      needs.shelf.steady(standings.refresh);
      await walk(devices.all(), { work: one, around: needs.shelf.steady, signal });
      return best.all();
    },
    async latest({ head = needs.head, signal, page } = {}) {
      const found: LatestValue[] = [];
      const one = ({ id, device }: Named) => {
        for (const [series, value] of newestOf(needs, id, head))
          found.push({ device, series: needs.dictionary.seriesKey(series), ...value });
      };
      await walk(page ? some.all(page.after, page.limit) : devices.all(), { work: one, around: needs.shelf.steady, signal });
      return found;
    },
    async slice(query, { signal } = {}) {
      const { device, page, series, metric } = query;
      const wanted =
        series === undefined ? matching(metric) : always([series].flat().flatMap((one) => needs.dictionary.series(one) ?? []));
      const slice = createSliceWriter();
      const one = (id: number) => putRows(needs, query, { device: id, series: wanted(id), slice });
      const known = device === undefined ? undefined : needs.dictionary.device(device);
      if (known !== undefined) one(known);
      else if (page) await walk(some.all(page.after, page.limit), { work: ({ id }) => one(id), signal });
      else if (device === undefined) await walk(ids.all(), { work: one, signal });
      return slice.end();
    },
    devices: (page) => some.all(page.after, page.limit).map(({ device }) => device),
  };
};

interface Rows {
  device: number;
  series: ReadonlySet<number> | null;
  slice: SliceWriter;
}

const putRows = ({ head, strips }: Needs, { from, to, by }: SliceQuery, { device, series, slice }: Rows): void => {
  if (series?.size === 0) return;
  if (strips && series && (by === 'increase' || by === 'max') && strips({ device, series, by, to }, slice)) return;
  for (const table of head(device, series, { from, to })) slice.put(device, table);
};

const always = (series: readonly number[]) => () => new Set(series);
