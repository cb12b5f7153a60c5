/** Blobs that several series of one question have in common: read and opened once, as long as nothing in the file changes. */
import type { Chunk } from './codec/chunk.js';

export interface Shared {
  /** State of the file that all of it is from. */
  version: number;
  blobs: Map<string, unknown>;
  chunks: Map<string, Chunk | null>;
  bytes: number;
}

/** A year of roll-ups or four days of rows of one device. */
const MOST_BYTES = 8 * 1024 * 1024;

export const createShared = (): Shared => ({ version: Number.NaN, blobs: new Map(), chunks: new Map(), bytes: 0 });

/** Before each use. */
export const refresh = (shared: Shared, version: number): void => {
  if (shared.version === version) return;
  empty(shared);
  shared.version = version;
};

const empty = (shared: Shared): void => {
  shared.blobs.clear();
  shared.chunks.clear();
  shared.bytes = 0;
};

/** What was read under this key, or is read now. */
export const readShared = <T>(shared: Shared | null, key: string, { read, sizeOf }: Reading<T>): T => {
  if (!shared) return read();
  if (shared.blobs.has(key)) return shared.blobs.get(key) as T;
  const found = read();
  if (shared.bytes > MOST_BYTES) empty(shared);
  shared.bytes += sizeOf(found);
  shared.blobs.set(key, found);
  return found;
};

interface Reading<T> {
  read: () => T;
  sizeOf: (found: T) => number;
}
