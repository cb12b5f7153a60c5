import { type ByteSink, type ByteSource, makeRoom } from './bytes.js';
import { damaged } from './damage.js';

/** What the packer of one (device, list) remembers between rows. */
export interface RowState {
  readonly columns: number;
  keyed: boolean;
}

/** What the unpacker of one (device, list) remembers between rows. */
export interface RowReader {
  readonly columns: number;
  keyed: boolean;
}

export const newRowState = (columns: number): RowState => ({ columns, keyed: false });
export const newRowReader = (columns: number): RowReader => ({ columns, keyed: false });

/** Makes the next row a key row (readable without those before it). */
export const restartRows = (state: RowState): void => {
  state.keyed = false;
};

/** Appends one row; null and NaN are missing values. The first row of a state is a key row. */
export const packRow = (state: RowState, ts: number, values: ArrayLike<number | null>, out: ByteSink): void => {
  const size = 1 + 8 + 8 * state.columns;
  makeRoom(out, size);
  const view = new DataView(out.bytes.buffer, out.bytes.byteOffset + out.length, size);
  view.setUint8(0, state.keyed ? 1 : 0);
  view.setFloat64(1, ts, true);
  for (let i = 0; i < state.columns; i++) view.setFloat64(9 + i * 8, values[i] ?? Number.NaN, true);
  state.keyed = true;
  out.length += size;
};

/** Is the next row of the source readable without those before it? */
export const atKeyRow = (source: ByteSource): boolean => source.at < source.end && source.bytes[source.at] === 0;

/**
 * Reads one row into `into` (NaN: missing) and answers its time. A row whose key row this reader has not seen is
 * passed over: the answer is NaN. Throws AppError `damaged`.
 */
export const unpackRow = (reader: RowReader, source: ByteSource, into: Float64Array): number => {
  const size = 1 + 8 + 8 * reader.columns;
  if (source.at + size > source.end) throw damaged('a packed row is cut short');
  const view = new DataView(source.bytes.buffer, source.bytes.byteOffset + source.at, size);
  if (view.getUint8(0) === 0) reader.keyed = true;
  source.at += size;
  for (let i = 0; i < reader.columns; i++) into[i] = reader.keyed ? view.getFloat64(9 + i * 8, true) : Number.NaN;
  return reader.keyed ? view.getFloat64(1, true) : Number.NaN;
};
