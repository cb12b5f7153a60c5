/** Series, latest and top out of what is in memory, sealed, merged and rolled up. */
import { checkQueries } from '../../changes.js';
import { createChart } from '../../fold.js';
import { bucketStep } from '../../rollup.js';
import type { ExportedRow, SeriesQuery, SeriesResult } from '../../store.js';
import type { Connection } from './connect.js';
import type { Dictionary } from './dictionary.js';
import { createFleet, type Fleet, type FleetOptions } from './fleet.js';
import { walk } from './fleet-walk.js';
import { type HeadTables, NO_HEAD } from './hooks.js';
import { readRows } from './query-rows.js';
import { createShared } from './query-shared.js';
import { createShelf } from './query-shelf.js';
import { feedSpan, tierOf } from './query-span.js';
import type { PutStrips } from './slice-strips.js';

/** `head`: where the rows that are in memory only are, when not where the queries were made. */
export interface Queries extends Fleet {
  series(query: SeriesQuery, head?: HeadTables): SeriesResult;
  many(queries: readonly SeriesQuery[], options?: FleetOptions): Promise<SeriesResult[]>;
  rows(page: { device: string; after: number; limit: number }, head?: HeadTables): ExportedRow[];
  /** Damaged chunks met so far, by place and key. */
  readonly faults: ReadonlyMap<string, string>;
  /** How many of them the store has not noted by itself. */
  unnoted(): number;
}

/** What is in memory only. */
export interface InMemory {
  tables: HeadTables;
  strips?: PutStrips | undefined;
}

export const createQueries = (db: Connection, dictionary: Dictionary, memory: InMemory = { tables: NO_HEAD }): Queries => {
  const own = memory.tables;
  const shelf = createShelf(db);
  const noted = db
    .prepare<[place: string | undefined, key: number], 1>('SELECT 1 FROM damage WHERE place = ? AND key = ?')
    .pluck();
  const readSeries = (query: SeriesQuery, head: HeadTables): SeriesResult => {
    const [device, series] = [dictionary.device(query.device), dictionary.series(query.series)];
    if (device === undefined || series === undefined) return { tier: 'raw', points: [] };
    const heads = head(device, new Set([series]), { from: 0, to: query.to });
    const fold = createChart(query, query.kind);
    const { from, to, kind } = query;
    const span = { from, to, kind, tier: tierOf(bucketStep(query)), edges: 'exact' } as const;
    const sources = { shelf, heads, parts: shelf.staged };
    const tier = shelf.steady(() => feedSpan(sources, { device, series }, span, fold));
    return { tier, points: fold.result() };
  };
  return {
    series: (query, head = own) => readSeries(query, head),
    async many(queries, { head = own, signal } = {}) {
      checkQueries(queries);
      const found: SeriesResult[] = [];
      const shared = createShared();
      const around = (slice: () => void) => shelf.sharing(shared, slice);
      await walk(queries, { work: (query) => void found.push(readSeries(query, head)), around, signal });
      return found;
    },
    rows(page, head = own) {
      const device = dictionary.device(page.device);
      if (device === undefined || page.limit < 1) return [];
      return shelf.steady(() => readRows({ shelf, dictionary, head }, { ...page, device }));
    },
    ...createFleet({ db, dictionary, shelf, head: own, strips: memory.strips }),
    faults: shelf.faults,
    unnoted: () =>
      [...shelf.faults.keys()].map((key) => key.split(' ')).filter(([place, id]) => !noted.get(place, Number(id))).length,
  };
};
