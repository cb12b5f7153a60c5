import { type ByteSink, makeRoom } from './bytes.js';
import { closeBlock, openBlock, type RangeDecoder, takeBit } from './range-decoder.js';
import { CLOSING_BYTES, finishBlock, putBit, type RangeEncoder, startBlock } from './range-encoder.js';

/** Which rows have a value: a bit per row, coded in the light of the eight rows before it. */
export const BITMAP_SLOTS = 256;

export const putBitmap = (sink: ByteSink, encoder: RangeEncoder, present: Uint8Array): void => {
  startBlock(encoder, present.length * 2 + 16, 0);
  let before = 0xff;
  for (let i = 0; i < present.length; i++) {
    const bit = present[i] === 0 ? 0 : 1;
    putBit(encoder, before, bit);
    before = ((before << 1) | bit) & 0xff;
  }
  makeRoom(sink, (encoder.counts[0] as number) + CLOSING_BYTES);
  sink.length = finishBlock(encoder, sink.bytes, sink.length);
};

/** Fills `present` from the bytes [from, to) and answers how many rows have a value. */
export const takeBitmap = (decoder: RangeDecoder, block: Uint8Array, present: Uint8Array): number => {
  openBlock(decoder, block, 0, block.length);
  let before = 0xff;
  let count = 0;
  for (let i = 0; i < present.length; i++) {
    const bit = takeBit(decoder, before);
    present[i] = bit;
    count += bit;
    before = ((before << 1) | bit) & 0xff;
  }
  closeBlock(decoder);
  return count;
};
