import { expect, it } from 'vitest';
import { createStrips } from './fleet-strips.js';

const counted = (pieces: readonly number[] | null) => {
  const make = () => {
    make.times++;
    return pieces;
  };
  make.times = 0;
  return make;
};

it('makes pieces once for each chunk, and anew when the chunk has changed', () => {
  const strips = createStrips();
  const make = counted([1, 2, 3, 4]);
  for (let question = 0; question < 3; question++) {
    const { pieces, at, end } = strips.of(5, 'max').get(77, 1, make) ?? { pieces: [], at: 0, end: 0 };
    expect([...pieces.slice(at, end)]).toEqual([1, 2, 3, 4]);
  }
  expect(make.times).toBe(1);
  strips.of(5, 'max').get(77, 2, make);
  strips.of(5, 'mean').get(77, 2, make);
  strips.of(6, 'max').get(77, 2, make);
  expect(make.times).toBe(4);
});

it('keeps also that there is nothing to tell', () => {
  const strips = createStrips();
  const make = counted(null);
  expect(strips.of(5, 'max').get(77, 1, make)).toBeNull();
  expect(strips.of(5, 'max').get(77, 1, make)).toBeNull();
  expect(make.times).toBe(1);
});

it('forgets what was asked longest ago when it is full, and answers all the same', () => {
  const strips = createStrips(20_000);
  const long = new Array<number>(1_000).fill(1);
  const [first, second] = [counted(long), counted(long)];
  const underWay = strips.of(1, 'max');
  underWay.get(1, 1, first);
  for (let series = 2; series < 6; series++) strips.of(series, 'max').get(1, 1, second);
  expect(underWay.get(1, 1, first)).not.toBeNull();
  expect(first.times).toBe(1);
  strips.of(1, 'max').get(1, 1, first);
  expect(first.times).toBe(2);
  strips.of(5, 'max').get(1, 1, second);
  expect(second.times).toBe(4);
});
