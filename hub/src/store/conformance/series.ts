import { expect, it } from 'vitest';
import { ask, type Bench, named, row, rows, START, track } from './subject.js';

const MINUTE = 60_000;

export const gaugeCases = (bench: Bench): void => {
  it('gives every sample back when there are enough buckets', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [50, 51.25, 49])]);
    const { points } = await bench.engine().series(ask({ to: START + 30_000, points: 30_000 }));
    expect(points).toEqual([
      [START, 50, 50, 50],
      [START + 10_000, 51.25, 51.25, 51.25],
      [START + 20_000, 49, 49, 49],
    ]);
  });

  it('folds a bucket into its extremes and its mean', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [50, 50, 50, 98, 50, 2, 40, 40])]);
    const { points } = await bench.engine().series(ask({ to: START + 2 * MINUTE, points: 2 }));
    expect(points).toEqual([
      [START, 2, 50, 98],
      [START + MINUTE, 40, 40, 40],
    ]);
  });

  it('never answers more buckets than asked for, and lays them on round times inside the window', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', new Array(360).fill(1))]);
    for (const points of [1, 2, 7, 50, 100]) {
      const from = START + 12_345;
      const found = (await bench.engine().series(ask({ from, points }))).points;
      expect(found.length).toBeGreaterThan(0);
      expect(found.length).toBeLessThanOrEqual(points);
      expect(found.every(([ts]) => ts >= from && ts < START + 60 * MINUTE)).toBe(true);
    }
  });

  it('leaves a gap where nothing was reported or the value was missing', async () => {
    const values = [1, 1, 1, 1, 1, 1, null, null, null, null, null, null, 3, 3];
    await bench.engine().commit([track('pi-1', 'temperature', values)]);
    const { points } = await bench.engine().series(ask({ points: 60 }));
    expect(points.map(([ts]) => ts)).toEqual([START, START + 2 * MINUTE]);
  });

  it('takes NaN for a missing value, also in values that are no plain array', async () => {
    const values = [Float64Array.of(1, 7), Float64Array.of(Number.NaN, 8), Float64Array.of(3, Number.NaN)];
    const list = values.map((both, index) => row(index + 1, START + index * 10_000, both));
    await bench.engine().commit([rows('pi-1', ['temperature', 'power'], list)]);
    expect((await bench.engine().series(ask())).points.map(([, , mean]) => mean)).toEqual([1, 3]);
    expect((await bench.engine().series(ask({ series: 'power' }))).points.map(([, , mean]) => mean)).toEqual([7, 8]);
    expect(await bench.engine().stats()).toMatchObject({ rows: 3, samples: 4 });
  });

  it('takes samples from `from` on and leaves out those at `to`', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [1, 2, 3])]);
    const { points } = await bench.engine().series(ask({ from: START + 10_000, to: START + 20_000 }));
    expect(points).toEqual([[START + 10_000, 2, 2, 2]]);
  });

  it('answers nothing for a device, a series or a window that holds nothing', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [1])]);
    expect((await bench.engine().series(ask({ device: 'pi-2' }))).points).toEqual([]);
    expect((await bench.engine().series(ask({ series: 'power' }))).points).toEqual([]);
    expect((await bench.engine().series(ask({ from: START - 9, to: START }))).points).toEqual([]);
    expect((await bench.engine().series(ask({ from: START + 1, to: START }))).points).toEqual([]);
  });
};

export const counterCases = (bench: Bench): void => {
  const counter = { kind: 'counter' as const };

  it('answers a counter as rate per second', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [1_000, 1_050, 1_250])]);
    const { points } = await bench.engine().series(ask(counter));
    expect(points).toEqual([
      [START + 10_000, 5, 5, 5],
      [START + 20_000, 20, 20, 20],
    ]);
  });

  it('takes a fall for a restart from zero and never answers a negative rate', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [1_000, 1_100, 30, 130])]);
    const { points } = await bench.engine().series(ask(counter));
    expect(points.map(([, , mean]) => mean)).toEqual([10, 3, 10]);
  });

  it('keeps the fastest and the slowest rate of a bucket, and a mean that gives the increase back', async () => {
    await bench
      .engine()
      .commit([
        rows('pi-1', ['temperature'], [row(1, START, [0]), row(2, START + 10_000, [100]), row(3, START + 40_000, [160])]),
      ]);
    const { points } = await bench.engine().series(ask({ ...counter, points: 1 }));
    expect(points).toEqual([[START, 2, 4, 10]]);
  });

  it('starts from the last sample before the window', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [100, null, 300, 400])]);
    const { points } = await bench.engine().series(ask({ ...counter, from: START + 15_000 }));
    expect(points.map(([, , mean]) => mean)).toEqual([10, 10]);
  });

  it('has no rate for a lone sample', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [100])]);
    expect((await bench.engine().series(ask(counter))).points).toEqual([]);
  });
};

export const multiSeriesCases = (bench: Bench): void => {
  it('keeps one series through reports with different columns', async () => {
    await bench
      .engine()
      .commit([
        rows('pi-1', ['power', 'temperature'], [row(1, START, [3, 50]), row(3, START + 20_000, [4, 52])]),
        rows('pi-1', ['temperature', 'fan{id=1}'], [row(2, START + 10_000, [51, 1_200])]),
      ]);
    const { points } = await bench.engine().series(ask());
    expect(points.map(([, , mean]) => mean)).toEqual([50, 51, 52]);
    const fan = await bench.engine().series(ask({ series: 'fan{id=1}' }));
    expect(fan.points).toEqual([[START + 10_000, 1_200, 1_200, 1_200]]);
  });

  it('tells the same series of two devices apart', async () => {
    await bench.engine().commit([track('pi-1', 'temperature', [1]), track('pi-2', 'temperature', [2])]);
    expect((await bench.engine().series(ask({ device: 'pi-2' }))).points[0]?.[2]).toBe(2);
  });

  it('answers several series at once, in the order asked for, as it answers each of them', async () => {
    const list = Array.from({ length: 90 }, (_, index) => row(index + 1, START + index * 40_000, [index % 7, index * 3, null]));
    await bench.engine().commit([rows('pi-1', ['a', 'b', 'c'], list), track('pi-2', 'a', [5, 6])]);
    const queries = [
      ask({ series: 'b', kind: 'counter', points: 20 }),
      ask({ device: 'pi-2', series: 'a' }),
      ask({ series: 'a', points: 12 }),
      ask({ series: 'c' }),
      ask({ device: 'pi-9', series: 'a' }),
      ask({ series: 'a', from: START + 600_000, to: START + 900_000 }),
    ];
    const each = await Promise.all(queries.map((query) => bench.engine().series(query)));
    expect(await bench.engine().many(queries)).toEqual(each);
    expect(each.map(({ points }) => points.length > 0)).toEqual([true, true, true, false, false, true]);
    expect(await bench.engine().many([])).toEqual([]);
  });

  it('refuses more series at once than it has a bound for', async () => {
    const queries = Array.from({ length: 51 }, () => ask());
    await expect(bench.engine().many(queries)).rejects.toMatchObject({
      code: 'bad_request',
      message: expect.stringMatching(/at most 50/),
    });
    expect(await bench.engine().many(queries.slice(1))).toHaveLength(50);
  });

  it('exports rows by time with their series, page by page', async () => {
    const list = Array.from({ length: 25 }, (_, index) =>
      row(index + 1, START + index * 1_000, [index, index % 2 ? null : -index]),
    );
    await bench.engine().commit([rows('pi-1', ['a', 'b'], list), rows('pi-1', ['c'], [named(START + 4_000, [7])])]);
    const read: Awaited<ReturnType<ReturnType<Bench['engine']>['rows']>> = [];
    for (
      let page = await bench.engine().rows('pi-1', 0, 4);
      page.length;
      page = await bench.engine().rows('pi-1', lastOf(read), 4)
    ) {
      expect(page.length).toBeLessThanOrEqual(4);
      read.push(...page);
    }
    expect(read).toHaveLength(25);
    expect(read[0]).toEqual({ ts: START, series: { a: 0, b: 0 } });
    expect(read[1]).toEqual({ ts: START + 1_000, series: { a: 1 } });
    expect(read[4]).toEqual({ ts: START + 4_000, series: { a: 4, b: -4, c: 7 } });
    expect(await bench.engine().rows('pi-9', 0, 4)).toEqual([]);
  });
};

const lastOf = (read: { ts: number }[]): number => read.at(-1)?.ts ?? 0;
