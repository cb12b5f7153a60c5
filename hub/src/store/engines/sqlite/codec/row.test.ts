import { AppError } from '@muster/shared/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSink, newSource, written } from './bytes.js';
import { atKeyRow, newRowReader, newRowState, packRow, restartRows, unpackRow } from './row.js';
import { anyDouble } from './testing/any.js';

interface Row {
  ts: number;
  values: (number | null)[];
  restart: boolean;
}

const anyRows = fc.integer({ min: 0, max: 11 }).chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    rows: fc.array(
      fc.record({
        ts: fc.oneof(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }), fc.integer(), fc.constant(-(2 ** 51) + 1)),
        values: fc.array(fc.option(anyDouble, { freq: 4 }), { minLength: columns, maxLength: columns }),
        restart: fc.boolean(),
      }),
      { minLength: 1, maxLength: 30 },
    ),
  }),
);

/** The packed rows, where each begins, and which are key rows. */
const packAll = (columns: number, rows: readonly Row[]) => {
  const out = newSink(1);
  const state = newRowState(columns);
  const starts = rows.map(({ ts, values, restart }) => {
    const start = out.length;
    if (restart) restartRows(state);
    packRow(state, ts, values, out);
    return start;
  });
  const bytes = written(out);
  return { bytes, starts, keys: starts.map((start) => atKeyRow(newSource(bytes, start))) };
};

const pack = (columns: number, rows: readonly Row[]): Uint8Array => packAll(columns, rows).bytes;

const unpack = (columns: number, bytes: Uint8Array) => {
  const reader = newRowReader(columns);
  const source = newSource(bytes);
  const rows = [];
  while (source.at < source.end) {
    const into = new Float64Array(columns);
    rows.push({ ts: unpackRow(reader, source, into), values: [...into] });
  }
  return rows;
};

const missingAsNaN = (values: readonly (number | null)[]) => values.map((value) => value ?? Number.NaN);

describe('packed rows', () => {
  it('come back bit for bit, whatever doubles, missing values, times and key rows they hold', () => {
    fc.assert(
      fc.property(anyRows, ({ columns, rows }) => {
        const back = unpack(columns, pack(columns, rows));
        expect(back).toStrictEqual(rows.map(({ ts, values }) => ({ ts, values: missingAsNaN(values) })));
      }),
      { numRuns: 300 },
    );
  });

  it('are the same from null, undefined, NaN and a typed array', () => {
    const rows = [
      [1.5, null, 3],
      [1.5, 7, null],
    ];
    const [nulls, typed] = [newSink(), newSink()];
    const [first, second] = [newRowState(3), newRowState(3)];
    for (const [i, values] of rows.entries()) {
      packRow(first, i, values, nulls);
      packRow(second, i, Float64Array.from(missingAsNaN(values)), typed);
    }
    expect(written(typed)).toEqual(written(nulls));
  });

  it('are passed over, each in its length, by a reader that has not seen their key row', () => {
    fc.assert(
      fc.property(anyRows, fc.nat(29), ({ columns, rows }, skipped) => {
        const { bytes, starts, keys } = packAll(columns, rows);
        const skip = Math.min(skipped, rows.length - 1);
        const whole = unpack(columns, bytes).slice(skip);
        const late = unpack(columns, bytes.subarray(starts[skip]));
        const key = keys.indexOf(true, skip);
        const unreadable = (key < 0 ? rows.length : key) - skip;
        expect(late.slice(0, unreadable).every(({ ts, values }) => [ts, ...values].every(Number.isNaN))).toBe(true);
        expect(late.slice(unreadable)).toStrictEqual(whole.slice(unreadable));
        expect(late).toHaveLength(whole.length);
      }),
    );
  });

  it('begin with a key row, and again after a restart', () => {
    const out = newSink();
    const state = newRowState(1);
    const heads: boolean[] = [];
    for (const restart of [false, false, true]) {
      if (restart) restartRows(state);
      const at = out.length;
      packRow(state, 1_000 * at, [20.5], out);
      heads.push(atKeyRow(newSource(out.bytes, at, out.length)));
    }
    expect(heads).toEqual([true, false, true]);
  });

  it('cost one byte per column that moved little, and nothing but the shared codes for those that did not', () => {
    const out = newSink();
    const state = newRowState(8);
    packRow(state, 10_000, [21.5, 5e9, 4_096, 1, 2, 3, null, 0], out);
    packRow(state, 20_000, [21.6, 5e9, 8_192, 1, 2, 3, null, 0], out);
    const before = out.length;
    packRow(state, 30_004, [21.7, 5e9, 4_096, 1, 2, 3, null, 0], out);
    expect(out.length - before).toBe(1 + 2 + 2);
  });

  it('throw "damaged" or give numbers when bytes are wrong, and never read past their end', () => {
    fc.assert(
      fc.property(
        anyRows,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        ({ columns, rows }, hits, cut) => {
          const bytes = pack(columns, rows);
          for (const [at, byte] of hits) bytes[at % bytes.length] = byte;
          const source = newSource(bytes, 0, bytes.length - (cut % (bytes.length + 1)));
          const reader = newRowReader(columns);
          try {
            while (source.at < source.end) unpackRow(reader, source, new Float64Array(columns));
            expect(source.at).toBe(source.end);
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
            expect(error.code).toBe('damaged');
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
