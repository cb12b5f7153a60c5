import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { createAgentTime } from './time.js';

const HUB = Date.UTC(2026, 5, 1);

const rig = (start: number, synchronised = () => false) => {
  const clock = createTestClock(start);
  const settled: number[] = [];
  const time = createAgentTime({ clock, synchronised, settled: (shift_ms) => settled.push(shift_ms) });
  return { clock, time, settled };
};

describe('the time of an agent', () => {
  it('is taken from the hub when the own clock stands in the past, for rows made before as well', () => {
    const { clock, time, settled } = rig(0);
    clock.advance(60_000);
    const early = time.moment();
    expect(early.blind).toBe(true);
    clock.advance(60_000);
    expect(time.trusted()).toBe(false);
    expect(time.hear(HUB)).toBe(HUB - 120_000);
    expect(time.trusted()).toBe(true);
    expect(early.ts + time.shift()).toBe(HUB - 60_000);
    expect(settled).toEqual([time.shift()]);
    expect(time.now()).toBe(HUB);
    expect(time.moment()).toEqual({ ts: HUB, blind: false });
    clock.advance(1_000);
    expect(time.now()).toBe(HUB + 1_000);
  });

  it('is the own clock when that is about right', () => {
    const { clock, time } = rig(HUB - 60_000);
    expect(time.hear(HUB)).toBe(0);
    expect(time.now()).toBe(clock.now());
  });

  it('follows a clock that NTP sets after the start', () => {
    let synchronised = false;
    const { clock, time } = rig(0, () => synchronised);
    expect(time.moment()).toEqual({ ts: 0, blind: true });
    clock.step(HUB);
    expect(time.now()).toBe(0);
    synchronised = true;
    expect(time.trusted()).toBe(true);
    expect(time.now()).toBe(HUB);
    expect(time.shift()).toBe(HUB);
  });

  it('does not shift what was stamped well when a later correction comes', () => {
    const { clock, time, settled } = rig(HUB);
    time.hear(HUB);
    clock.step(-86_400_000);
    expect(time.now()).toBe(HUB);
    time.hear(HUB);
    expect(time.now()).toBe(HUB);
    expect([time.shift(), settled]).toEqual([0, [0]]);
  });
});
