/** The newest value of every series of a device. */
import type { Dictionary } from './dictionary.js';
import type { HeadTables } from './hooks.js';
import { slotOf, WINDOW_SLOTS, windowOf, windowOfSlot } from './ids.js';
import type { Shelf } from './query-shelf.js';
import type { Table } from './table.js';

/** Raw windows that are looked through for a value: one that has been missing for longer counts as gone. */
const LOOKED_BACK = 16;
const LAST_WINDOW = 2 ** 24 - 1;

export type Newest = Map<number, { ts: number; value: number }>;
interface From {
  dictionary: Dictionary;
  shelf: Shelf;
}
interface Search {
  device: number;
  heads: readonly Table[];
  missing: Set<number>;
  found: Newest;
}

export const newestOf = ({ dictionary, shelf }: From, device: number, head: HeadTables): Newest => {
  const missing = new Set(dictionary.listsOf(device).flatMap((list) => [...dictionary.seriesOf(list)]));
  const heads = head(device, null, { from: 0, to: Number.MAX_SAFE_INTEGER }).filter(({ ts }) => ts.length > 0);
  const search: Search = { device, heads, missing, found: new Map() };
  let window = windowBefore(shelf, search, LAST_WINDOW);
  for (let left = LOOKED_BACK; left > 0 && window !== null && missing.size > 0; left--) {
    if (shelf.merged(device, window)) searchWindow(shelf, search, window);
    else searchSlots(shelf, search, window);
    window = windowBefore(shelf, search, window);
  }
  return search.found;
};

const windowBefore = (shelf: Shelf, { device, heads }: Search, before: number): number | null => {
  const own = heads.map(({ ts }) => windowOf(device, ts[0] as number)).filter((window) => window < before);
  const next = Math.max(shelf.windowBefore(device, before) ?? -1, ...own);
  return next < 0 ? null : next;
};

/** Late rows may lie beside the merged ones: which is newest is seen only with all of them. */
const searchWindow = (shelf: Shelf, search: Search, window: number): void => {
  const { device, heads, missing } = search;
  const own = heads.filter(({ ts }) => windowOf(device, ts[0] as number) === window);
  take(search, [...shelf.tables(device, window, missing), ...own]);
};

/** The newest slot first; usually it has all. */
const searchSlots = (shelf: Shelf, search: Search, window: number): void => {
  const { device, heads, missing } = search;
  const newest = (window + 1) * WINDOW_SLOTS - 1;
  for (let slot = newest; windowOfSlot(slot) === window && missing.size > 0; slot--) {
    const own = heads.filter(({ ts }) => slotOf(device, ts[0] as number) === slot);
    take(search, [...shelf.sealedIn(device, slot, missing), ...own]);
  }
};

/** Of several values at one time that of the later table, or later row, holds. */
const take = ({ missing, found }: Search, tables: readonly Table[]): void => {
  for (const { ts, ids, columns } of tables)
    for (const [position, values] of columns.entries()) {
      const series = ids[position] as number;
      if (missing.has(series)) takeNewest(found, series, { ts, values });
    }
  for (const series of found.keys()) missing.delete(series);
};

const takeNewest = (found: Newest, series: number, { ts, values }: { ts: Float64Array; values: Float64Array }): void => {
  let newest = found.get(series) ?? { ts: -1, value: 0 };
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isNaN(value) && (ts[i] as number) >= newest.ts) newest = { ts: ts[i] as number, value: value + 0 };
  }
  if (newest.ts >= 0) found.set(series, newest);
};
