import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { createAgentTime } from './time.js';

const HUB = Date.UTC(2026, 5, 1);

const rig = (start: number, synchronised = () => false) => {
  const clock = createTestClock(start);
  let seq = 0;
  const time = createAgentTime({ clock, synchronised, last_seq: () => seq });
  return { clock, time, next: () => ++seq };
};

describe('the time of an agent', () => {
  it('is taken from the hub when the own clock stands in the past, for rows made before as well', () => {
    const { clock, time, next } = rig(0);
    clock.advance(60_000);
    const early = { seq: next(), ts: time.now() };
    clock.advance(60_000);
    expect(time.trusted()).toBe(false);
    expect(time.hear(HUB)).toBe(HUB - 120_000);
    expect(time.trusted()).toBe(true);
    expect(early.ts + time.shiftOf(early.seq)).toBe(HUB - 60_000);
    expect(time.now()).toBe(HUB);
    expect(time.shiftOf(next())).toBe(0);
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
    const { clock, time, next } = rig(0, () => synchronised);
    const seq = next();
    clock.step(HUB);
    expect(time.now()).toBe(0);
    synchronised = true;
    expect(time.trusted()).toBe(true);
    expect(time.now()).toBe(HUB);
    expect(time.shiftOf(seq)).toBe(HUB);
  });

  it('does not shift what was stamped well when a later correction comes', () => {
    const { clock, time, next } = rig(HUB);
    time.hear(HUB);
    const seq = next();
    clock.step(-86_400_000);
    expect(time.now()).toBe(HUB);
    time.hear(HUB);
    expect(time.now()).toBe(HUB);
    expect(time.shiftOf(seq)).toBe(0);
  });
});
