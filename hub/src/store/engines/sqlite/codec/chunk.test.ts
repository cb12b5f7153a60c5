import { crc32 } from 'node:zlib';
import { AppError } from '@muster/shared/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChunkColumn, type ChunkInput, encodeChunk, openChunk } from './chunk.js';
import { anyDouble, anyWalk, smallRandom } from './testing/any.js';

const anyRowCount = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 120 }) },
  { weight: 1, arbitrary: fc.constantFrom(1_000, 5_000) },
);

const anyTimes = (rows: number): fc.Arbitrary<Float64Array> =>
  fc
    .record({
      from: fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
      step: fc.constantFrom(1, 1_000, 10_000, 2 ** 30),
      seed: fc.nat(),
    })
    .map(({ from, step, seed }) => {
      const random = smallRandom(seed + 1);
      return Float64Array.from({ length: rows }, (_, i) => from + i * step + Math.floor(random() * Math.min(step, 40)));
    });

const anyPresence = (rows: number): fc.Arbitrary<Uint8Array | null> =>
  fc.option(
    fc
      .record({ seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }), share: fc.constantFrom(0, 0.02, 0.5, 0.98, 1) })
      .map(({ seed, share }) => {
        const random = smallRandom(seed);
        return Uint8Array.from({ length: rows }, () => (random() < share ? 1 : 0));
      }),
  );

// Long columns repeat a short stretch of odd values: an arbitrary per value would take minutes.
const anyValues = (rows: number): fc.Arbitrary<number[]> =>
  fc.oneof(
    anyWalk(rows),
    fc.array(anyDouble, { minLength: 1, maxLength: Math.min(rows, 60) }).map((few) => repeat(few, rows)),
    anyDouble.map((value) => repeat([value], rows)),
  );

const repeat = (few: readonly number[], rows: number): number[] =>
  Array.from({ length: rows }, (_, i) => few[i % few.length] ?? 0);

const anyChunk: fc.Arbitrary<ChunkInput> = anyRowCount.chain((rows) =>
  fc.record({
    ts: anyTimes(rows),
    columns: fc
      .uniqueArray(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 5 })
      .chain((ids) => fc.tuple(...ids.sort((a, b) => a - b).map((id) => anyColumn(id, rows)))),
  }),
);

const anyColumn = (id: number, rows: number): fc.Arbitrary<ChunkColumn> =>
  fc.record({
    id: fc.constant(id),
    values: anyValues(rows).map((values) => Float64Array.from(values)),
    present: anyPresence(rows),
  });

/** What a reader must give back for a column: absent values are NaN, and no bitmap when nothing is absent. */
const expected = ({ id, values, present }: ChunkColumn): ChunkColumn => ({
  id,
  values: values.map((value, row) => (present?.[row] === 0 ? Number.NaN : value)),
  present: present?.includes(0) ? present : null,
});

describe('a chunk', () => {
  it('gives every double, gap and time back bit for bit', () => {
    fc.assert(
      fc.property(anyChunk, (input) => {
        const chunk = openChunk(encodeChunk(input));
        expect([chunk.rows, chunk.from, chunk.to]).toEqual([input.ts.length, input.ts[0], input.ts.at(-1)]);
        expect([...chunk.ids]).toEqual(input.columns.map(({ id }) => id));
        expect(chunk.ts()).toStrictEqual(input.ts);
        for (const column of input.columns) expectSame(chunk.column(column.id), expected(column));
      }),
      { numRuns: 150 },
    );
  });

  it('reads from bytes in the middle of others', () => {
    const bytes = encodeChunk(sample());
    const around = new Uint8Array(bytes.length + 7);
    around.set(bytes, 3);
    expect(openChunk(around.subarray(3, 3 + bytes.length)).column(7)?.values).toStrictEqual(sample().columns[0]?.values);
  });

  it('has no column that was not put in', () => {
    expect(openChunk(encodeChunk(sample())).column(8)).toBeNull();
  });

  it('leaves its input as it was', () => {
    const input = sample();
    encodeChunk(input);
    expect(input).toStrictEqual(sample());
  });

  it('refuses input that breaks its promises', () => {
    const ts = Float64Array.of(1, 2);
    const column = { id: 1, values: Float64Array.of(1, 2), present: null };
    expect(() => encodeChunk({ ts: Float64Array.of(), columns: [] })).toThrow('rows');
    expect(() => encodeChunk({ ts: Float64Array.of(2, 2), columns: [] })).toThrow('rise');
    expect(() => encodeChunk({ ts, columns: [column, column] })).toThrow('sorted');
    expect(() => encodeChunk({ ts, columns: [{ ...column, values: Float64Array.of(1) }] })).toThrow('a value per row');
  });

  it('holds 65,535 rows', () => {
    const ts = Float64Array.from({ length: 65_535 }, (_, i) => i * 10);
    const values = ts.map((time) => Math.floor(time / 7) / 100);
    const chunk = openChunk(encodeChunk({ ts, columns: [{ id: 0, values, present: null }] }));
    expect(chunk.ts()).toStrictEqual(ts);
    expect(chunk.column(0)?.values).toStrictEqual(values);
  });
});

describe('damaged chunks', () => {
  it('are found by their checksum, wherever they are damaged or cut', () => {
    const whole = encodeChunk(sample());
    for (let at = 0; at < whole.length; at++) {
      const bytes = whole.slice();
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      expect(() => openChunk(bytes)).toThrow(expect.objectContaining({ code: 'damaged' }));
      expect(() => openChunk(whole.slice(0, at))).toThrow(expect.objectContaining({ code: 'damaged' }));
    }
  });

  it('throw nothing but "damaged" even when their checksum matches', () => {
    fc.assert(
      fc.property(
        anyChunk,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(6),
        (input, hits, cut) => {
          const whole = encodeChunk(input);
          const bytes = whole.slice(0, Math.max(6, whole.length - cut));
          for (const [at, byte] of hits) bytes[5 + (at % (bytes.length - 5))] = byte;
          new DataView(bytes.buffer).setUint32(1, crc32(bytes.subarray(5)), true);
          readAll(bytes);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('throw nothing but "damaged" when they are any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 200 }), (bytes) => {
        bytes[0] = 1;
        new DataView(bytes.buffer).setUint32(1, crc32(bytes.subarray(5)), true);
        readAll(bytes);
      }),
      { numRuns: 1_000 },
    );
  });
});

const readAll = (bytes: Uint8Array): void => {
  try {
    const chunk = openChunk(bytes);
    chunk.ts();
    for (const id of chunk.ids) chunk.column(id);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toBe('damaged');
  }
};

const expectSame = (got: ChunkColumn | null, want: ChunkColumn): void => {
  expect(got?.present).toStrictEqual(want.present);
  const wrong = want.values.findIndex((value, row) => !Object.is(value, got?.values[row]));
  expect(wrong).toBe(-1);
};

const sample = (): ChunkInput => ({
  ts: Float64Array.of(1_000, 2_000, 3_001),
  columns: [{ id: 7, values: Float64Array.of(20.5, 20.6, 20.5), present: null }],
});
