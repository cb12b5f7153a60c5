/** All rows of a device by time, page by page. */
import type { ExportedRow } from '../../store.js';
import type { Dictionary } from './dictionary.js';
import type { HeadTables } from './hooks.js';
import { windowOf } from './ids.js';
import type { Shelf } from './query-shelf.js';
import { atOrAfter } from './rollup-read.js';
import { mergeTables, type Table } from './table.js';

interface From {
  shelf: Shelf;
  dictionary: Dictionary;
  head: HeadTables;
}
interface Page {
  device: number;
  /** Exclusive, ms. */
  after: number;
  limit: number;
}

export const readRows = (from: From, { device, after, limit }: Page): ExportedRow[] => {
  const start = Math.max(0, Math.floor(after) + 1);
  const heads = from.head(device, null, { from: start, to: Number.MAX_SAFE_INTEGER });
  const rows: ExportedRow[] = [];
  let window = nextWindow(from, heads, { device, window: windowOf(device, start) });
  while (window !== null && rows.length < limit) {
    const own = heads.filter(({ ts }) => windowOf(device, ts[0] ?? -1) === window);
    pushRows(from, [...from.shelf.tables(device, window, null), ...own], { start, limit, rows });
    window = nextWindow(from, heads, { device, window: window + 1 });
  }
  return rows;
};

const nextWindow = ({ shelf }: From, heads: readonly Table[], of: { device: number; window: number }): number | null => {
  const inHeads = heads.flatMap(({ ts }) => (ts.length ? [windowOf(of.device, ts[0] as number)] : []));
  const onDisk = shelf.windowAfter(of.device, of.window);
  const next = Math.min(onDisk ?? Number.POSITIVE_INFINITY, ...inHeads.filter((window) => window >= of.window));
  return Number.isFinite(next) ? next : null;
};

const pushRows = ({ dictionary }: From, tables: Table[], into: { start: number; limit: number; rows: ExportedRow[] }): void => {
  const merged = mergeTables(tables);
  if (!merged) return;
  const columns = merged.columns.map(({ id, values }) => ({ key: dictionary.seriesKey(id), values }));
  const { start, limit, rows } = into;
  for (let i = atOrAfter(merged.ts, start); i < merged.ts.length && rows.length < limit; i++) {
    const series: Record<string, number> = {};
    for (const { key, values } of columns) if (!Number.isNaN(values[i])) series[key] = (values[i] as number) + 0;
    rows.push({ ts: merged.ts[i] as number, series });
  }
};
