/** Rows that are in memory only, on their way from the writing to the reading thread: one block of doubles that changes hands. */
import type { TopQuery } from '../../store.js';
import type { HeadTables } from './hooks.js';
import type { Table } from './table.js';

/** Whose rows are wanted: of one device, or of a page of all of them by name. */
export interface SliceQuery {
  device?: string | undefined;
  page?: { after: string; limit: number } | undefined;
  /** One series, several, or all of a metric; all when none is given. */
  series?: string | readonly string[] | undefined;
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

/** The tables are views of the slice, made when they are asked for. What was asked for is not asked again: one slice belongs to one question. */
export const unpackSlice = (slice: Slice): HeadTables => {
  // Those of a device follow each other.
  const starts = new Map<number, number>();
  for (let at = 0, last = -1; at < slice.length; at += sizeAt(slice, at)) {
    const device = slice[at] as number;
    if (device !== last) starts.set(device, at);
    last = device;
  }
  return (device) => {
    const tables: Table[] = [];
    const start = starts.get(device) ?? slice.length;
    for (let at = start; at < slice.length && slice[at] === device; at += sizeAt(slice, at)) tables.push(tableAt(slice, at));
    return tables;
  };
};

const sizeAt = (slice: Slice, at: number): number => {
  const [rows, series] = [slice[at + 1] as number, slice[at + 2] as number];
  return HEADER + series + rows * (1 + series);
};

const tableAt = (slice: Slice, at: number): Table => {
  const [rows, series] = [slice[at + 1] as number, slice[at + 2] as number];
  const ids = at + HEADER;
  const ts = ids + series;
  const columns: Float64Array[] = [];
  for (let i = 1; i <= series; i++) columns.push(slice.subarray(ts + rows * i, ts + rows * (i + 1)));
  return { ts: slice.subarray(ts, ts + rows), ids: slice.subarray(ids, ts), columns };
};
