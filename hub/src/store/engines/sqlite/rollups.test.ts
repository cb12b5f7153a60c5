import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createChart } from '../../fold.js';
import type { Point } from '../../store.js';
import { type Chunk, type ChunkInput, openChunk } from './codec/chunk.js';
import { windowEnd, windowStart } from './ids.js';
import { migrations } from './migrations/index.js';
import { LAST, levelAbove, levelBelow, MAX, MIN, meanAt, rateAt, statId, stepOf } from './rollup-format.js';
import { readRuns } from './rollup-read.js';
import { rollupWindow } from './rollup-window.js';
import { createRollups, HOUR_WINDOWS, holdsWindow, rollupId } from './rollups.js';

const DEVICE = 3;
const FIRST = 81_824;
const [NOISE, COUNT, FLAT] = [1, 2, 3];

/** A window of rows every `every` ms: noise, a counter that goes on from window to window, a value that never moves. */
const windowOfRows = (window: number, every = 60_000): ChunkInput => {
  const from = windowStart(DEVICE, window);
  const ts = Float64Array.from(
    { length: Math.floor((windowEnd(DEVICE, window) - from) / every) },
    (_, i) => from + i * every + 7,
  );
  const column = (id: number, value: (ts: number, i: number) => number) => ({ id, values: ts.map(value), present: null });
  return {
    ts,
    columns: [
      column(NOISE, (_, i) => ((i * 7_919) % 401) / 10),
      column(COUNT, (time) => Math.floor((time - windowStart(DEVICE, FIRST)) / 1_000)),
      column(FLAT, () => 7),
    ],
  };
};

describe('roll-ups', () => {
  const db = { connection: new Database(':memory:') };
  let rollups: ReturnType<typeof createRollups>;
  beforeEach(() => {
    db.connection = new Database(':memory:');
    for (const { sql, move } of migrations) {
      db.connection.exec(sql);
      move?.(db.connection);
    }
    rollups = createRollups(db.connection);
  });
  afterEach(() => db.connection.close());

  const blobs = (table: 'five' | 'hour') =>
    db.connection.prepare<[], { id: number; blob: Uint8Array }>(`SELECT id, blob FROM ${table} ORDER BY id`).all();
  const chunkOf = (table: 'five' | 'hour', window: number): Chunk => {
    const id = rollupId(table, DEVICE, window);
    return openChunk(blobs(table).find((one) => one.id === id)?.blob ?? new Uint8Array(0));
  };
  const chart = (chunk: Chunk, tier: 'five' | 'hour', kind: 'gauge' | 'counter', series: number): Point[] => {
    const span = { from: windowStart(DEVICE, FIRST), to: windowEnd(DEVICE, FIRST + HOUR_WINDOWS), points: 200 };
    const fold = createChart(span, kind);
    readRuns(chunk, series, { device: DEVICE, kind, tier })?.feed(fold, span.from, span.to);
    return fold.result();
  };

  it('leave out what follows from the rest: a flat series has one column, a rising one no extremes', () => {
    const { five } = rollupWindow(windowOfRows(FIRST, 10_000), windowStart(DEVICE, FIRST));
    const ids = five.columns.map(({ id }) => id);
    expect(ids.filter((id) => Math.floor(id / 16) === FLAT)).toEqual([statId(FLAT, MIN)]);
    expect(ids).toContain(statId(COUNT, LAST));
    expect(ids).not.toContain(statId(COUNT, MIN));
    expect(ids).not.toContain(statId(COUNT, MAX));
    expect(ids).toContain(statId(NOISE, MAX));
    expect(ids).not.toContain(statId(NOISE, LAST));
  });

  it('join windows without knowing each other, in whatever order they were merged', () => {
    for (const window of [2, 0, 3, 1]) rollups.rolled(DEVICE, FIRST + window, windowOfRows(FIRST + window));
    const points = chart(chunkOf('five', FIRST), 'five', 'counter', COUNT);
    expect(points.length).toBeGreaterThan(20);
    for (const [, , mean] of points) expect(mean).toBeCloseTo(1, 3);
    const tag = db.connection.prepare<[], number>('SELECT tag FROM five').pluck().get() ?? 0;
    expect([0, 1, 2, 3].map((window) => holdsWindow(tag, FIRST + window))).toEqual([true, true, true, true]);
  });

  it('of a window that is merged again replace its old ones and no others', () => {
    for (const window of [0, 1, 2]) rollups.rolled(DEVICE, FIRST + window, windowOfRows(FIRST + window));
    const before = chunkOf('five', FIRST);
    const raw = windowOfRows(FIRST + 1);
    rollups.rolled(DEVICE, FIRST + 1, {
      ...raw,
      columns: raw.columns.map((one) => ({ ...one, values: one.values.map(() => 55) })),
    });
    const after = chunkOf('five', FIRST);
    const max = (chunk: Chunk) => readRuns(chunk, NOISE, { device: DEVICE, kind: 'gauge', tier: 'five' });
    const seen: number[] = [];
    max(after)?.feed({ run: ({ max }) => seen.push(max) }, windowStart(DEVICE, FIRST + 1), windowEnd(DEVICE, FIRST + 1));
    expect(new Set(seen)).toEqual(new Set([55]));
    expect(after.rows).toBe(before.rows);
    expect(chart(after, 'five', 'gauge', NOISE).slice(0, 5)).toEqual(chart(before, 'five', 'gauge', NOISE).slice(0, 5));
  });

  it('of hours are made when four days are over, and are those of the raw rows', () => {
    for (let window = 0; window < HOUR_WINDOWS; window++)
      rollups.rolled(DEVICE, FIRST + window, windowOfRows(FIRST + window, 10_000));
    expect(blobs('hour')).toHaveLength(0);
    rollups.rolled(DEVICE, FIRST + HOUR_WINDOWS, windowOfRows(FIRST + HOUR_WINDOWS));
    const hours = chunkOf('hour', FIRST);
    expect(hours.rows).toBeGreaterThanOrEqual(HOUR_WINDOWS * 6);
    for (const [ts, min, mean, max] of chart(hours, 'hour', 'gauge', NOISE).slice(1, -1)) {
      expect([ts % 3_600_000, min]).toEqual([0, 0]);
      expect(Math.abs(mean - 20)).toBeLessThan(1.5);
      expect(max).toBeGreaterThanOrEqual(40);
    }
    const rates = chart(hours, 'hour', 'counter', COUNT);
    for (const [, min, mean, max] of rates) {
      expect(mean).toBeCloseTo(1, 3);
      expect(min).toBeLessThanOrEqual(1);
      expect(max).toBeGreaterThanOrEqual(1);
    }
    rollups.rolled(DEVICE, FIRST + 2, windowOfRows(FIRST + 2, 10_000));
    expect(chart(chunkOf('hour', FIRST), 'hour', 'counter', COUNT).map(([, , mean]) => mean.toFixed(2))).toEqual(
      rates.map(([, , mean]) => mean.toFixed(2)),
    );
  });

  it('of five minutes are rolled up to hours before retention takes them', () => {
    for (let window = 0; window < 6; window++) rollups.rolled(DEVICE, FIRST + window, windowOfRows(FIRST + window));
    expect(rollups.expire(DEVICE, { five: windowEnd(DEVICE, FIRST + 3), hour: null })).toBe(1);
    expect(blobs('five').map(({ id }) => id)).toEqual([rollupId('five', DEVICE, FIRST + 4)]);
    expect(chart(chunkOf('hour', FIRST), 'hour', 'counter', COUNT).length).toBeGreaterThan(6);
    expect(rollups.expire(DEVICE, { five: null, hour: windowEnd(DEVICE, FIRST + 40) })).toBe(1);
    rollups.forget(DEVICE);
    expect([...blobs('five'), ...blobs('hour')]).toEqual([]);
  });

  it('that are damaged are replaced by those of the next window', () => {
    rollups.rolled(DEVICE, FIRST, windowOfRows(FIRST));
    db.connection.exec('UPDATE five SET blob = zeroblob(50)');
    rollups.rolled(DEVICE, FIRST + 1, windowOfRows(FIRST + 1));
    const tag = db.connection.prepare<[], number>('SELECT tag FROM five').pluck().get() ?? 0;
    expect([0, 1].map((window) => holdsWindow(tag, FIRST + window))).toEqual([false, true]);
    expect(chart(chunkOf('five', FIRST), 'five', 'counter', COUNT).length).toBeGreaterThan(3);
  });
});

describe('what roll-ups round', () => {
  it('rates go outwards, by less than five per cent, and stay where they are the second time', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-17, max: 1e300, noNaN: true }), (rate) => {
        const [below, above] = [rateAt(levelBelow(rate)), rateAt(levelAbove(rate))];
        expect(below).toBeLessThanOrEqual(rate * (1 + 1e-9));
        expect(above).toBeGreaterThanOrEqual(rate * (1 - 1e-9));
        expect(above / below).toBeLessThan(1.05);
        expect([levelBelow(below), levelAbove(above)]).toEqual([levelBelow(rate), levelAbove(rate)]);
      }),
    );
    expect([rateAt(levelBelow(0)), rateAt(levelAbove(0))]).toEqual([0, 0]);
  });

  it('means stay between their extremes and near where they were', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e9, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (min, height, part) => {
          const extremes = { min, max: min + height };
          const mean = min + part * height;
          const found = meanAt(stepOf(mean, 'five', extremes) ?? 0, 'five', extremes);
          expect(Math.abs(found - mean)).toBeLessThanOrEqual(height * 0.017 + 1e-6);
          expect(found).toBeGreaterThanOrEqual(min - 1e-6);
          expect(found).toBeLessThanOrEqual(extremes.max + 1e-6);
        },
      ),
    );
    expect(stepOf(5, 'five', { min: 5, max: 5 })).toBeNull();
  });
});
