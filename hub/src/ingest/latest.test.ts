import { type Labels, seriesKey } from '@muster/shared/metrics';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import fc from 'fast-check';
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

  it('over the fleet are in order, those that have not changed are the same, and what was answered stays as it was', () => {
    const { latest, put } = setUp();
    put('two', ['t{z=b}', 't{z=a}'], [10, 1, 2]);
    put('one', ['t'], [10, 3]);
    const first = latest.across('t');
    expect(first.map(({ device, labels, value }) => [device, labels['z'], value])).toEqual([
      ['one', undefined, 3],
      ['two', 'a', 2],
      ['two', 'b', 1],
    ]);
    put('two', ['t{z=b}', 't{z=a}'], [20, null, 7]);
    const second = latest.across('t');
    expect(second.map(({ value }) => value)).toEqual([3, 7, 1]);
    expect(first.map(({ value }) => value)).toEqual([3, 2, 1]);
    expect([second[0] === first[0], second[1] === first[1], second[2] === first[2]]).toEqual([true, false, true]);
  });

  it('over the fleet are those of each device, whatever came since the last question', () => {
    const device = fc.constantFrom('a', 'a-b', 'b', 'c');
    const columns = fc.constantFrom<string[]>(['t', 'u'], ['t{z=b}', 't{z=a}', 'u'], ['u', 't{z=c}'], ['v']);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), device, columns, ts: fc.nat(50), gap: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('seed' as const), device, ts: fc.nat(50) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), device }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), metric: fc.constantFrom('t', 'u', 'v', 'w') }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { latest, put } = setUp();
        for (const [at, one] of steps.entries()) {
          if (one.kind === 'put')
            put(one.device, one.columns, [one.ts, ...one.columns.map((_, i) => (i === one.gap ? null : at))]);
          else if (one.kind === 'seed') latest.seed([{ device: one.device, series: 't{z=0}', ts: one.ts, value: at }]);
          else if (one.kind === 'forget') latest.forget(one.device);
          else {
            const all = ['a', 'a-b', 'b', 'c'].flatMap((id) =>
              latest.of(id).map(({ metric, ...rest }) => ({ metric, item: { device: id, ...rest } })),
            );
            const wanted = all.filter(({ metric }) => metric === one.metric).map(({ item }) => item);
            const keyOf = ({ device, labels }: { device: string; labels: Labels }) =>
              `${device} ${seriesKey(one.metric, labels)}`;
            wanted.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
            expect(latest.across(one.metric)).toEqual(wanted);
          }
        }
      }),
    );
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
