import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Change, StoredRow } from '../store.js';
import { ask, type Bench, START } from './subject.js';

const SPAN = 2_000;
/** -0 is left out: JSON knows only 0. */
const value = fc.option(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  { freq: 5 },
);
const sample = fc.record({ at: fc.integer({ min: 0, max: SPAN - 1 }), a: value, b: value });
const samples = fc.uniqueArray(sample, { selector: ({ at }) => at, maxLength: 40 });

/** Rows in any order, some of them twice, cut into commits of any size. */
const delivered = samples.chain((list) =>
  fc.record({
    list: fc.constant(list),
    order: fc.array(fc.nat({ max: Math.max(0, list.length - 1) }), { maxLength: list.length * 2 }),
    cut: fc.integer({ min: 1, max: 10 }),
    identified: fc.boolean(),
  }),
);

type Delivered = typeof delivered extends fc.Arbitrary<infer T> ? T : never;

const commitsOf = (device: string, { list, order, cut, identified }: Delivered): Change[][] => {
  const asRow = (index: number): StoredRow => {
    const { at, a, b } = list[index] ?? { at: 0, a: null, b: null };
    return { boot: identified ? 'aaaabbbb' : null, seq: identified ? index + 1 : null, ts: START + at, values: [a, b] };
  };
  const sent = [...order, ...list.keys()].filter((index) => index < list.length).map(asRow);
  const commits: Change[][] = [];
  for (let from = 0; from < sent.length; from += cut)
    commits.push([{ kind: 'rows', device, columns: ['a', 'b'], rows: sent.slice(from, from + cut) }]);
  return commits;
};

export const propertyCases = (bench: Bench): void => {
  let runs = 0;

  it('gives any series back as it went in, whatever the order and the duplicates', async () => {
    await fc.assert(
      fc.asyncProperty(delivered, async (given) => {
        const device = `any-${++runs}`;
        for (const commit of commitsOf(device, given)) await bench.engine().commit(commit);
        for (const series of ['a', 'b'] as const) {
          const query = ask({ device, series, to: START + SPAN, points: SPAN });
          expect((await bench.engine().series(query)).points).toEqual(expected(given.list, series));
        }
      }),
      { numRuns: 40 },
    );
    expect(await bench.engine().verify()).toEqual([]);
  });

  it('gives the whole rise of a counter back from its rates, however the window is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 1_000 }), { minLength: 2, maxLength: 60 }),
        fc.integer({ min: 1, max: 70 }),
        async (rises, points) => {
          const device = `rise-${++runs}`;
          const rows = risen(rises).map((count, index) => ({
            boot: 'b',
            seq: index + 1,
            ts: START + index * 1_000,
            values: [count],
          }));
          await bench.engine().commit([{ kind: 'rows', device, columns: ['n'], rows }]);
          const query = { device, series: 'n', kind: 'counter' as const, from: START, to: START + rises.length * 1_000 };
          const fine = await bench.engine().series({ ...query, points: rises.length });
          expect(fine.points.reduce((sum, [, , mean]) => sum + mean, 0)).toBeCloseTo(risen(rises.slice(1)).at(-1) ?? 0, 6);
          const coarse = await bench.engine().series({ ...query, points });
          expect(Math.max(...coarse.points.map((point) => point[3]))).toBe(Math.max(...rises.slice(1)));
        },
      ),
      { numRuns: 20 },
    );
  });
};

const risen = (rises: number[]): number[] =>
  rises.map((_, index) => rises.slice(0, index + 1).reduce((sum, rise) => sum + rise, 0));

const expected = (list: Delivered['list'], series: 'a' | 'b') =>
  [...list]
    .sort((a, b) => a.at - b.at)
    .flatMap((one) => {
      const stored = one[series];
      return stored === null ? [] : [[START + one.at, stored, stored, stored]];
    });
