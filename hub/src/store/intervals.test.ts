import { expect, it } from 'vitest';
import { joinIntervals } from './intervals.js';

it('joins neighbours and overlaps, in any order, and leaves gaps', () => {
  expect(
    joinIntervals([
      [7, 9],
      [1, 1],
      [2, 3],
      [8, 12],
      [20, 20],
    ]),
  ).toEqual([
    [1, 3],
    [7, 12],
    [20, 20],
  ]);
  expect(joinIntervals([])).toEqual([]);
});
