/** Who is asked when: one loop, a bounded number at a time, each source by itself. */
import type { Clock } from '@muster/shared/clock';

export interface Turn {
  /** Monotonic ms; infinite: not at all. */
  due: number;
  busy: boolean;
}

/** Questions on their way at a time: a service that hangs holds one of them for its deadline, no more. */
const AT_ONCE = 4;
const TICK_MS = 1_000;

export const createTurns = <T extends Turn>(clock: Clock, all: () => Iterable<T>, ask: (one: T) => Promise<number>) => {
  let running = 0;
  let end: (() => void) | null = null;

  const run = async (one: T) => {
    one.busy = true;
    running++;
    const delay_ms = await ask(one);
    one.due = clock.monotonic() + delay_ms;
    one.busy = false;
    running--;
    look();
  };
  const look = () => {
    if (!end || running >= AT_ONCE) return;
    const now = clock.monotonic();
    const waiting = [...all()].filter(({ due, busy }) => !busy && due <= now).sort((a, b) => a.due - b.due);
    for (const one of waiting.slice(0, AT_ONCE - running)) void run(one);
  };
  return {
    /** Something is due earlier than it was. */
    look,
    start() {
      end ??= clock.every(TICK_MS, look);
    },
    stop() {
      end?.();
      end = null;
    },
  };
};
