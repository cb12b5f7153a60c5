import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketStep, counterPoints, gaugePoints, increaseBetween, lastPerTime, type Sample, standing } from './rollup.js';

const HOUR = 3_600_000;

describe('bucketing', () => {
  it('picks round widths', () => {
    expect(bucketStep({ from: 0, to: 24 * HOUR, points: 1_000 })).toBe(120_000);
    expect(bucketStep({ from: 0, to: HOUR, points: 3_600 })).toBe(1_000);
    expect(bucketStep({ from: 0, to: 30 * 24 * HOUR, points: 720 })).toBe(HOUR);
    expect(bucketStep({ from: 0, to: 365 * 24 * HOUR, points: 1_000 })).toBe(12 * HOUR);
  });

  it('always ends, with at most the points asked for, for any window', () => {
    const time = fc.double({ noNaN: true });
    fc.assert(
      fc.property(time, time, fc.integer({ min: -5, max: 5_000 }), (from, to, points) => {
        const step = bucketStep({ from, to, points });
        const [start, end] = [Math.max(0, from), Math.min(to, 8.64e15)];
        expect(Math.ceil(end / step) - Math.floor(start / step)).toBeLessThanOrEqual(Math.max(1, points));
      }),
    );
  });

  it('keeps bucket edges where they are while the window slides', () => {
    const samples = Array.from({ length: 600 }, (_, index): Sample => [index * 1_000, index]);
    const whole = gaugePoints(samples, { from: 0, to: 600_000, points: 10 });
    const slid = gaugePoints(samples.slice(30), { from: 30_000, to: 630_000, points: 11 });
    expect(slid.slice(1)).toEqual(whole.slice(1));
  });

  it('keeps a mean between its extremes, whatever the numbers', () => {
    const value = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        const samples = values.map((one, index): Sample => [index, one]);
        const [point] = gaugePoints(samples, { from: 0, to: values.length, points: 1 });
        expect(point && point[1] <= point[2] && point[2] <= point[3]).toBe(true);
      }),
    );
  });
});

describe('counters', () => {
  it('rise by what is there after a restart', () => {
    expect(increaseBetween(100, 130)).toBe(30);
    expect(increaseBetween(100, 20)).toBe(20);
    expect(increaseBetween(100, -5)).toBe(0);
  });

  it('ignore a second sample of the same time', () => {
    const points = counterPoints(
      [
        [1_000, 5],
        [1_000, 9],
        [2_000, 19],
      ],
      { from: 0, to: 3_000, points: 3_000 },
      [0, 0],
    );
    expect(points.map(([, , mean]) => mean)).toEqual([5, 10]);
  });

  it('stand at their rise since the last sample before the window', () => {
    expect(
      standing(
        'increase',
        [
          [2_000, 30],
          [3_000, 5],
        ],
        [1_000, 10],
      ),
    ).toBe(25);
    expect(standing('increase', [[2_000, 30]])).toBeNull();
    expect(standing('max', [])).toBeNull();
  });
});

it('the last of several samples at one time holds', () => {
  expect(
    lastPerTime([
      [1, 5],
      [1, 6],
      [2, 7],
    ]),
  ).toEqual([
    [1, 6],
    [2, 7],
  ]);
});
