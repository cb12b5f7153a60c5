import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import { describe, expect, it } from 'vitest';
import type { LatestValue } from '../store/store.js';
import { createLatest } from './latest.js';
import { createShapes } from './shape.js';

const NOW = 1_000_000;
const setUp = (seed: LatestValue[] = []) => {
  const latest = createLatest(() => NOW);
  latest.seed(seed);
  const updates: string[] = [];
  latest.updated.on(({ device, values }) => updates.push(`${device} ${values.map(({ metric, value }) => `${metric}=${value}`)}`));
  const put = (device: string, columns: string[], ...rows: [ts: number, ...values: (number | null)[]][]) => {
    latest.admit(device, columns);
    latest.put(
      device,
      columns,
      rows.map(([ts, ...values]) => ({ boot: null, seq: null, ts, values })),
    );
  };
  return { latest, updates, put };
};

describe('latest values', () => {
  it('are the newest of each series; null leaves what is known', () => {
    const { latest, updates, put } = setUp();
    put('pi', ['a', 'b{x=1}'], [10, 1, 2], [20, 3, null]);
    expect(latest.of('pi')).toEqual([
      { metric: 'a', labels: {}, value: 3, ts: 20 },
      { metric: 'b', labels: { x: '1' }, value: 2, ts: 10 },
    ]);
    expect(latest.value('pi', 'b{x=1}')).toEqual({ value: 2, ts: 10 });
    expect(updates).toEqual(['pi a=3,b=2']);
  });

  it('an older value changes nothing and tells nobody', () => {
    const { latest, updates, put } = setUp();
    put('pi', ['a'], [20, 1]);
    put('pi', ['a'], [10, 2]);
    expect(latest.value('pi', 'a')).toEqual({ value: 1, ts: 20 });
    expect(updates).toHaveLength(1);
  });

  it('a time in the future counts as the time of its receipt', () => {
    const { latest, put } = setUp([{ device: 'pi', series: 'a', ts: NOW + 9_000, value: 1 }]);
    expect(latest.newest('pi')).toBe(NOW);
    put('pi', ['a'], [NOW + 200_000, 2]);
    expect(latest.value('pi', 'a')).toEqual({ value: 2, ts: NOW });
    expect(latest.newest('pi')).toBe(NOW);
  });

  it('start from what the store has', () => {
    const { latest } = setUp([
      { device: 'pi', series: 'b', ts: 10, value: 1 },
      { device: 'pi', series: 'a', ts: 30, value: 2 },
    ]);
    expect(latest.newest('pi')).toBe(30);
    expect(latest.of('pi').map(({ metric }) => metric)).toEqual(['a', 'b']);
  });

  it('from the store, when they come late, replace nothing that was heard, and are told', () => {
    const { latest, updates, put } = setUp();
    put('pi', ['b', 'a'], [20, 2, null]);
    latest.seed([
      { device: 'pi', series: 'a', ts: 10, value: 1 },
      { device: 'pi', series: 'b', ts: 20, value: 9 },
      { device: 'rig', series: 'a', ts: 5, value: 3 },
      { device: 'pi', series: 'c', ts: 15, value: 4 },
    ]);
    expect(latest.of('pi').map(({ metric, value, ts }) => [metric, value, ts])).toEqual([
      ['b', 2, 20],
      ['a', 1, 10],
      ['c', 4, 15],
    ]);
    expect([latest.newest('pi'), latest.newest('rig')]).toEqual([20, 5]);
    expect(updates).toEqual(['pi b=2', 'pi a=1,c=4', 'rig a=3']);
    put('pi', ['b', 'a'], [30, 5, 6]);
    expect(latest.value('pi', 'a')).toEqual({ value: 6, ts: 30 });
  });

  it('say whether a report touched a metric, and make values only when they are asked for', () => {
    const { latest } = setUp();
    const touched: unknown[] = [];
    latest.updated.on((update) =>
      touched.push(
        ['a', 'b', 'c'].map((metric) => update.touches?.(metric)),
        update.values.length,
      ),
    );
    latest.admit('pi', ['a{x=1}', 'b', 'a{x=2}']);
    latest.put('pi', ['a{x=1}', 'b', 'a{x=2}'], [{ boot: null, seq: null, ts: 1, values: [1, Number.NaN, 2] }]);
    expect(touched).toEqual([[true, false, false], 2]);
  });

  it('over the fleet by metric, whatever the labels', () => {
    const { latest, put } = setUp();
    put('one', ['t{z=a}', 't{z=b}', 'u'], [10, 1, 2, 3]);
    put('two', ['t'], [10, 4]);
    latest.admit('three', ['t']);
    expect(latest.across('t')).toEqual([
      { device: 'one', labels: { z: 'a' }, value: 1, ts: 10 },
      { device: 'one', labels: { z: 'b' }, value: 2, ts: 10 },
      { device: 'two', labels: {}, value: 4, ts: 10 },
    ]);
    expect(latest.across('nothing')).toEqual([]);
  });

  it('of an unknown device and series there are none', () => {
    const { latest } = setUp();
    expect([latest.of('x'), latest.value('x', 'a'), latest.newest('x')]).toEqual([[], undefined, undefined]);
    expect(latest.of('__proto__')).toEqual([]);
  });

  it('a device has at most 2,000 series: what fits is admitted, what it had stays', () => {
    const { latest, put } = setUp();
    const columns = (from: number, count: number) => Array.from({ length: count }, (_, at) => `m${from + at}`);
    expect(latest.admit('pi', columns(0, WIRE_LIMITS.series_per_device - 1))).toBeNull();
    expect(latest.admit('pi', ['m0', 'x', 'm1', 'y'])).toEqual([0, 1, 2]);
    expect(latest.admit('pi', ['y'])).toEqual([]);
    put('pi', ['m0', 'x'], [10, 1, 2]);
    expect(latest.value('pi', 'x')).toEqual({ value: 2, ts: 10 });
    expect(latest.admit('rig', ['y'])).toBeNull();
  });

  it('of a removed device are gone', () => {
    const { latest, put } = setUp();
    put('pi', ['a'], [10, 1]);
    latest.forget('pi');
    expect(latest.across('a')).toEqual([]);
  });
});

it('devices that report the same series share one shape', () => {
  const shapes = createShapes();
  expect(shapes.of(['a', 'b'])).toBe(shapes.of(['a', 'b']));
  expect(shapes.of(['a', 'b'])).not.toBe(shapes.of(['b', 'a']));
});
