import { NO_SCALE } from './row-scale.js';

/**
 * A packed row: head (0: key row, then its ts as a signed varint; else a varint of 1 + the zigzag of how the step of ts
 * changed since the row before); two bits per column, four columns a byte, lowest first; then per column what its code needs.
 */
export const KEY_HEAD = 0;

/** As in the row before; in a key row: no value. */
export const SAME = 0;
/** The mantissa moved: zigzag in one byte, or in two. */
export const STEP_1 = 1;
export const STEP_2 = 2;
/** One byte that says what it is, then its bytes. */
export const OTHER = 3;

/** No value. */
export const MISSING = 0;
/** The mantissa moved: zigzag in so many bytes. */
export const SHORTEST_MOVE = 3;
export const LONGEST_MOVE = 7;
/** The eight bytes of a double that fits no scale. */
export const DOUBLE = 8;
/** ANEW + 7 × scale + n - 1: a scale, then the zigzag of the mantissa in n bytes, n = 1 … 7. */
export const ANEW = 9;
export const MANTISSA_SIZES = 7;
export const LAST_KIND = ANEW + MANTISSA_SIZES * NO_SCALE - 1;

/** What both ends remember of the rows before. */
export interface RowMemory {
  readonly columns: number;
  /** Whether a key row has been. */
  keyed: boolean;
  /** Last ts and last step of ts. */
  readonly times: Float64Array;
  /** Last value of each column. */
  readonly values: Float64Array;
  /** Scale of that value, with GONE added when the last row had none. */
  readonly scales: Uint8Array;
}

export const GONE = 0x80;
export const SCALE_MASK = 0x7f;

export const newMemory = (columns: number): RowMemory => ({
  columns,
  keyed: false,
  times: new Float64Array(2),
  values: new Float64Array(columns),
  scales: new Uint8Array(columns).fill(GONE | NO_SCALE),
});

export const codeBytes = (columns: number): number => (columns + 3) >> 2;
