import { BITMAP_SLOTS, putBitmap, takeBitmap } from './bitmap.js';
import {
  type ByteSink,
  type ByteSource,
  makeRoom,
  newSink,
  newSource,
  putBytes,
  putVarint,
  takeVarint,
  written,
} from './bytes.js';
import { damaged } from './damage.js';
import { newRangeDecoder, type RangeDecoder } from './range-decoder.js';
import { newRangeEncoder, type RangeEncoder } from './range-encoder.js';
import { RESIDUAL_SLOTS } from './residuals.js';
import { NO_EXPONENT, POWERS, toMantissas } from './scale.js';
import { putSeries, takeSeries } from './series-block.js';
import { putWords, takeWords } from './words.js';

/** First bytes that no series has. */
const WORDS = 0x7d;
const NO_VALUE = 0x7e;
/** A bitmap comes first, with its length, then the values that are there. */
const MASKED = 0x80;

const SLOTS = Math.max(RESIDUAL_SLOTS, BITMAP_SLOTS);

export const newColumnEncoder = (): RangeEncoder => newRangeEncoder(SLOTS);
export const newColumnDecoder = (): RangeDecoder => newRangeDecoder(SLOTS);

export interface ColumnValues {
  values: Float64Array;
  /** 1 per row with a value; null: every row has one. */
  present: Uint8Array | null;
}

export const putColumn = (sink: ByteSink, encoder: RangeEncoder, { values, present }: ColumnValues): void => {
  if (present === null || !present.includes(0)) {
    putValues(sink, encoder, values);
    return;
  }
  const dense = values.filter((_, row) => present[row] !== 0);
  if (dense.length === 0) {
    putByte(sink, NO_VALUE);
    return;
  }
  const bitmap = newSink();
  putBitmap(bitmap, encoder, present);
  putByte(sink, MASKED);
  putVarint(sink, bitmap.length);
  putBytes(sink, written(bitmap));
  putValues(sink, encoder, dense);
};

const putValues = (sink: ByteSink, encoder: RangeEncoder, values: Float64Array): void => {
  const mantissas = new Float64Array(values.length);
  const exponent = toMantissas(values, mantissas);
  if (exponent !== NO_EXPONENT) {
    putSeries(sink, encoder, { mantissas, exponent });
    return;
  }
  putByte(sink, WORDS);
  putWords(sink, encoder, values);
};

const putByte = (sink: ByteSink, byte: number): void => {
  makeRoom(sink, 1);
  sink.bytes[sink.length++] = byte;
};

/** Reads a column that reaches to the end of the source; NaN where no value is. */
export const takeColumn = (source: ByteSource, decoder: RangeDecoder, rows: number): ColumnValues => {
  if (source.at >= source.end) throw damaged('a column is empty');
  const head = source.bytes[source.at];
  if (head === NO_VALUE) return { values: new Float64Array(rows).fill(Number.NaN), present: new Uint8Array(rows) };
  if (head !== MASKED) return { values: takeValues(source, decoder, rows), present: null };
  source.at++;
  const end = takeVarint(source) + source.at;
  if (end > source.end) throw damaged('a column is cut short');
  const present = new Uint8Array(rows);
  const count = takeBitmap(decoder, source.bytes.subarray(source.at, end), present);
  const dense = takeValues(newSource(source.bytes, end, source.end), decoder, count);
  return { values: spread(dense, present), present };
};

const takeValues = (source: ByteSource, decoder: RangeDecoder, count: number): Float64Array => {
  const values = new Float64Array(count);
  if (source.bytes[source.at] === WORDS) {
    source.at++;
    takeWords(source, decoder, values);
    return values;
  }
  const power = POWERS[takeSeries(source, decoder, values)];
  if (power === undefined) throw damaged('a column has an impossible scale');
  if (power !== 1) for (let i = 0; i < count; i++) values[i] = (values[i] as number) / power;
  return values;
};

const spread = (dense: Float64Array, present: Uint8Array): Float64Array => {
  const values = new Float64Array(present.length).fill(Number.NaN);
  let next = 0;
  for (let row = 0; row < present.length; row++) if (present[row] !== 0) values[row] = dense[next++] as number;
  return values;
};
