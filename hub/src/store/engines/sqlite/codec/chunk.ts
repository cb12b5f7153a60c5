import { crc32 } from 'node:zlib';
import { damaged } from './damage.js';

/** One metric of a chunk: a value per row; `present` has 1 per row with a value, null when every row has one. */
export interface ChunkColumn {
  id: number;
  values: Float64Array;
  present: Uint8Array | null;
}

/** `ts`: whole milliseconds, strictly rising, 1 to 65,535 rows; columns sorted by id. */
export interface ChunkInput {
  ts: Float64Array;
  columns: readonly ChunkColumn[];
}

export interface Chunk {
  readonly rows: number;
  readonly from: number;
  readonly to: number;
  readonly ids: Uint32Array;
  ts(): Float64Array;
  /** Decodes this column alone; NaN where no value is; null when the chunk has no such column. */
  column(id: number): ChunkColumn | null;
}

const HEADER = 13;

export const encodeChunk = (input: ChunkInput): Uint8Array => {
  const rows = input.ts.length;
  const bytes = new Uint8Array(HEADER + rows * 8 + input.columns.length * (4 + rows * 9));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0);
  view.setUint32(5, rows, true);
  view.setUint32(9, input.columns.length, true);
  let at = HEADER;
  const doubles = (values: Float64Array) => {
    for (const value of values) {
      view.setFloat64(at, value, true);
      at += 8;
    }
  };
  doubles(input.ts);
  for (const column of input.columns) {
    view.setUint32(at, column.id, true);
    bytes.set(column.present ?? new Uint8Array(rows).fill(1), at + 4);
    at += 4 + rows;
    doubles(column.values);
  }
  view.setUint32(1, crc32(bytes.subarray(5)), true);
  return bytes;
};

/** Throws AppError `damaged` on a wrong version, checksum or shape. */
export const openChunk = (bytes: Uint8Array): Chunk => {
  if (bytes.length < HEADER) throw damaged('a chunk is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint8(0) !== 0) throw damaged('unknown chunk version');
  if (view.getUint32(1, true) !== crc32(bytes.subarray(5))) throw damaged('a chunk has a wrong checksum');
  const rows = view.getUint32(5, true);
  const count = view.getUint32(9, true);
  const start = HEADER + rows * 8;
  const size = 4 + rows * 9;
  if (bytes.length !== start + count * size || rows === 0) throw damaged('a chunk has a wrong length');
  const doubles = (at: number) => Float64Array.from({ length: rows }, (_, i) => view.getFloat64(at + i * 8, true));
  const ids = Uint32Array.from({ length: count }, (_, i) => view.getUint32(start + i * size, true));
  const ts = doubles(HEADER);
  return {
    rows,
    from: ts[0] ?? 0,
    to: ts[rows - 1] ?? 0,
    ids,
    ts: () => doubles(HEADER),
    column(id) {
      const index = ids.indexOf(id);
      if (index < 0) return null;
      const at = start + index * size + 4;
      const present = bytes.slice(at, at + rows);
      const values = doubles(at + rows).map((value, i) => (present[i] ? value : Number.NaN));
      return { id, values, present: present.includes(0) ? present : null };
    },
  };
};
