/** Rows of one device as columns, and the merge of many such tables into one. */
import type { Chunk, ChunkColumn, ChunkInput } from './codec/chunk.js';

/** Rows as they were stored, in any order; `columns[i]` belongs to series `ids[i]`, NaN = no value. */
export interface Table {
  ts: Float64Array;
  ids: ArrayLike<number>;
  columns: readonly Float64Array[];
}

export const EMPTY_TABLE: Table = { ts: new Float64Array(0), ids: [], columns: [] };

/** `wanted`: only these series; null = all. */
export const tableOfChunk = (chunk: Chunk, wanted: ReadonlySet<number> | null = null): Table => {
  const columns = [...chunk.ids].flatMap((id) => (wanted === null || wanted.has(id) ? (chunk.column(id) ?? []) : []));
  return { ts: chunk.ts(), ids: columns.map(({ id }) => id), columns: columns.map(valuesOf) };
};

const valuesOf = ({ values, present }: ChunkColumn): Float64Array =>
  present ? values.map((value, row) => (present[row] ? value : Number.NaN)) : values;

/** One row per time; of several values of a series at one time that of the later table, or later row, holds. Null: no rows. */
export const mergeTables = (tables: readonly Table[]): ChunkInput | null => {
  const ts = timesOf(tables);
  if (ts.length === 0) return null;
  const places = tables.map((table) => placesIn(ts, table.ts));
  const columns = new Map<number, Float64Array>();
  for (const [index, table] of tables.entries()) {
    const place = places[index] ?? new Uint32Array(0);
    for (const [position, values] of table.columns.entries()) {
      const id = table.ids[position] ?? 0;
      const into = columns.get(id) ?? new Float64Array(ts.length).fill(Number.NaN);
      columns.set(id, into);
      scatter(values, place, into);
    }
  }
  const sorted = [...columns].sort(([a], [b]) => a - b);
  return { ts, columns: sorted.flatMap(([id, values]) => asColumn(id, values)) };
};

const scatter = (values: Float64Array, place: Uint32Array, into: Float64Array): void => {
  for (let row = 0; row < values.length; row++) {
    const value = values[row] ?? Number.NaN;
    if (!Number.isNaN(value)) into[place[row] ?? 0] = value;
  }
};

/** A column without any value is left out. */
const asColumn = (id: number, values: Float64Array): ChunkColumn[] => {
  let missing = 0;
  for (const value of values) if (Number.isNaN(value)) missing++;
  if (missing === values.length) return [];
  if (missing === 0) return [{ id, values, present: null }];
  return [{ id, values, present: Uint8Array.from(values, (value) => (Number.isNaN(value) ? 0 : 1)) }];
};

/** All times, rising, each once. */
const timesOf = (tables: readonly Table[]): Float64Array => {
  const all = new Float64Array(tables.reduce((sum, table) => sum + table.ts.length, 0));
  let at = 0;
  for (const { ts } of tables) {
    all.set(ts, at);
    at += ts.length;
  }
  all.sort();
  let kept = 0;
  for (const ts of all) if (kept === 0 || all[kept - 1] !== ts) all[kept++] = ts;
  return all.subarray(0, kept);
};

/** Where each row goes: the search starts beside the row before, which is where it is nearly always found. */
const placesIn = (all: Float64Array, ts: Float64Array): Uint32Array => {
  const places = new Uint32Array(ts.length);
  let at = 0;
  for (let row = 0; row < ts.length; row++) {
    const wanted = ts[row] ?? 0;
    if ((all[at] ?? 0) < wanted) at++;
    if (all[at] !== wanted) at = find(all, wanted);
    places[row] = at;
  }
  return places;
};

const find = (all: Float64Array, wanted: number): number => {
  let [low, high] = [0, all.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((all[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** How many values a merged table holds. */
export const countSamples = ({ ts, columns }: ChunkInput): number =>
  columns.reduce((sum, { present }) => sum + (present ? present.reduce((some, one) => some + one, 0) : ts.length), 0);
