import type { Clock } from '../clock.js';

interface Timer {
  at: number;
  every: number | null;
  task: () => void;
}

/** A clock that moves only by hand; `advance` runs what falls due on the way, in order of time. */
export interface TestClock extends Clock {
  advance(ms: number): void;
  /** Moves wall time alone, as NTP does: monotonic time and timers do not notice. */
  step(ms: number): void;
}

export const createTestClock = (start = Date.UTC(2026, 0, 1)): TestClock => {
  const timers = new Set<Timer>();
  let elapsed = 0;
  let offset = start;

  const add = (timer: Timer) => {
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const nextBy = (limit: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) if (timer.at <= limit && (!next || timer.at < next.at)) next = timer;
    return next;
  };
  const fire = (timer: Timer) => {
    elapsed = timer.at;
    if (timer.every === null) timers.delete(timer);
    else timer.at += timer.every;
    timer.task();
  };

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    every: (ms, task) => add({ at: elapsed + ms, every: Math.max(ms, 1), task }),
    after: (ms, task) => add({ at: elapsed + ms, every: null, task }),
    advance(ms) {
      const until = elapsed + ms;
      for (let timer = nextBy(until); timer; timer = nextBy(until)) fire(timer);
      elapsed = until;
    },
    step(ms) {
      offset += ms;
    },
  };
};
