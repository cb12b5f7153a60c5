/** Time as an argument: real at the edge, hand-moved in tests (`testing/clock`). */
export interface Clock {
  /** Milliseconds since 1970 UTC; may jump. */
  now(): number;
  /** Milliseconds that only go forward, from an arbitrary start. */
  monotonic(): number;
  /** Runs `task` every `ms`; the returned function ends it. Never keeps the process alive by itself. */
  every(ms: number, task: () => void): () => void;
  /** Runs `task` once after `ms`; the returned function takes it back. */
  after(ms: number, task: () => void): () => void;
}

export const createSystemClock = (): Clock => ({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  every(ms, task) {
    const timer = setInterval(task, ms).unref();
    return () => clearInterval(timer);
  },
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
});

/** A promise for `ms` later on this clock; rejects with the signal's reason when aborted first. */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
