import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newSink, written } from './codec/bytes.js';
import { newRowState, packRow } from './codec/row.js';
import { addSamples, newSum, standingOf } from './fleet-pieces.js';
import { createHeads, type Heads } from './head.js';
import { slotOf, slotStart } from './ids.js';
import { createSliceWriter, unpackSlice } from './slice.js';
import { createStripReads, type StripBy } from './slice-strips.js';
import type { Table } from './table.js';

const LISTS: Record<number, Uint32Array> = {
  1: Uint32Array.of(10, 11, 12),
  2: Uint32Array.of(12, 10),
  3: Uint32Array.of(20, 11),
};
const seriesOf = (list: number): Uint32Array => LISTS[list] ?? new Uint32Array(0);
const DEVICE = 7;
const FIVE = 300_000;
const START = slotStart(DEVICE, 1_964_000);

interface Row {
  list: number;
  ts: number;
  values: (number | null)[];
  /** As the write path appends it; else as a start reads it back. */
  live: boolean;
}

/** Packs as the write path does: by the state of its (head, list). */
const createWriter = (heads: Heads) => {
  const states = new Map<string, ReturnType<typeof newRowState>>();
  let journal = 0;
  return ({ list, ts, values, live }: Row) => {
    const slot = slotOf(DEVICE, ts);
    const state = states.get(`${slot} ${list}`) ?? newRowState(seriesOf(list).length);
    states.set(`${slot} ${list}`, state);
    const sink = newSink();
    packRow(state, ts, values, sink);
    const bytes = written(sink);
    const row = { list, bytes, from: 0, to: bytes.length, samples: 1, journal: ++journal, now: ts };
    heads.append(heads.place(DEVICE, slot), live ? { ...row, ts, values } : { ...row, ts: Number.NaN });
  };
};

const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, Number.NaN, -0, -3.25, 1e300) },
);
const row = fc
  .record({
    kind: fc.constant('row' as const),
    list: fc.integer({ min: 1, max: 3 }),
    step: fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 1, max: 200_000 }) },
      { weight: 1, arbitrary: fc.constantFrom(0, -400_000) },
    ),
    values: fc.array(value, { minLength: 3, maxLength: 3 }),
    live: fc.boolean(),
  })
  .map((one) => ({ ...one, values: one.values.slice(0, seriesOf(one.list).length) }));
const question = fc.record({
  kind: fc.constant('question' as const),
  series: fc.uniqueArray(fc.constantFrom(10, 11, 12, 20, 99), { minLength: 1 }),
  by: fc.constantFrom<StripBy>('increase', 'max'),
  from: fc.nat(8),
  length: fc.integer({ min: 1, max: 12 }),
});
type Question = Pick<typeof question extends fc.Arbitrary<infer Q> ? Q : never, 'by'> & { from: number; to: number };

/** What a ranking makes of the samples of a series. */
const standing = (tables: readonly Table[], series: number, { by, from, to }: Question) => {
  const sum = newSum(by, { from, to, known: 0 });
  for (const { ts, ids, columns } of tables) {
    const values = columns[Array.from(ids).indexOf(series)];
    if (values) addSamples(sum, ts, values);
  }
  return { value: standingOf(sum), blind: sum.blind };
};

const rises = (tables: readonly Table[]): boolean =>
  tables.every(({ ts }) => ts.every((time, i) => i === 0 || time > (ts[i - 1] as number)));

it('change no increase and no maximum of whole five minutes, whatever rows come between questions', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 4, arbitrary: row }, { weight: 1, arbitrary: question }), { maxLength: 80 }),
      (steps) => {
        const heads = createHeads(seriesOf);
        const write = createWriter(heads);
        const strips = createStripReads({ of: heads.of, seriesOf, onDisk: () => false });
        let ts = START;
        for (const step of steps) {
          if (step.kind === 'row') {
            ts = Math.max(START, ts + step.step);
            write({ ...step, ts });
            continue;
          }
          const from = (Math.floor(START / FIVE) + step.from) * FIVE;
          const asked = { by: step.by, from, to: from + step.length * FIVE };
          const slice = createSliceWriter(1);
          const series = new Set(step.series);
          const known = strips({ device: DEVICE, series, by: step.by, to: asked.to }, slice);
          const thin = unpackSlice(slice.end())(DEVICE, null, asked);
          const all = heads.tables(DEVICE, series, { from: 0, to: asked.to });
          // A head that goes on after the span may tell of it more than is asked.
          if (rises(heads.tables(DEVICE, series, { from: 0, to: Number.MAX_SAFE_INTEGER }))) expect(known).toBe(true);
          if (!known) expect(thin).toEqual([]);
          else for (const one of series) expect(standing(thin, one, asked)).toEqual(standing(all, one, asked));
        }
      },
    ),
    { numRuns: 300 },
  );
});

it('are few, however many rows there are', () => {
  const heads = createHeads(seriesOf);
  const write = createWriter(heads);
  const strips = createStripReads({ of: heads.of, seriesOf, onDisk: () => false });
  for (let at = 0; at < 90; at++) write({ list: 1, ts: START + at * 10_000, values: [at, 90 - at, at], live: true });
  const slice = createSliceWriter();
  strips({ device: DEVICE, series: new Set([10]), by: 'increase', to: START + 10 * FIVE }, slice);
  expect(slice.length).toBeLessThanOrEqual(4 + 2 * 8);
  expect(heads.of(DEVICE)[0]?.strips?.block.byteLength).toBeLessThan(200);
});

it('are made anew when the older rows of a head come back after a start', () => {
  const [heads, older] = [createHeads(seriesOf), createHeads(seriesOf)];
  const strips = createStripReads({ of: heads.of, seriesOf, onDisk: () => false });
  const risen = () => {
    const slice = createSliceWriter();
    strips({ device: DEVICE, series: new Set([20]), by: 'increase', to: START + 10 * FIVE }, slice);
    return unpackSlice(slice.end())(DEVICE, null, { from: 0, to: 0 }).map(({ ts, columns }) => [
      ts.length,
      ...(columns[0] ?? []),
    ]);
  };
  createWriter(older)({ list: 3, ts: START + 10_000, values: [3, 0], live: false });
  const write = createWriter(heads);
  write({ list: 3, ts: START + 20_000, values: [5, 0], live: true });
  expect(risen()).toEqual([[1, 5]]);
  for (const head of older.of(DEVICE)) heads.adopt(head);
  expect(risen()).toEqual([[2, 3, 5]]);
  write({ list: 3, ts: START + 30_000, values: [9, 0], live: true });
  expect(risen()).toEqual([[2, 3, 9]]);
});

it('come by slot, also where an older slot came back last', () => {
  const heads = createHeads(seriesOf);
  for (const slot of [5, 3, 4]) heads.place(DEVICE, slot);
  expect(heads.of(DEVICE).map(({ slot }) => slot)).toEqual([3, 4, 5]);
});
