import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DaySums } from './daily-sums.js';

const amount = fc.oneof(fc.bigInt({ min: -1_000n, max: 1_000n }), fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }));
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), day: fc.integer({ min: 0, max: 120 }), amount }),
  fc.record({ kind: fc.constant('cut' as const), day: fc.integer({ min: 60, max: 120 }), amount: fc.constant(0n) }),
  fc.record({ kind: fc.constant('trim' as const), day: fc.integer({ min: 0, max: 20 }), amount: fc.constant(0n) }),
);

it('sums any span as a plain list of days does, in any order of days and for amounts of any size', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 20, max: 120 }),
      fc.integer({ min: 0, max: 60 }),
      (steps, from, length) => {
        const sums = new DaySums();
        const plain = new Map<number, bigint>();
        for (const { kind, day, amount: value } of steps) {
          // As its users do: nothing is added before what was forgotten.
          if (kind === 'add' && day >= 20) sums.add(day, value);
          if (kind === 'add' && day >= 20) plain.set(day, (plain.get(day) ?? 0n) + value);
          if (kind === 'cut') sums.cut(day);
          if (kind === 'cut') for (const known of [...plain.keys()]) if (known >= day) plain.delete(known);
          if (kind === 'trim') sums.trim(day);
        }
        let expected = 0n;
        for (const [day, value] of plain) if (day >= from && day < from + length) expected += value;
        expect(sums.between(from, from + length)).toBe(expected);
      },
    ),
  );
});

it('keeps the sum of a span that begins where it was trimmed', () => {
  const sums = new DaySums();
  for (let day = 0; day < 40; day++) sums.add(day, 10n ** 20n);
  sums.trim(30);
  expect([sums.first, sums.last, sums.between(30, 40)]).toEqual([30, 39, 10n ** 21n]);
});
