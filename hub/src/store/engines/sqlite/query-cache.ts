/** Decoded columns that were asked for lately, bounded in bytes; the oldest go first. */
export interface Cache {
  /** What is kept under this key, if it was made from the same bytes. */
  get<T>(key: string, tag: number): T | undefined;
  put(key: string, entry: { tag: number; value: unknown; bytes: number }): void;
  readonly bytes: number;
}

/** Key, entry and map take about that much beside the values. */
const OVERHEAD = 200;

export const createCache = (most_bytes: number): Cache => {
  const entries = new Map<string, { tag: number; value: unknown; bytes: number }>();
  let bytes = 0;
  const drop = (key: string) => {
    bytes -= (entries.get(key)?.bytes ?? -OVERHEAD) + OVERHEAD;
    entries.delete(key);
  };
  return {
    get<T>(key: string, tag: number): T | undefined {
      const entry = entries.get(key);
      if (entry?.tag !== tag) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value as T;
    },
    put(key, entry) {
      drop(key);
      entries.set(key, entry);
      bytes += entry.bytes + OVERHEAD;
      for (const [oldest] of entries) {
        if (bytes <= most_bytes) return;
        drop(oldest);
      }
    },
    get bytes() {
      return bytes;
    },
  };
};

/** The first bytes of a chunk are its version and its checksum. */
export const checksumOf = (blob: Uint8Array): number => {
  let checksum = 0;
  for (let i = 1; i < 5; i++) checksum = checksum * 256 + (blob[i] ?? 0);
  return checksum;
};

/** Tells the bytes of a chunk from those that had its key before. */
export const tagOf = (blob: Uint8Array): number => (blob.length % 2 ** 20) * 2 ** 32 + checksumOf(blob);
