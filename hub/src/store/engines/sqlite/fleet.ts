/** Questions over all devices: answered in slices, so that a chart need not wait for them and they can be called off. */
import { createStanding, type Fold } from '../../fold.js';
import { isSeriesOf, rank } from '../../rollup.js';
import type { LatestValue, TopQuery } from '../../store.js';
import type { Connection } from './connect.js';
import type { Dictionary } from './dictionary.js';
import { newestOf } from './fleet-newest.js';
import { walk } from './fleet-walk.js';
import type { HeadTables } from './hooks.js';
import { deviceOfStaged, endOfStaged, SLOT_MS, windowOf } from './ids.js';
import type { Samples } from './query-samples.js';
import type { Sealed, Shelf, Track } from './query-shelf.js';
import { feedSpan, type Span } from './query-span.js';
import { type DeviceTables, packSlice, type Slice, type SliceQuery } from './slice.js';
import type { Table } from './table.js';

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
}

/** From here on spans are cut to five minutes, so that no device needs its raw rows. */
const EXACT_SPAN_MS = 6 * 3_600_000;

export const createFleet = (needs: Needs): Fleet => {
  const devices = needs.db.prepare<[], Named>('SELECT id, device FROM devices ORDER BY device');
  const some = needs.db.prepare<[string, number], Named>(
    'SELECT id, device FROM devices WHERE device > ? ORDER BY device LIMIT ?',
  );
  return {
    async top(query, { head = needs.head, signal } = {}) {
      const matching = createMatching(needs.dictionary, query.metric);
      const parts = partsOf(needs.shelf, query);
      const found: LatestValue[] = [];
      const one = ({ id, device }: Named) => {
        const series = matching(id) ?? new Set();
        if (series.size === 0) return;
        const heads = head(id, series, { from: 0, to: query.to });
        for (const one of series) {
          const standing = standingOf({ ...needs, heads, parts }, { device: id, series: one }, query);
          if (standing) found.push({ device, series: needs.dictionary.seriesKey(one), ...standing });
        }
      };
      await walk(devices.all(), { work: one, around: needs.shelf.steady, signal });
      return rank(found, query.n);
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
    async slice({ device, page, series, metric, from, to }, { signal } = {}) {
      const found: DeviceTables[] = [];
      const wanted = series === undefined ? createMatching(needs.dictionary, metric) : always(needs.dictionary.series(series));
      const one = ({ id }: { id: number }) => {
        const own = wanted(id);
        if (own?.size !== 0)
          found.push({ device: id, tables: needs.head(id, own, { from, to }).filter(({ ts }) => ts.length > 0) });
      };
      const known = device === undefined ? undefined : needs.dictionary.device(device);
      if (known !== undefined) one({ id: known });
      else if (device === undefined) await walk(page ? some.all(page.after, page.limit) : devices.all(), { work: one, signal });
      return packSlice(found);
    },
    devices: (page) => some.all(page.after, page.limit).map(({ device }) => device),
  };
};

const always = (series: number | undefined) => () => new Set(series === undefined ? [] : [series]);

/** The series of a device that belong to a metric; null: all. */
const createMatching = (dictionary: Dictionary, metric: string | undefined): ((device: number) => ReadonlySet<number> | null) => {
  if (metric === undefined) return () => null;
  const lists = new Map<number, number[]>();
  const ofList = (list: number): number[] => {
    const known = lists.get(list);
    if (known) return known;
    const series = [...dictionary.seriesOf(list)].filter((id) => isSeriesOf(dictionary.seriesKey(id), metric));
    lists.set(list, series);
    return series;
  };
  return (device) => new Set(dictionary.listsOf(device).flatMap(ofList));
};

/** Looked up once for all devices: 24 look-ups for each would take longer than all the rest. */
const partsOf = (shelf: Shelf, { from, to }: TopQuery): ((track: Track, window: number) => Samples[]) => {
  const devices = new Map<number, Sealed[]>();
  for (const sealed of shelf.sealed(from - SLOT_MS, to + SLOT_MS)) {
    const device = deviceOfStaged(sealed.id);
    const own = devices.get(device);
    if (own) own.push(sealed);
    else devices.set(device, [sealed]);
  }
  return (track, window) => {
    const own = (devices.get(track.device) ?? []).filter(({ id }) => windowOf(track.device, endOfStaged(id) - 1) === window);
    return own.sort((a, b) => a.seal - b.seal || a.id - b.id).flatMap((sealed) => shelf.part(track.series, sealed) ?? []);
  };
};

type Reading = Needs & { heads: readonly Table[]; parts(track: Track, window: number): Samples[] };

const standingOf = (reading: Reading, track: Track, { from, to, by }: TopQuery): { ts: number; value: number } | null => {
  const fold = newestTime(createStanding(by));
  const edges = to - from > EXACT_SPAN_MS ? 'five' : 'exact';
  const span: Span = { from, to, kind: by === 'increase' ? 'counter' : 'gauge', tier: '1h', edges };
  feedSpan(reading, track, span, fold);
  const value = fold.result();
  return value === null ? null : { ts: fold.newest(), value };
};

/** Notes the time of the newest sample that was fed. */
const newestTime = <T>(fold: Fold<T>): Fold<T> & { newest(): number } => {
  let newest = 0;
  return {
    ...fold,
    sample(ts, value) {
      newest = ts;
      fold.sample(ts, value);
    },
    run(run) {
      newest = run.last_ts || run.start;
      fold.run(run);
    },
    newest: () => newest,
  };
};
