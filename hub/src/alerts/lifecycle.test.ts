import fc from 'fast-check';
import { expect, test } from 'vitest';
import { advance, type Held } from './lifecycle.js';
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
