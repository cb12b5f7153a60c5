import { expect, it } from 'vitest';
import type { LatestValue } from '../store.js';
import { type Bench, row, rows, START, track } from './subject.js';

const sorted = (values: LatestValue[]): LatestValue[] =>
  values.sort((a, b) => (`${a.device} ${a.series}` < `${b.device} ${b.series}` ? -1 : 1));

export const fleetCases = (bench: Bench): void => {
  const window = { metric: 'net.io', from: START, to: START + 60_000, n: 10 };

  it('answers the newest value of every series of every device', async () => {
    await bench
      .engine()
      .commit([
        rows('pi-1', ['a', 'b'], [row(2, START + 2_000, [2, null]), row(1, START + 1_000, [1, 10])]),
        rows('pi-1', ['c'], [row(3, START + 500, [7])]),
        rows('pi-2', ['a'], [row(1, START, [5])]),
      ]);
    expect(sorted(await bench.engine().latest())).toEqual([
      { device: 'pi-1', series: 'a', ts: START + 2_000, value: 2 },
      { device: 'pi-1', series: 'b', ts: START + 1_000, value: 10 },
      { device: 'pi-1', series: 'c', ts: START + 500, value: 7 },
      { device: 'pi-2', series: 'a', ts: START, value: 5 },
    ]);
  });

  it('ranks every labelled series of a metric by what it rose, over resets', async () => {
    await bench
      .engine()
      .commit([
        track('pi-1', 'net.io{device=eth0}', [100, 150, 20, 30]),
        track('pi-2', 'net.io', [1_000, 1_010, 1_020, 1_030]),
        track('pi-3', 'net.iops', [0, 9_999]),
      ]);
    const ranked = await bench.engine().top({ ...window, by: 'increase' });
    expect(ranked.map(({ device, series, value }) => [device, series, value])).toEqual([
      ['pi-1', 'net.io{device=eth0}', 80],
      ['pi-2', 'net.io', 30],
    ]);
  });

  it('counts the rise since the last sample before the window', async () => {
    await bench.engine().commit([track('pi-1', 'net.io', [100, 150, 250])]);
    const ranked = await bench.engine().top({ ...window, from: START + 15_000, by: 'increase' });
    expect(ranked.map(({ value }) => value)).toEqual([100]);
  });

  it('ranks by mean and by maximum, the largest first, at most n', async () => {
    await bench
      .engine()
      .commit([track('pi-1', 'net.io', [10, 20, 90]), track('pi-2', 'net.io', [60, 60, 60]), track('pi-3', 'net.io', [1, 2, 3])]);
    const by = async (kind: 'mean' | 'max') =>
      (await bench.engine().top({ ...window, n: 2, by: kind })).map(({ device, value }) => [device, value]);
    expect(await by('mean')).toEqual([
      ['pi-2', 60],
      ['pi-1', 40],
    ]);
    expect(await by('max')).toEqual([
      ['pi-1', 90],
      ['pi-2', 60],
    ]);
  });

  it('orders equals by device, and leaves out what has nothing in the window', async () => {
    await bench
      .engine()
      .commit([track('pi-2', 'net.io', [5]), track('pi-1', 'net.io', [5]), rows('pi-3', ['net.io'], [row(1, START - 1, [9])])]);
    const ranked = await bench.engine().top({ ...window, by: 'max' });
    expect(ranked.map(({ device }) => device)).toEqual(['pi-1', 'pi-2']);
  });
};
