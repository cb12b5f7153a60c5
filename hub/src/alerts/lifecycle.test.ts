import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFlaps } from './flaps.js';
import { advance, badSince, type Held, pause, standing } from './lifecycle.js';
import type { Firing } from './rule.js';

const verdicts = fc.array(fc.record({ firing: fc.constantFrom<Firing>('yes', 'no', 'keep'), wait: fc.nat(30_000) }), {
  maxLength: 60,
});
const delays = fc.constantFrom(0, 1, 5_000, 20_000);

const run = (list: readonly { firing: Firing; wait: number }[], delay: number) => {
  let held: Held | null = null;
  let now = 1_000;
  const steps = [];
  for (const { firing, wait } of list) {
    now += wait;
    const step = advance(held, firing, { now, delay });
    steps.push({ now, firing, before: held, ...step });
    held = step.held;
  }
  return steps;
};

test('changes follow one another only as pending → firing|cancelled and firing → resolved', () => {
  fc.assert(
    fc.property(verdicts, delays, (list, delay) => {
      const changes = run(list, delay).flatMap(({ change }) => change ?? []);
      expect(`${changes.join(' ')} `).toMatch(
        /^((pending cancelled |pending firing resolved |firing resolved ))*(pending |pending firing |firing )?$|^ $/,
      );
    }),
  );
});

test('nothing fires before its delay, and only a yes makes it fire', () => {
  fc.assert(
    fc.property(verdicts, delays, (list, delay) => {
      for (const { now, firing, change, held } of run(list, delay)) {
        if (change !== 'firing') continue;
        expect(firing).toBe('yes');
        expect(now - (held?.since ?? now)).toBeGreaterThanOrEqual(delay);
      }
    }),
  );
});

test('keep changes nothing at all', () => {
  fc.assert(
    fc.property(verdicts, delays, (list, delay) => {
      for (const step of run(list, delay)) if (step.firing === 'keep') expect(step.held).toBe(step.before);
    }),
  );
});

test('a delay of 0 fires at once, without a pending before it', () => {
  expect(advance(null, 'yes', { now: 5, delay: 0 })).toEqual({
    held: { state: 'firing', since: 5, fired_at: 5 },
    change: 'firing',
  });
});

test('a pending one keeps its clock through keep and fires with the next yes', () => {
  const pending = advance(null, 'yes', { now: 0, delay: 100 }).held;
  const kept = advance(pending, 'keep', { now: 500, delay: 100 }).held;
  expect(advance(kept, 'yes', { now: 600, delay: 100 })).toEqual({
    held: { state: 'firing', since: 0, fired_at: 600 },
    change: 'firing',
  });
});

test('what fires ends only after it was well for the recovery time, without a relapse', () => {
  const firing = advance(null, 'yes', { now: 0, delay: 0 }).held;
  const well = advance(firing, 'no', { now: 100, delay: 0, recover: 50 });
  expect(well.change).toBeNull();
  const relapse = advance(well.held, 'yes', { now: 120, delay: 0, recover: 50 });
  expect(relapse).toEqual({ held: { ...firing, bad_since: 120 }, change: null });
  const again = advance(relapse.held, 'no', { now: 140, delay: 0, recover: 50 });
  expect(advance(again.held, 'no', { now: 189, delay: 0, recover: 50 }).change).toBeNull();
  expect(advance(again.held, 'no', { now: 190, delay: 0, recover: 50 })).toEqual({ held: null, change: 'resolved' });
});

test('what fires is bad since it fires, and anew since it was well or its device was away', () => {
  const firing = advance(null, 'yes', { now: 10, delay: 0 }).held as Held;
  const at = (held: Held, step: Firing, now: number) => advance(held, step, { now, delay: 0, recover: 500 }).held as Held;
  expect(badSince(at(firing, 'yes', 90))).toBe(10);
  const well = at(firing, 'no', 100);
  expect(badSince(well)).toBeNull();
  const relapsed = at(well, 'yes', 120);
  expect(badSince(at(relapsed, 'yes', 200))).toBe(120);
  const away = pause(relapsed, 250);
  expect(badSince(away)).toBeNull();
  expect(pause(away, 260)).toBe(away);
  expect(badSince(at(away, 'yes', 300))).toBe(300);
});

test('an alert about values is unknown while its device is away, one about presence is not', () => {
  expect(standing('firing', 'lost', false)).toBe('unknown');
  expect(standing('firing', 'lost', true)).toBe('firing');
  expect(standing('pending', 'online', false)).toBe('pending');
});

test('what fires for the third time within an hour flaps, and not once it was calm', () => {
  const flaps = createFlaps();
  const minute = 60_000;
  expect([0, 20, 40].map((at) => flaps.fired('one', at * minute))).toEqual([false, false, true]);
  expect(flaps.fired('other', 40 * minute)).toBe(false);
  expect(flaps.fired('one', 400 * minute)).toBe(false);
});
