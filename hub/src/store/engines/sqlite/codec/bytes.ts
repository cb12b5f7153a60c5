import { damaged } from './damage.js';

/** Growing bytes to write to: `length` of `bytes` are written. Make room first, then write straight into `bytes`. */
export interface ByteSink {
  bytes: Uint8Array;
  length: number;
}

/** Bytes to read: the next one is at `at`, the last one before `end`. */
export interface ByteSource {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

export const newSink = (capacity = 256): ByteSink => ({ bytes: new Uint8Array(capacity), length: 0 });

export const newSource = (bytes: Uint8Array, from = 0, to = bytes.length): ByteSource => ({ bytes, at: from, end: to });

/** Makes sure that `more` bytes can be written after those that are there. */
export const makeRoom = (sink: ByteSink, more: number): void => {
  const needed = sink.length + more;
  if (needed <= sink.bytes.length) return;
  const grown = new Uint8Array(Math.max(needed, sink.bytes.length * 2));
  grown.set(sink.bytes.subarray(0, sink.length));
  sink.bytes = grown;
};

/** A copy of what was written. */
export const written = (sink: ByteSink): Uint8Array => sink.bytes.slice(0, sink.length);

export const putBytes = (sink: ByteSink, bytes: Uint8Array): void => {
  makeRoom(sink, bytes.length);
  sink.bytes.set(bytes, sink.length);
  sink.length += bytes.length;
};

/** A whole number 0 … 2^53 - 1 in groups of seven bits, lowest first (1 to 8 bytes). */
export const putVarint = (sink: ByteSink, value: number): void => {
  makeRoom(sink, 8);
  let rest = value;
  while (rest >= 128) {
    sink.bytes[sink.length++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  sink.bytes[sink.length++] = rest;
};

export const takeVarint = (source: ByteSource): number => {
  let value = 0;
  for (let weight = 1; weight < 2 ** 56; weight *= 128) {
    if (source.at >= source.end) break;
    const byte = source.bytes[source.at++] as number;
    value += (byte & 127) * weight;
    if (byte < 128) return wholeNumber(value);
  }
  throw damaged('a number has no end');
};

const wholeNumber = (value: number): number => {
  if (value > Number.MAX_SAFE_INTEGER) throw damaged('a number is too large');
  return value;
};

/** Whole numbers of both signs, up to 2^52 either way, so that small ones stay short: 0, -1, 1, -2, … */
export const putSigned = (sink: ByteSink, value: number): void => putVarint(sink, value < 0 ? -2 * value - 1 : 2 * value);

export const takeSigned = (source: ByteSource): number => {
  const value = takeVarint(source);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
};
