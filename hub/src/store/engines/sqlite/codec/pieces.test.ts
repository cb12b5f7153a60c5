import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSink, newSource, putSigned, putVarint, takeSigned, takeVarint } from './bytes.js';
import { commonUnit, greatestDivisor } from './gcd.js';
import { choosePredictor, digits } from './predictor.js';
import { newRangeDecoder, openBlock, takeBit, takePlain } from './range-decoder.js';
import { finishBlock, newRangeEncoder, putBit, putPlain, startBlock } from './range-encoder.js';
import { NO_SCALE, scaleOf } from './row-scale.js';
import { NO_EXPONENT, toMantissas } from './scale.js';
import { smallRandom } from './testing/any.js';

const exponentOf = (...values: number[]): number => toMantissas(Float64Array.from(values), new Float64Array(values.length));

describe('numbers in bytes', () => {
  it('come back, up to the largest whole number that a double tells apart', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), fc.array(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 })), (naturals, signed) => {
        const sink = newSink(1);
        for (const value of naturals) putVarint(sink, value);
        for (const value of signed) putSigned(sink, value);
        const source = newSource(sink.bytes, 0, sink.length);
        expect(naturals.map(() => takeVarint(source))).toEqual(naturals);
        expect(signed.map(() => takeSigned(source))).toEqual(signed);
      }),
    );
  });

  it('are damaged without an end or beyond what a double tells apart', () => {
    expect(() => takeVarint(newSource(Uint8Array.of(0x80)))).toThrow('no end');
    expect(() => takeVarint(newSource(new Uint8Array(9).fill(0xff)))).toThrow('no end');
    expect(() => takeVarint(newSource(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127)))).toThrow('too large');
  });
});

describe('the decimal scale', () => {
  it('is the smallest at which all values are whole', () => {
    expect([exponentOf(7, 0, -3), exponentOf(20.5, 3), exponentOf(1e-12), exponentOf(0.1, 0.25, 4)]).toEqual([0, 1, 12, 2]);
  });

  it('is none for what is no short decimal', () => {
    for (const odd of [-0, Number.NaN, Number.POSITIVE_INFINITY, 1 / 3, 1e-13, 1e16, Number.MIN_VALUE])
      expect(exponentOf(1, odd)).toBe(NO_EXPONENT);
  });

  it('of a packed value is the coarsest that holds it, powers of two before decimals', () => {
    expect([scaleOf(3 * 1_024, 0), scaleOf(7, 0), scaleOf(0.25, 0), scaleOf(5, 21), scaleOf(-0, 0)]).toEqual([
      10,
      20,
      22,
      21,
      NO_SCALE,
    ]);
  });
});

describe('the common unit of a column', () => {
  it('divides every step', () => {
    expect(commonUnit(Float64Array.of(5, 5 + 4_096, 5 + 4_096 * 4, 5 - 4_096 * 3))).toBe(4_096);
    expect(commonUnit(Float64Array.of(9, 9, 9))).toBe(0);
    expect(greatestDivisor(2 ** 50, 2 ** 40 * 3)).toBe(2 ** 40);
  });
});

describe('the predictor of a column', () => {
  const random = smallRandom(12_345);
  it.each([
    ['a still value that moves now and then', 0, (i: number) => Math.floor(i / 50) * 7],
    ['a climb that gets steeper', 1, (i: number) => i * i * 1_000],
    ['noise around a value', 6, (i: number) => (i === 0 ? 0 : 5_000 + Math.floor(random() * 100))],
    ['a counter with bursts', 5, (i: number) => i * 500 + ((i * 31) % 7) + Math.floor(i / 20) * 90_000],
  ])('suits %s', (_, predictor, at) => {
    expect(choosePredictor(Float64Array.from({ length: 200 }, (__, i) => at(i))).predictor).toBe(predictor);
  });

  it('counts binary digits up to 2^53', () => {
    expect([0, 1, 2, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 53].map(digits)).toEqual([0, 1, 2, 8, 9, 32, 33, 54]);
  });
});

describe('the range coder', () => {
  it('gives modelled and plain bits back, in any mixture, whatever follows the block', () => {
    const anyBits = fc.array(fc.record({ slot: fc.nat(3), bit: fc.nat(1), plain: fc.nat(2 ** 24 - 1), bits: fc.nat(24) }), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(anyBits, fc.nat(255), (items, after) => {
        const encoder = newRangeEncoder(4);
        startBlock(encoder, items.length * 2 + 16, items.length * 3 + 16);
        for (const { slot, bit, plain, bits } of items) {
          putBit(encoder, slot, bit);
          putPlain(encoder, plain % 2 ** bits, bits);
        }
        const bytes = new Uint8Array(items.length * 5 + 40).fill(after);
        const decoder = newRangeDecoder(4);
        openBlock(decoder, bytes, 3, finishBlock(encoder, bytes, 3));
        for (const { slot, bit, plain, bits } of items) {
          expect(takeBit(decoder, slot)).toBe(bit);
          expect(takePlain(decoder, bits)).toBe(plain % 2 ** bits);
        }
      }),
    );
  });
});
