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

/** A slice that grows. */
export interface SliceWriter {
  block: Float64Array;
  length: number;
  /** Makes room for a table of one series; answers where its times begin, its values follow. */
  begin(device: number, rows: number, series: number): number;
  put(device: number, table: Table): void;
  /** What was put; nothing is put afterwards. */
  end(): Slice;
}

export const createSliceWriter = (room = 1_024): SliceWriter => {
  /** Answers where the series of the table begin. */
  const open = (device: number, rows: number, series: number): number => {
    const at = writer.length;
    writer.length = at + HEADER + series + rows * (1 + series);
    if (writer.length > writer.block.length) writer.block = grown(writer.block, writer.length);
    writer.block[at] = device;
    writer.block[at + 1] = rows;
    writer.block[at + 2] = series;
    return at + HEADER;
  };
  const writer: SliceWriter = {
    block: new Float64Array(room),
    length: 0,
    begin(device, rows, series) {
      const at = open(device, rows, 1);
      writer.block[at] = series;
      return at + 1;
    },
    put(device, { ts, ids, columns }) {
      if (ts.length === 0) return;
      const at = open(device, ts.length, ids.length);
      writer.block.set(ids, at);
      writer.block.set(ts, at + ids.length);
      for (let i = 0; i < columns.length; i++)
        writer.block.set(columns[i] as Float64Array, at + ids.length + ts.length * (i + 1));
    },
    // It changes hands with its block.
    end: () => writer.block.slice(0, writer.length),
  };
  return writer;
};

const grown = (block: Float64Array, needed: number): Float64Array => {
  const larger = new Float64Array(Math.max(needed, block.length * 2));
  larger.set(block);
  return larger;
};

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
