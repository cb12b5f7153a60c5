import type { Clock } from '@muster/shared/clock';
import { createTestClock } from '@muster/shared/testing/clock';
import { expect, test } from 'vitest';
import { createTiming } from './timing.js';

/** A clock whose process can be frozen: time goes on, timers run late, as after SIGSTOP and SIGCONT. */
const createFreezingClock = () => {
  const clock = createTestClock();
  let frozen = 0;
  const shown: Clock = { ...clock, now: () => clock.now() + frozen, monotonic: () => clock.monotonic() + frozen };
  return {
    clock: shown,
    advance: clock.advance,
    freeze(ms: number) {
      frozen += ms;
    },
  };
};

const watched = () => {
  const hands = createFreezingClock();
  const happened: string[] = [];
  const timing = createTiming(hands.clock);
  timing.calls({
    due: () => happened.push('due'),
    loop: () => {},
    shift: (ms) => happened.push(`shift ${Math.round(ms / 1_000)} s`),
  });
  timing.start();
  return { ...hands, happened, timing };
};

test('a hub that stood still for 30 s is told so before anything falls due', () => {
  const { advance, freeze, happened, timing, clock } = watched();
  timing.expect(clock.now() + 20_000);
  advance(5_000);
  freeze(30_000);
  advance(15_000);
  expect(happened).toEqual(['shift 30 s', 'due']);
});

test('what is expected earlier goes first, and nothing runs after the stop', () => {
  const { advance, happened, timing, clock } = watched();
  timing.expect(clock.now() + 60_000);
  timing.expect(clock.now() + 10_000);
  timing.expect(clock.now() + 30_000);
  advance(10_000);
  expect(happened).toEqual(['due']);
  timing.expect(clock.now() + 5_000);
  timing.stop();
  timing.stop();
  advance(100_000);
  expect(happened).toEqual(['due']);
});
