import { expect, it } from 'vitest';
import { ask, type Bench, BOOT, named, row, rows, START, track } from './subject.js';

export const identityCases = (bench: Bench): void => {
  it('stores a row once per (device, boot, seq), however often it comes', async () => {
    const change = track('pi-1', 'temperature', [1, 2, 3]);
    await bench.engine().commit([change, change]);
    await bench.engine().commit([change]);
    await bench.engine().commit([rows('pi-1', ['temperature'], [row(2, START + 10_000, [99])])]);
    expect((await bench.engine().series(ask())).points.map(([, , mean]) => mean)).toEqual([1, 2, 3]);
    expect(await bench.engine().stats()).toMatchObject({ rows: 3, samples: 3 });
  });

  it('keeps the same seq of another boot and of another device', async () => {
    await bench
      .engine()
      .commit([
        rows('pi-1', ['temperature'], [row(1, START, [1]), row(1, START + 1_000, [2], 'ccccdddd')]),
        rows('pi-2', ['temperature'], [row(1, START, [3])]),
      ]);
    expect((await bench.engine().stats()).rows).toBe(3);
  });

  it('lets a row without identity overwrite what the same time and series held', async () => {
    await bench.engine().commit([rows('pi-1', ['temperature', 'power'], [named(START, [50, 3])])]);
    await bench.engine().commit([rows('pi-1', ['temperature', 'power'], [named(START, [55, null])])]);
    await bench.engine().commit([rows('pi-1', ['temperature'], [named(START, [60])])]);
    expect((await bench.engine().series(ask())).points).toEqual([[START, 60, 60, 60]]);
    expect((await bench.engine().series(ask({ series: 'power' }))).points).toEqual([[START, 3, 3, 3]]);
    expect(await bench.engine().rows('pi-1', 0, 10)).toEqual([{ ts: START, series: { temperature: 60, power: 3 } }]);
  });

  it('does not grow when a row without identity comes again', async () => {
    const change = rows('pi-1', ['temperature', 'power'], [named(START, [50, 3])]);
    for (let time = 0; time < 5; time++) await bench.engine().commit([change]);
    expect(await bench.engine().stats()).toMatchObject({ rows: 1, samples: 2 });
  });

  it('recovers what was stored as closed intervals, rows and marks together', async () => {
    await bench.engine().commit([
      rows(
        'pi-1',
        ['temperature'],
        [1, 2, 3, 7, 5].map((seq) => row(seq, START + seq, [seq])),
      ),
      { kind: 'mark', device: 'pi-1', boot: BOOT, seq: 4 },
      { kind: 'mark', device: 'pi-1', boot: BOOT, seq: 4 },
      { kind: 'mark', device: 'pi-2', boot: 'ccccdddd', seq: 9 },
      rows('pi-3', ['temperature'], [named(START, [1])]),
    ]);
    const { sequences } = await bench.reopen();
    expect(sequences.sort((a, b) => (a.device < b.device ? -1 : 1))).toEqual([
      {
        device: 'pi-1',
        boot: BOOT,
        intervals: [
          [1, 5],
          [7, 7],
        ],
      },
      { device: 'pi-2', boot: 'ccccdddd', intervals: [[9, 9]] },
    ]);
  });
};
