import { describe, expect, test } from 'vitest';
import { align, append, gapAfter, groupByMetric, isMain, isolated, type Point, rateOf } from './chart-data.js';

const point = (ts: number, value: number): Point => [ts, value - 1, value, value + 1];

describe('aligning', () => {
  test('one track becomes seconds, min, mean and max', () => {
    expect(align([{ labels: {}, points: [point(1000, 5), point(2000, 6)] }], 5000)).toEqual({
      times: [1, 2],
      columns: [
        [4, 5],
        [5, 6],
        [6, 7],
      ],
    });
  });

  test('a gap breaks the line of its own track only', () => {
    const broken = { labels: { a: '1' }, points: [point(1000, 5), point(60_000, 6)] };
    const whole = { labels: { a: '2' }, points: [point(1000, 1), point(30_000, 2), point(60_000, 3)] };
    const { times, columns } = align([broken, whole], 30_000);
    expect(times).toEqual([1, 1.001, 30, 60]);
    expect(columns[1]).toEqual([5, null, undefined, 6]);
    expect(columns[4]).toEqual([1, undefined, 2, 3]);
  });

  test('no track gives no times', () => {
    expect(align([], 1000)).toEqual({ times: [], columns: [] });
  });
});

test('a value between two gaps is found, so that it can be drawn as a point', () => {
  expect(isolated([5, null, undefined, 6, undefined, null, 7, 8])).toEqual([0, 3]);
  expect(isolated([])).toEqual([]);
});

test('a gap is three missing reports or two missing buckets, whichever is longer', () => {
  expect(gapAfter({ span_ms: 3_600_000, points: 240, tier: 'raw', interval_ms: 10_000 })).toBe(31_500);
  expect(gapAfter({ span_ms: 3_600_000, points: 240, tier: 'raw', interval_ms: 60_000 })).toBe(180_000);
  expect(gapAfter({ span_ms: 3_600_000, points: 240, tier: '5m', interval_ms: 10_000 })).toBe(630_000);
});

describe('live values', () => {
  test('go behind the last point, old ones never, and what left the window goes', () => {
    const points = [point(1000, 1), point(2000, 2)];
    append(points, 3000, 9, 1500);
    append(points, 2500, 8, 1500);
    expect(points).toEqual([point(2000, 2), [3000, 9, 9, 9]]);
  });

  test('of a counter are a rate, and nothing at the first value or after a restart', () => {
    expect(rateOf({ value: 100, ts: 0 }, { value: 300, ts: 2000 })).toBe(100);
    expect(rateOf(undefined, { value: 300, ts: 2000 })).toBeNull();
    expect(rateOf({ value: 500, ts: 0 }, { value: 300, ts: 2000 })).toBeNull();
    expect(rateOf({ value: 100, ts: 2000 }, { value: 300, ts: 2000 })).toBeNull();
  });
});

test('metrics are grouped, the main ones and those of a network before the rest of the machine', () => {
  const value = (metric: string, labels = {}) => ({ metric, labels, value: 1, ts: 1 });
  const groups = groupByMetric([
    value('system.processes.count'),
    value('storj.space_used'),
    value('hw.temperature', { zone: 'a' }),
    value('system.cpu.utilization'),
    value('hw.temperature', { zone: 'b' }),
  ]);
  expect(groups.map((group) => [group.metric, group.values.length])).toEqual([
    ['system.cpu.utilization', 1],
    ['hw.temperature', 2],
    ['storj.space_used', 1],
    ['system.processes.count', 1],
  ]);
  expect(groups.map((group) => isMain(group.metric))).toEqual([true, true, true, false]);
});
