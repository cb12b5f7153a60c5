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
