import type { Clock } from '@muster/shared/clock';

/** The one loop of the alerts. */
const LOOP_MS = 1_000;
/** Pending alerts that fall due within this time of each other are looked at together. */
const GROUP_MS = 50;
/** A standstill or a jump of the clock beyond this does not count towards a delay. */
const TOLERATED_MS = 2_000;

export interface TimingCalls {
  due: () => void;
  loop: () => void;
  shift: (ms: number) => void;
}

export interface Timing {
  calls(calls: TimingCalls): void;
  start(): void;
  stop(): void;
  /** Something falls due at this time: `due` will run by then. */
  expect(at: number): void;
}

/** Calls `due` when something expected is due, `loop` every second, and `shift` before both when time itself was wrong. */
export const createTiming = (clock: Clock): Timing => {
  let calls: TimingCalls | null = null;
  let next = Number.POSITIVE_INFINITY;
  let disarm: (() => void) | null = null;
  let end: (() => void) | null = null;
  let seen = { now: clock.now(), monotonic: clock.monotonic() };
  let ran = Number.NEGATIVE_INFINITY;

  const look = () => {
    const before = seen;
    seen = { now: clock.now(), monotonic: clock.monotonic() };
    const passed = seen.monotonic - before.monotonic;
    const jump = seen.now - before.now - passed;
    const standstill = passed - LOOP_MS;
    const wrong = (Math.abs(jump) > TOLERATED_MS ? jump : 0) + (standstill > TOLERATED_MS ? standstill : 0);
    if (wrong !== 0) calls?.shift(wrong);
  };
  const wake = () => {
    disarm = null;
    next = Number.POSITIVE_INFINITY;
    look();
    ran = clock.monotonic();
    calls?.due();
  };
  return {
    calls(given) {
      calls = given;
    },
    start() {
      if (end) return;
      seen = { now: clock.now(), monotonic: clock.monotonic() };
      end = clock.every(LOOP_MS, () => {
        look();
        calls?.loop();
      });
    },
    stop() {
      end?.();
      disarm?.();
      end = null;
      disarm = null;
      next = Number.POSITIVE_INFINITY;
    },
    expect(at) {
      if (at >= next || !end) return;
      next = at;
      disarm?.();
      const calm = ran + GROUP_MS - clock.monotonic();
      disarm = clock.after(Math.min(Math.max(at - clock.now(), calm, 0), 2 ** 31 - 1), wake);
    },
  };
};
