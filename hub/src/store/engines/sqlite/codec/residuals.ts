import { damaged } from './damage.js';
import { type Choice, digits, follow, newTrail, predict, start } from './predictor.js';
import { type RangeDecoder, takeBit, takePlain } from './range-decoder.js';
import { putBit, putPlain, type RangeEncoder } from './range-encoder.js';

/**
 * The misses of a predictor, each as: zero or not; class (number of binary digits) as a path through a tree of 32
 * leaves, in the light of the two classes before; sign; the two digits after the leading one. Further digits are noise.
 */
const SITUATIONS = 13;
const TREE = 32;
const SIGNS = SITUATIONS * TREE;
const TOPS = SIGNS + 3 * 16;
export const RESIDUAL_SLOTS = TOPS + 44 * 4;

/** Classes from 31 on share one leaf, and five plain bits tell which. */
const SHARED_LEAF = 30;

/** Most bytes that so many misses can take: modelled and plain. */
export const modelledBytes = (count: number): number => count * 18 + 16;
export const plainBytes = (count: number): number => count * 8 + 16;

export const putResiduals = (encoder: RangeEncoder, values: Float64Array, { predictor, typical }: Choice): void => {
  const trail = newTrail(typical, typical);
  let class1 = 0;
  let class2 = 0;
  let sign = 0;
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    const miss = value - predict(trail, predictor);
    if (i === 1) start(trail, value);
    else follow(trail, value);
    const size = Math.abs(miss);
    const digit = digits(size);
    putClass(encoder, situation(class1, class2), digit);
    if (digit > 0) {
      const negative = miss < 0 ? 1 : 0;
      putBit(encoder, signSlot(sign, digit), negative);
      sign = 2 - negative;
      if (digit > 1) putDigits(encoder, size, digit);
    }
    class2 = class1;
    class1 = digit;
  }
};

const situation = (class1: number, class2: number): number => Math.min((class1 + class2 + 1) >> 1, SITUATIONS - 1) * TREE;

const signSlot = (before: number, digit: number): number => SIGNS + before * 16 + Math.min(digit, 15);

const putClass = (encoder: RangeEncoder, slot: number, digit: number): void => {
  putBit(encoder, slot, digit > 0 ? 1 : 0);
  if (digit === 0) return;
  const leaf = Math.min(digit - 1, SHARED_LEAF);
  let node = 1;
  for (let level = 4; level >= 0; level--) {
    const bit = (leaf >> level) & 1;
    putBit(encoder, slot + node, bit);
    node = node * 2 + bit;
  }
  if (leaf === SHARED_LEAF) putPlain(encoder, digit - SHARED_LEAF - 1, 5);
};

// The leading digit is known from the class.
const putDigits = (encoder: RangeEncoder, size: number, digit: number): void => {
  let left = digit - 1;
  if (left > 30) {
    putLong(encoder, size - 2 ** left, left);
    return;
  }
  const tops = TOPS + Math.min(digit, 43) * 4;
  const first = (size >>> --left) & 1;
  putBit(encoder, tops + 1, first);
  if (left > 0) putBit(encoder, tops + 2 + first, (size >>> --left) & 1);
  if (left > 16) {
    putPlain(encoder, size & 0xffff, 16);
    putPlain(encoder, (size >>> 16) & ((1 << (left - 16)) - 1), left - 16);
  } else if (left > 0) putPlain(encoder, size & ((1 << left) - 1), left);
};

const putLong = (encoder: RangeEncoder, rest: number, digitsLeft: number): void => {
  let value = rest;
  for (let left = digitsLeft; left > 0; left -= 16) {
    const bits = Math.min(left, 16);
    putPlain(encoder, value % 2 ** bits, bits);
    value = Math.floor(value / 2 ** bits);
  }
};

/** Fills `values` from its second place on; the first is 0. */
export const takeResiduals = (decoder: RangeDecoder, values: Float64Array, { predictor, typical }: Choice): void => {
  const trail = newTrail(typical, typical);
  let class1 = 0;
  let class2 = 0;
  let sign = 0;
  for (let i = 1; i < values.length; i++) {
    const digit = takeClass(decoder, situation(class1, class2));
    let miss = 0;
    if (digit > 0) {
      const negative = takeBit(decoder, signSlot(sign, digit));
      sign = 2 - negative;
      const size = digit > 1 ? takeDigits(decoder, digit) : 1;
      miss = negative === 1 ? -size : size;
    }
    const value = predict(trail, predictor) + miss;
    if (i === 1) start(trail, value);
    else follow(trail, value);
    values[i] = value;
    class2 = class1;
    class1 = digit;
  }
};

const takeClass = (decoder: RangeDecoder, slot: number): number => {
  if (takeBit(decoder, slot) === 0) return 0;
  let node = 1;
  for (let level = 0; level < 5; level++) node = node * 2 + takeBit(decoder, slot + node);
  const leaf = node - TREE;
  if (leaf > SHARED_LEAF) throw damaged('a column holds an impossible number');
  return leaf === SHARED_LEAF ? SHARED_LEAF + 1 + takePlain(decoder, 5) : leaf + 1;
};

const takeDigits = (decoder: RangeDecoder, digit: number): number => {
  let left = digit - 1;
  if (left > 30) return 2 ** left + takeLong(decoder, left);
  const tops = TOPS + Math.min(digit, 43) * 4;
  const first = takeBit(decoder, tops + 1);
  let size = 2 + first;
  left--;
  if (left > 0) {
    size = size * 2 + takeBit(decoder, tops + 2 + first);
    left--;
  }
  if (left === 0) return size;
  if (left <= 16) return size * 2 ** left + takePlain(decoder, left);
  const low = takePlain(decoder, 16);
  return size * 2 ** left + takePlain(decoder, left - 16) * 0x10000 + low;
};

const takeLong = (decoder: RangeDecoder, digitsLeft: number): number => {
  let value = 0;
  let weight = 1;
  for (let left = digitsLeft; left > 0; left -= 16) {
    const bits = Math.min(left, 16);
    value += takePlain(decoder, bits) * weight;
    weight *= 2 ** bits;
  }
  return value;
};
