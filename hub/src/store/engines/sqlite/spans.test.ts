import fc from 'fast-check';
import { expect, it } from 'vitest';
import { joinIntervals } from '../../intervals.js';
import { addToSpans, decodeSpans, encodeSpans, removeFromSpans } from './spans.js';

const numbers = fc.array(fc.nat({ max: 60 }), { maxLength: 80 });

it('holds the same numbers as a set would, whatever comes and goes', () => {
  fc.assert(
    fc.property(numbers, numbers, (added, removed) => {
      const spans: number[] = [];
      const set = new Set<number>();
      for (const number of added) {
        expect(addToSpans(spans, number)).toBe(!set.has(number));
        set.add(number);
      }
      for (const number of removed) {
        if (!set.delete(number)) continue;
        removeFromSpans(spans, number);
      }
      expect(spans).toEqual(joinIntervals([...set].map((number) => [number, number])).flat());
      expect(decodeSpans(encodeSpans(spans))).toEqual(spans);
    }),
  );
});

it('keeps a whole boot in a few bytes', () => {
  const spans: number[] = [];
  for (let seq = 1; seq <= 1_000_000; seq++) addToSpans(spans, seq);
  expect(encodeSpans(spans).length).toBeLessThan(6);
});
