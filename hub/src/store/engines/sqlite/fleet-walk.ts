/** Goes over many devices in slices, so that what is asked meanwhile is answered in between. */

/** Work that is done in slices of about that long: commits and charts wait no longer for it. */
const SLICE_MS = 5;

export interface Walk<T> {
  work: (item: T) => void;
  /** What each slice runs inside of. */
  around?: (slice: () => void) => void;
  signal?: AbortSignal | undefined;
}

/** Throws what the signal was aborted with. */
export const walk = async <T>(items: readonly T[], { work, around = (slice) => slice(), signal }: Walk<T>): Promise<void> => {
  for (let at = 0; at < items.length; ) {
    signal?.throwIfAborted();
    const until = performance.now() + SLICE_MS;
    around(() => {
      do work(items[at++] as T);
      while (at < items.length && performance.now() < until);
    });
    if (at < items.length) await new Promise((resolve) => setImmediate(resolve));
  }
};
