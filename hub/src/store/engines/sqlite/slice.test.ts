import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newSink, written } from './codec/bytes.js';
import { newRowState, packRow } from './codec/row.js';
import { createHeads, type Heads } from './head.js';
import { slotStart } from './ids.js';
import { createSliceWriter, unpackSlice } from './slice.js';
import { createHeadReads } from './slice-reads.js';

const LISTS: Record<number, Uint32Array> = { 1: Uint32Array.of(10, 11, 12), 2: Uint32Array.of(12, 10), 3: Uint32Array.of(20) };
const seriesOf = (list: number): Uint32Array => LISTS[list] ?? new Uint32Array(0);
const SLOT = 1_964_000;
const EVERYTHING = { from: 0, to: Number.MAX_SAFE_INTEGER };

/** A row as the write path appends it: packed by the state of its (head, list). */
const createWriter = (heads: Heads) => {
  const states = new Map<string, ReturnType<typeof newRowState>>();
  let journal = 0;
  return ({ device, slot, list, at }: { device: number; slot: number; list: number; at: number }) => {
    const head = heads.place(device, slot);
    const key = `${device} ${slot} ${list}`;
    const state = states.get(key) ?? newRowState(seriesOf(list).length);
    states.set(key, state);
    const [ts, sink] = [slotStart(device, slot) + at, newSink()];
    packRow(
      state,
      ts,
      Array.from(seriesOf(list), (series) => ((at + series) % 5 === 0 ? null : at / 4 + series)),
      sink,
    );
    const bytes = written(sink);
    heads.append(head, { list, bytes, from: 0, to: bytes.length, samples: 1, ts, journal: ++journal, now: ts });
  };
};

const row = fc.record({
  device: fc.integer({ min: 1, max: 2 }),
  slot: fc.integer({ min: SLOT, max: SLOT + 1 }),
  list: fc.integer({ min: 1, max: 3 }),
  at: fc.integer({ min: 0, max: 899_999 }),
});
const question = fc.record({
  device: fc.integer({ min: 1, max: 3 }),
  wanted: fc.uniqueArray(fc.constantFrom(10, 11, 12, 20, 99), { minLength: 1 }),
  from: fc.integer({ min: -900_000, max: 900_000 }),
  to: fc.integer({ min: 0, max: 2_000_000 }),
});
const plain = (tables: ReturnType<ReturnType<typeof createHeadReads>>) =>
  tables
    .filter(({ ts }) => ts.length > 0)
    .map(({ ts, ids, columns }) => ({
      ts: [...ts],
      columns: Array.from(ids, (id, i) => [id, [...(columns[i] ?? [])]] as const)
        .filter(([, values]) => values.some((value) => !Number.isNaN(value)))
        .sort(([a], [b]) => a - b),
    }));

it('reads of a head, gone on with from question to question, are those of the whole head', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(row, question), { maxLength: 60 }), (steps) => {
      const heads = createHeads(seriesOf);
      const write = createWriter(heads);
      const reads = createHeadReads({ of: heads.of, seriesOf, whole: heads.tables });
      for (const step of steps) {
        if ('list' in step) {
          write(step);
          continue;
        }
        const start = slotStart(step.device, SLOT);
        const range = { from: start + step.from, to: start + step.to };
        const wanted = new Set(step.wanted);
        expect(plain(reads(step.device, wanted, range))).toEqual(plain(heads.tables(step.device, wanted, range)));
      }
    }),
    { numRuns: 150 },
  );
});

it('a head whose older rows come back after a start is read anew', () => {
  const [heads, older] = [createHeads(seriesOf), createHeads(seriesOf)];
  const reads = createHeadReads({ of: heads.of, seriesOf, whole: heads.tables });
  createWriter(older)({ device: 1, slot: SLOT, list: 3, at: 10_000 });
  const write = createWriter(heads);
  // Another journal record began it.
  write({ device: 2, slot: SLOT, list: 3, at: 0 });
  write({ device: 1, slot: SLOT, list: 3, at: 20_000 });
  expect(reads(1, new Set([20]), EVERYTHING)[0]?.ts).toHaveLength(1);
  heads.adopt(older.place(1, SLOT));
  const wanted = new Set([20]);
  expect(plain(reads(1, wanted, EVERYTHING))).toEqual(plain(heads.tables(1, wanted, EVERYTHING)));
  expect(reads(1, wanted, EVERYTHING)[0]?.ts).toHaveLength(2);
});

it('a slice gives back what was put into it', () => {
  const table = {
    ts: Float64Array.of(1, 2, 3),
    ids: [7, 9],
    columns: [Float64Array.of(1, Number.NaN, 3), Float64Array.of(4, 5, 6)],
  };
  const bare = { ts: Float64Array.of(9), ids: [], columns: [] };
  const empty = { ts: new Float64Array(0), ids: [7], columns: [new Float64Array(0)] };
  const slice = createSliceWriter(2);
  for (const one of [table, bare, empty]) slice.put(4, one);
  slice.put(6, bare);
  const tables = unpackSlice(slice.end());
  expect(plain([...tables(4, null, EVERYTHING)])).toEqual(plain([table, bare]));
  expect(tables(5, null, EVERYTHING)).toEqual([]);
  expect(plain([...tables(6, null, EVERYTHING)])).toEqual(plain([bare]));
});
