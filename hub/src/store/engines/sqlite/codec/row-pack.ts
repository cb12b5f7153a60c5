import { assert } from '@muster/shared/errors';
import { type ByteSink, makeRoom, putSigned, putVarint } from './bytes.js';
import * as format from './row-format.js';
import { FACTORS, LARGEST_MANTISSA, NO_SCALE, scaleOf } from './row-scale.js';

const { GONE, OTHER, SAME, SCALE_MASK, STEP_1, STEP_2 } = format;

/** What the packer of one (device, list) remembers between rows. */
export interface RowState extends format.RowMemory {}

export const newRowState = (columns: number): RowState => format.newMemory(columns);

/** Makes the next row a key row: readable without those before it. */
export const restartRows = (state: RowState): void => {
  state.keyed = false;
};

/** Most bytes of a head and of one column. */
const HEAD_BYTES = 16;
const COLUMN_BYTES = 9;

/** Appends one row; `ts` is a whole number; null and NaN are missing values. The first row of a state is a key row. */
export const packRow = (state: RowState, ts: number, values: ArrayLike<number | null>, out: ByteSink): void => {
  const { columns, values: last, scales } = state;
  const codes = format.codeBytes(columns);
  makeRoom(out, HEAD_BYTES + codes + columns * COLUMN_BYTES);
  putHead(state, ts, out);
  const bytes = out.bytes;
  let codeAt = out.length;
  let code = 0;
  out.length += codes;
  for (let i = 0; i < columns; i++) {
    const value = values[i] ?? Number.NaN;
    const scale = scales[i] as number;
    if (Object.is(value, last[i]) && scale < GONE) code |= SAME << ((i & 3) * 2);
    // biome-ignore lint/suspicious/noSelfCompare: faster than Number.isNaN
    else if (value !== value && scale >= GONE) code |= SAME << ((i & 3) * 2);
    else code |= putChange(state, i, value, out) << ((i & 3) * 2);
    if ((i & 3) === 3) {
      bytes[codeAt++] = code;
      code = 0;
    }
  }
  if ((columns & 3) !== 0) bytes[codeAt] = code;
};

const putHead = (state: RowState, ts: number, out: ByteSink): void => {
  assert(Number.isSafeInteger(ts) && Math.abs(ts) < LARGEST_TS, 'the ts of a row is a whole number');
  const { times } = state;
  const step = ts - (times[0] as number);
  const change = step - (times[1] as number);
  if (state.keyed && Math.abs(change) < LARGEST_TS) {
    putVarint(out, 1 + zigzag(change));
    times[1] = step;
  } else {
    out.bytes[out.length++] = format.KEY_HEAD;
    putSigned(out, ts);
    times[1] = 0;
    state.scales.fill(GONE | NO_SCALE);
    state.keyed = true;
  }
  times[0] = ts;
};

const LARGEST_TS = 2 ** 51;

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);

/** Writes what a value that is not as before needs, and answers its code. */
const putChange = (state: RowState, i: number, value: number, out: ByteSink): number => {
  const { values: last, scales } = state;
  const scale = (scales[i] as number) & SCALE_MASK;
  const factor = FACTORS[scale] as number;
  const mantissa = Math.round(value * factor);
  const fits = mantissa / factor === value && mantissa <= LARGEST_MANTISSA && mantissa >= -LARGEST_MANTISSA;
  if (!fits || Object.is(value, -0)) return putOther(state, i, value, out);
  const move = zigzag(mantissa - Math.round((last[i] as number) * factor));
  last[i] = value;
  scales[i] = scale;
  if (move < 0x10000) {
    out.bytes[out.length++] = move;
    if (move < 0x100) return STEP_1;
    out.bytes[out.length++] = move >>> 8;
    return STEP_2;
  }
  const size = byteCount(move, format.SHORTEST_MOVE);
  out.bytes[out.length++] = size;
  putNumber(out, move, size);
  return OTHER;
};

/** No value, a value of another scale, or a double of no scale. */
const putOther = (state: RowState, i: number, value: number, out: ByteSink): number => {
  const { values: last, scales } = state;
  if (Number.isNaN(value)) {
    scales[i] = (scales[i] as number) | GONE;
    out.bytes[out.length++] = format.MISSING;
    return OTHER;
  }
  const before = (scales[i] as number) & SCALE_MASK;
  const scale = scaleOf(value, before === NO_SCALE ? 0 : before);
  last[i] = value;
  scales[i] = scale;
  if (scale === NO_SCALE) {
    out.bytes[out.length++] = format.DOUBLE;
    new DataView(out.bytes.buffer, out.bytes.byteOffset + out.length, 8).setFloat64(0, value, true);
    out.length += 8;
    return OTHER;
  }
  const mantissa = zigzag(Math.round(value * (FACTORS[scale] as number)));
  const size = byteCount(mantissa, 1);
  out.bytes[out.length++] = format.ANEW + format.MANTISSA_SIZES * scale + size - 1;
  putNumber(out, mantissa, size);
  return OTHER;
};

const byteCount = (value: number, least: number): number => {
  let size = least;
  while (value >= 2 ** (8 * size)) size++;
  return size;
};

/** The lowest byte first. */
const putNumber = (out: ByteSink, value: number, size: number): void => {
  let rest = value;
  for (let i = 0; i < size; i++) {
    out.bytes[out.length++] = rest;
    rest = Math.floor(rest / 0x100);
  }
};
