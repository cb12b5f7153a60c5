import { type ByteSink, type ByteSource, newSink, newSource, putBytes, putVarint, takeVarint, written } from './bytes.js';
import { damaged } from './damage.js';
import type { RangeDecoder } from './range-decoder.js';
import type { RangeEncoder } from './range-encoder.js';
import { putSeries, takeSeries } from './series-block.js';

/**
 * Doubles that are no short decimals (long fractions, -0, NaN, infinities, huge numbers), bit for bit: the upper halves of their
 * 64 bits as one series of whole numbers, the lower halves as another. Shorter than XOR coding, and no second coder to keep.
 */
export const putWords = (sink: ByteSink, encoder: RangeEncoder, values: Float64Array): void => {
  const words = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const uppers = new Float64Array(values.length);
  const lowers = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    uppers[i] = words.getUint32(i * 8 + UPPER, HOST_IS_LITTLE);
    lowers[i] = words.getUint32(i * 8 + LOWER, HOST_IS_LITTLE);
  }
  const first = newSink();
  putSeries(first, encoder, { mantissas: uppers, exponent: 0 });
  putVarint(sink, first.length);
  putBytes(sink, written(first));
  putSeries(sink, encoder, { mantissas: lowers, exponent: 0 });
};

export const takeWords = (source: ByteSource, decoder: RangeDecoder, values: Float64Array): void => {
  const length = takeVarint(source);
  const middle = source.at + length;
  if (middle > source.end) throw damaged('a column is cut short');
  const uppers = new Float64Array(values.length);
  const lowers = new Float64Array(values.length);
  takeSeries(newSource(source.bytes, source.at, middle), decoder, uppers);
  takeSeries(newSource(source.bytes, middle, source.end), decoder, lowers);
  const words = new DataView(values.buffer, values.byteOffset, values.byteLength);
  for (let i = 0; i < values.length; i++) {
    words.setUint32(i * 8 + UPPER, uppers[i] as number, HOST_IS_LITTLE);
    words.setUint32(i * 8 + LOWER, lowers[i] as number, HOST_IS_LITTLE);
  }
};

const HOST_IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const UPPER = HOST_IS_LITTLE ? 4 : 0;
const LOWER = 4 - UPPER;
