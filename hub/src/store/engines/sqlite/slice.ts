/** Rows that are in memory only, on their way from the writing to the reading thread: one block of doubles that changes hands. */
import type { TopQuery } from '../../store.js';
import type { HeadTables } from './hooks.js';
import type { Table } from './table.js';

/** Whose rows are wanted: of one device, or of a page of all of them by name. */
export interface SliceQuery {
  device?: string | undefined;
  page?: { after: string; limit: number } | undefined;
  /** One series, or all of a metric; all when neither is given. */
  series?: string | undefined;
  metric?: string | undefined;
  from: number;
  to: number;
  /** Only what a ranking over whole five minutes needs. */
  by?: TopQuery['by'] | undefined;
}

/** Per table: device, rows, series; ids; ts; the columns one after the other. */
export type Slice = Float64Array;
const HEADER = 3;

export interface DeviceTables {
  device: number;
  tables: readonly Table[];
}

export const packSlice = (all: readonly DeviceTables[]): Slice => {
  const slice = new Float64Array(
    all.reduce((sum, { tables }) => sum + tables.reduce((size, table) => size + sizeOf(table), 0), 0),
  );
  let at = 0;
  const put = (values: ArrayLike<number>) => {
    slice.set(values, at);
    at += values.length;
  };
  for (const { device, tables } of all)
    for (const { ts, ids, columns } of tables) {
      if (ts.length === 0) continue;
      put([device, ts.length, ids.length]);
      put(ids);
      put(ts);
      for (const values of columns) put(values);
    }
  return slice;
};

const sizeOf = ({ ts, ids }: Table): number => (ts.length === 0 ? 0 : HEADER + ids.length + ts.length * (1 + ids.length));

/** The tables are views of the slice. What was asked for is not asked again: one slice belongs to one question. */
export const unpackSlice = (slice: Slice): HeadTables => {
  const devices = new Map<number, Table[]>();
  for (let at = 0; at < slice.length; ) {
    const [device, rows, series] = [slice[at] as number, slice[at + 1] as number, slice[at + 2] as number];
    const ids = at + HEADER;
    const ts = ids + series;
    const columns = Array.from({ length: series }, (_, i) => slice.subarray(ts + rows * (i + 1), ts + rows * (i + 2)));
    const table = { ts: slice.subarray(ts, ts + rows), ids: slice.subarray(ids, ts), columns };
    const own = devices.get(device);
    if (own) own.push(table);
    else devices.set(device, [table]);
    at = ts + rows * (series + 1);
  }
  return (device) => devices.get(device) ?? [];
};
