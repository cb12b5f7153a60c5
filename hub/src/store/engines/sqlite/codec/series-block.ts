import { type ByteSink, type ByteSource, makeRoom, putSigned, putVarint, takeSigned, takeVarint } from './bytes.js';
import { damaged } from './damage.js';
import { commonUnit } from './gcd.js';
import { choosePredictor, hasTypical, PREDICTOR_COUNT } from './predictor.js';
import { closeBlock, openBlock, type RangeDecoder } from './range-decoder.js';
import { CLOSING_BYTES, finishBlock, type RangeEncoder, startBlock } from './range-encoder.js';
import { modelledBytes, plainBytes, putResiduals, takeResiduals } from './residuals.js';

/** The first byte of a block: exponent in the lower four bits, above it the predictor or "constant". */
const CONSTANT = 7;
const EXPONENTS = 16;

export interface Series {
  /** Overwritten by what is made of them. */
  mantissas: Float64Array;
  exponent: number;
}

/**
 * Whole numbers (within ± 2^49, at least one) and the exponent of ten that belongs to them: head byte, first value;
 * then, unless all are equal, the common unit of the steps, the typical number where the predictor has one, and the misses of the
 * best predictor up to the end.
 */
export const putSeries = (sink: ByteSink, encoder: RangeEncoder, { mantissas, exponent }: Series): void => {
  const base = mantissas[0] as number;
  const unit = commonUnit(mantissas);
  makeRoom(sink, 32);
  if (unit === 0) {
    sink.bytes[sink.length++] = CONSTANT * EXPONENTS + exponent;
    putSigned(sink, base);
    return;
  }
  for (let i = 0; i < mantissas.length; i++) mantissas[i] = ((mantissas[i] as number) - base) / unit;
  const choice = choosePredictor(mantissas);
  sink.bytes[sink.length++] = choice.predictor * EXPONENTS + exponent;
  putSigned(sink, base);
  putVarint(sink, unit);
  if (hasTypical(choice.predictor)) putSigned(sink, choice.typical);
  startBlock(encoder, modelledBytes(mantissas.length), plainBytes(mantissas.length));
  putResiduals(encoder, mantissas, choice);
  makeRoom(sink, (encoder.counts[0] as number) + (encoder.counts[1] as number) + CLOSING_BYTES);
  sink.length = finishBlock(encoder, sink.bytes, sink.length);
};

/** Fills `mantissas` from a block that reaches to the end of the source; answers the exponent. */
export const takeSeries = (source: ByteSource, decoder: RangeDecoder, mantissas: Float64Array): number => {
  if (source.at >= source.end) throw damaged('a column is empty');
  const head = source.bytes[source.at++] as number;
  const kind = head >> 4;
  const base = takeSigned(source);
  if (kind === CONSTANT) mantissas.fill(base);
  else if (kind < PREDICTOR_COUNT) {
    const unit = takeVarint(source);
    const typical = hasTypical(kind) ? takeSigned(source) : 0;
    openBlock(decoder, source.bytes, source.at, source.end);
    mantissas[0] = 0;
    takeResiduals(decoder, mantissas, { predictor: kind, typical });
    closeBlock(decoder);
    for (let i = 0; i < mantissas.length; i++) mantissas[i] = base + (mantissas[i] as number) * unit;
  } else throw damaged('a column is of an unknown kind');
  return head & 15;
};
