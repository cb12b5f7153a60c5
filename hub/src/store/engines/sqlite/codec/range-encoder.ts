import { type Chances, learn, newChances, resetChances } from './chances.js';

/**
 * Binary arithmetic coder: modelled bits go forward from the start of a block, plain bits (noise that no model
 * shortens) backward from its end. State is in typed arrays: large numbers in object fields made it 10 times slower.
 */
export interface RangeEncoder {
  readonly chances: Chances;
  /** The interval still open: [low, high], both inclusive. */
  readonly interval: Uint32Array;
  /** Plain bits not yet written: the bits, their number. */
  readonly pending: Uint32Array;
  /** Bytes written: modelled, plain. */
  readonly counts: Uint32Array;
  modelled: Uint8Array;
  plain: Uint8Array;
}

export const newRangeEncoder = (slots: number): RangeEncoder => ({
  chances: newChances(slots),
  interval: new Uint32Array(2),
  pending: new Uint32Array(2),
  counts: new Uint32Array(2),
  modelled: new Uint8Array(0),
  plain: new Uint8Array(0),
});

/** Starts a block that takes at most so many bytes of each sort. */
export const startBlock = (encoder: RangeEncoder, modelledBytes: number, plainBytes: number): void => {
  resetChances(encoder.chances);
  encoder.interval[0] = 0;
  encoder.interval[1] = 0xffffffff;
  encoder.pending.fill(0);
  encoder.counts.fill(0);
  if (encoder.modelled.length < modelledBytes) encoder.modelled = new Uint8Array(modelledBytes);
  if (encoder.plain.length < plainBytes) encoder.plain = new Uint8Array(plainBytes);
};

export const putBit = (encoder: RangeEncoder, slot: number, bit: number): void => {
  const { interval, chances, counts, modelled } = encoder;
  let low = interval[0] as number;
  let high = interval[1] as number;
  const width = high - low;
  const chance = chances.chance[slot] as number;
  const middle = low + (width >>> 16) * chance + (((width & 0xffff) * chance) >>> 16);
  if (bit === 0) low = middle + 1;
  else high = middle;
  learn(chances, slot, bit);
  while (((low ^ high) & 0xff000000) === 0) {
    modelled[counts[0] as number] = high >>> 24;
    counts[0] = (counts[0] as number) + 1;
    low = (low << 8) >>> 0;
    high = ((high << 8) | 255) >>> 0;
  }
  interval[0] = low;
  interval[1] = high;
};

/** At most 24 plain bits. */
export const putPlain = (encoder: RangeEncoder, value: number, bits: number): void => {
  const { pending, counts, plain } = encoder;
  let held = (pending[0] as number) | (value << (pending[1] as number));
  let count = (pending[1] as number) + bits;
  let at = counts[1] as number;
  while (count >= 8) {
    plain[at++] = held;
    held >>>= 8;
    count -= 8;
  }
  pending[0] = held;
  pending[1] = count;
  counts[1] = at;
};

/** Writes the block to `into` at `at` and answers where it ends. */
export const finishBlock = (encoder: RangeEncoder, into: Uint8Array, at: number): number => {
  closeInterval(encoder);
  const { pending, counts, modelled, plain } = encoder;
  if ((pending[1] as number) > 0) putPlain(encoder, 0, 8 - (pending[1] as number));
  const middle = at + (counts[0] as number);
  const end = middle + (counts[1] as number);
  into.set(modelled.subarray(0, counts[0]), at);
  for (let i = middle; i < end; i++) into[i] = plain[end - 1 - i] as number;
  return end;
};

/** Most bytes that `finishBlock` adds to those counted. */
export const CLOSING_BYTES = 6;

// The fewest bytes after which anything may follow (the plain bytes do) and the number still lies in the interval.
const closeInterval = ({ interval, counts, modelled }: RangeEncoder): void => {
  const low = interval[0] as number;
  const high = interval[1] as number;
  for (let bytes = 1; bytes <= 4; bytes++) {
    const step = 2 ** (32 - 8 * bytes);
    const first = Math.ceil(low / step) * step;
    if (first + step - 1 > high) continue;
    for (let i = 0; i < bytes; i++) {
      modelled[counts[0] as number] = Math.floor(first / 2 ** (24 - 8 * i)) & 255;
      counts[0] = (counts[0] as number) + 1;
    }
    return;
  }
};
