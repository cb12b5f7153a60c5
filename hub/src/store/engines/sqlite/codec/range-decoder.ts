import { type Chances, learn, newChances, resetChances } from './chances.js';
import { damaged } from './damage.js';

/** Reads what the range encoder wrote: modelled bits forward from the start of a block, plain bits backward from its end. */
export interface RangeDecoder {
  readonly chances: Chances;
  /** Low, high, code: the interval still open and the number that lies in it. */
  readonly interval: Uint32Array;
  /** Plain bits already read but not yet taken: the bits, their number. */
  readonly pending: Uint32Array;
  /** Next modelled byte, end of the plain bytes not yet read, start and end of the block. */
  readonly places: Int32Array;
  bytes: Uint8Array;
}

export const newRangeDecoder = (slots: number): RangeDecoder => ({
  chances: newChances(slots),
  interval: new Uint32Array(3),
  pending: new Uint32Array(2),
  places: new Int32Array(3),
  bytes: new Uint8Array(0),
});

export const openBlock = (decoder: RangeDecoder, bytes: Uint8Array, from: number, to: number): void => {
  resetChances(decoder.chances);
  decoder.bytes = bytes;
  decoder.places.set([from, to, to]);
  decoder.pending.fill(0);
  decoder.interval.set([0, 0xffffffff, 0]);
  for (let i = 0; i < 4; i++) decoder.interval[2] = ((decoder.interval[2] as number) << 8) | nextByte(decoder);
};

// The coder looks up to four bytes ahead of what it needs: beyond the end it may see anything.
const nextByte = ({ places, bytes }: RangeDecoder): number => {
  const at = places[0] as number;
  places[0] = at + 1;
  return at < (places[2] as number) ? (bytes[at] as number) : 0;
};

export const takeBit = (decoder: RangeDecoder, slot: number): number => {
  const { interval, chances } = decoder;
  let low = interval[0] as number;
  let high = interval[1] as number;
  let code = interval[2] as number;
  const width = high - low;
  const chance = chances.chance[slot] as number;
  const middle = low + (width >>> 16) * chance + (((width & 0xffff) * chance) >>> 16);
  const bit = code <= middle ? 1 : 0;
  if (bit === 0) low = middle + 1;
  else high = middle;
  learn(chances, slot, bit);
  while (((low ^ high) & 0xff000000) === 0) {
    low = (low << 8) >>> 0;
    high = ((high << 8) | 255) >>> 0;
    code = ((code << 8) | nextByte(decoder)) >>> 0;
  }
  interval[0] = low;
  interval[1] = high;
  interval[2] = code;
  return bit;
};

/** At most 24 plain bits. */
export const takePlain = (decoder: RangeDecoder, bits: number): number => {
  const { pending, places, bytes } = decoder;
  let held = pending[0] as number;
  let count = pending[1] as number;
  let at = places[1] as number;
  while (count < bits) {
    at--;
    held |= (at < 0 ? 0 : (bytes[at] as number)) << count;
    count += 8;
  }
  places[1] = at;
  pending[0] = held >>> bits;
  pending[1] = count - bits;
  return held & ((1 << bits) - 1);
};

/** Throws when more was read than the block holds. */
export const closeBlock = ({ places }: RangeDecoder): void => {
  const lookAhead = 4;
  if ((places[0] as number) - lookAhead > (places[1] as number)) throw damaged('a column is cut short');
};
