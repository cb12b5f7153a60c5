/** Lets a few pieces of work run at once; the others wait their turn, as many as there is room for, or until nobody wants them. */
import { AppError } from '@muster/shared/errors';

export interface Turns {
  /** Throws `busy` when too many wait; rejects with the signal's reason when it aborts before its turn. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Running and waiting. */
  readonly open: number;
}

export interface TurnsSettings {
  at_once: number;
  /** Running and waiting together. */
  most: number;
}

export const createTurns = ({ at_once, most }: TurnsSettings): Turns => {
  const waiting = new Set<() => void>();
  let running = 0;
  const next = () => {
    running--;
    const [first] = waiting;
    first?.();
  };
  const turn = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const gone = () => {
        waiting.delete(go);
        reject(signal?.reason);
      };
      const go = () => {
        waiting.delete(go);
        signal?.removeEventListener('abort', gone);
        running++;
        resolve();
      };
      if (running < at_once) return go();
      waiting.add(go);
      signal?.addEventListener('abort', gone, { once: true });
    });
  return {
    async run(work, signal) {
      signal?.throwIfAborted();
      if (running + waiting.size >= most) throw tooMany(most);
      await turn(signal);
      try {
        return await work();
      } finally {
        next();
      }
    },
    get open() {
      return running + waiting.size;
    },
  };
};

const tooMany = (most: number): AppError =>
  new AppError('busy', `${most} queries are waiting for the store already; ask again in a moment`);
