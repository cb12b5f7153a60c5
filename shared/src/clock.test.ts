import { describe, expect, it } from 'vitest';
import { createSystemClock, sleep } from './clock.js';
import { createTestClock } from './testing/clock.js';

describe('the hand-moved clock', () => {
  it('runs what falls due on the way, in order of time', () => {
    const clock = createTestClock(1_000);
    const seen: [string, number][] = [];
    clock.every(400, () => seen.push(['every', clock.now()]));
    clock.after(500, () => seen.push(['after', clock.now()]));
    clock.advance(1_000);
    expect(seen).toEqual([
      ['every', 1_400],
      ['after', 1_500],
      ['every', 1_800],
    ]);
  });

  it('a step moves wall time alone', () => {
    const clock = createTestClock(0);
    clock.step(5_000);
    expect([clock.now(), clock.monotonic()]).toEqual([5_000, 0]);
  });

  it('a timer taken back does not run', () => {
    const clock = createTestClock();
    let runs = 0;
    const cancel = [clock.every(10, () => runs++), clock.after(10, () => runs++)];
    for (const end of cancel) end();
    clock.advance(100);
    expect(runs).toBe(0);
  });
});

describe('sleep', () => {
  it('ends when its time has come', async () => {
    const clock = createTestClock();
    const slept = sleep(clock, 1_000);
    clock.advance(1_000);
    await expect(slept).resolves.toBeUndefined();
  });

  it('rejects with the reason when it is aborted', async () => {
    const controller = new AbortController();
    const slept = sleep(createTestClock(), 1_000, controller.signal);
    controller.abort(new Error('stopped'));
    await expect(slept).rejects.toThrow('stopped');
  });

  it('does not start when it is aborted already', async () => {
    await expect(sleep(createTestClock(), 1_000, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  });
});

it('the system clock moves forward and runs tasks', async () => {
  const clock = createSystemClock();
  const before = clock.monotonic();
  await new Promise<void>((resolve) => clock.after(1, resolve));
  expect(clock.monotonic()).toBeGreaterThan(before);
});
