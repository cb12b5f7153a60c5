import { crc32 } from 'node:zlib';
import { assert } from '@muster/shared/errors';
import { type ByteSource, newSink, newSource, putBytes, putSigned, putVarint, takeSigned, takeVarint, written } from './bytes.js';
import { newColumnDecoder, newColumnEncoder, putColumn, takeColumn } from './column.js';
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

const VERSION = 1;
/** Version byte and CRC-32 of all that follows. */
const SEAL = 5;
const MOST_ROWS = 65_535;

/**
 * Version, checksum; rows, first ts, span, number of columns; length of the ts block; per column the step of its id and
 * the length of its block; the blocks.
 */
export const encodeChunk = (input: ChunkInput): Uint8Array => {
  const steps = encodeInSteps(input);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
};

/** Yields after each column: 2,000 of them take a second. */
export function* encodeInSteps(input: ChunkInput): Generator<void, Uint8Array> {
  checkInput(input);
  const { ts, columns } = input;
  const from = ts[0] as number;
  const blocks = newSink(1_024 + ts.length * columns.length);
  const encoder = newColumnEncoder();
  putColumn(blocks, encoder, { values: ts.map((time) => time - from), present: null });
  const head = newSink(64 + columns.length * 8);
  head.length = SEAL;
  putVarint(head, ts.length);
  putSigned(head, from);
  putVarint(head, (ts[ts.length - 1] as number) - from);
  putVarint(head, columns.length);
  putVarint(head, blocks.length);
  let previous = 0;
  for (const column of columns) {
    const start = blocks.length;
    putColumn(blocks, encoder, column);
    putVarint(head, column.id - previous);
    putVarint(head, blocks.length - start);
    previous = column.id;
    yield;
  }
  putBytes(head, blocks.bytes.subarray(0, blocks.length));
  return sealed(written(head));
}

const sealed = (bytes: Uint8Array): Uint8Array => {
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setUint32(1, crc32(bytes.subarray(SEAL)), true);
  return bytes;
};

const checkInput = ({ ts, columns }: ChunkInput): void => {
  assert(ts.length > 0 && ts.length <= MOST_ROWS, 'a chunk has 1 to 65,535 rows');
  for (let i = 0; i < ts.length; i++) {
    const time = ts[i] as number;
    assert(Number.isSafeInteger(time) && (i === 0 || time > (ts[i - 1] as number)), 'the times of a chunk are whole and rise');
  }
  let previous = -1;
  for (const { id, values, present } of columns) {
    assert(id > previous && id >>> 0 === id, 'the columns of a chunk are sorted by id');
    assert(values.length === ts.length && (present === null || present.length === ts.length), 'a column has a value per row');
    previous = id;
  }
};

/** Throws AppError `damaged` on an unknown version, a wrong checksum or an impossible shape; so do the decoding calls. */
export const openChunk = (bytes: Uint8Array): Chunk => {
  checkSeal(bytes);
  const source = newSource(bytes, SEAL);
  const rows = takeVarint(source);
  if (rows === 0 || rows > MOST_ROWS) throw damaged('a chunk has an impossible number of rows');
  const from = takeSigned(source);
  const to = from + takeVarint(source);
  const { ids, ends, start } = takeDirectory(source);
  const decoder = newColumnDecoder();
  const block = (index: number): ByteSource =>
    newSource(bytes, index === 0 ? start : (ends[index - 1] as number), ends[index] as number);
  return {
    rows,
    from,
    to,
    ids,
    ts() {
      const { values } = takeColumn(block(0), decoder, rows);
      for (let i = 0; i < rows; i++) values[i] = (values[i] as number) + from;
      return values;
    },
    column(id) {
      const index = ids.indexOf(id);
      return index < 0 ? null : { id, ...takeColumn(block(index + 1), decoder, rows) };
    },
  };
};

const checkSeal = (bytes: Uint8Array): void => {
  if (bytes.length <= SEAL) throw damaged('a chunk is too short');
  if (bytes[0] !== VERSION) throw damaged(`a chunk is of version ${bytes[0]}, which this Muster cannot read`);
  const checksum = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(1, true);
  if (checksum !== crc32(bytes.subarray(SEAL))) throw damaged('a chunk does not match its checksum');
};

/** Ids, and where the blocks end: that of ts first, then one per id. */
const takeDirectory = (source: ByteSource) => {
  const count = takeVarint(source);
  const leastEntry = 2;
  if (count * leastEntry > source.end - source.at) throw damaged('a chunk has an impossible number of columns');
  const ids = new Uint32Array(count);
  const ends = new Float64Array(count + 1);
  ends[0] = takeVarint(source);
  let id = 0;
  for (let i = 0; i < count; i++) {
    const step = takeVarint(source);
    id += step;
    if (id > 0xffffffff || (i > 0 && step === 0)) throw damaged('the columns of a chunk are out of order');
    ids[i] = id;
    ends[i + 1] = (ends[i] as number) + takeVarint(source);
  }
  const start = source.at;
  for (let i = 0; i < ends.length; i++) ends[i] = (ends[i] as number) + start;
  if (ends[count] !== source.end) throw damaged('the columns of a chunk do not add up');
  return { ids, ends, start };
};
