import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Point, SeriesResult } from '../../store.js';
import { createMemoryEngine } from '../memory.js';
import { COLUMNS, edge, HOUR, type Machine, machine, place, reportsOf, SECOND, START } from './testing/machines.js';
import { createReadBench, type Filling, type ReadBench } from './testing/read-bench.js';

const KINDS = { heat: 'gauge', count: 'counter', odd: 'gauge', size: 'counter', flat: 'counter' } as const;

const placed = fc.record({
  machine,
  /** One for all, so that whole windows are rolled up, or any mixture. */
  places: fc.oneof(fc.constant(['merged' as const]), fc.array(place, { minLength: 1, maxLength: 40 })),
  from: fc.tuple(fc.integer({ min: -20, max: 200 }), edge).map(([times, by]) => times * by),
  length: fc.tuple(fc.integer({ min: 1, max: 100 }), edge).map(([times, by]) => times * by),
  points: fc.integer({ min: 1, max: 400 }),
});

describe('queries', () => {
  let bench: ReadBench;
  beforeEach(() => {
    bench = createReadBench(new Database(':memory:'));
  });
  afterEach(() => bench.close());
  let devices = 0;

  /** The same rows in the memory engine, and wherever the places say. */
  const fill = async ({ machine, places }: { machine: Machine; places: Filling['places'] }) => {
    const [device, rows, memory] = [`pi-${++devices}`, reportsOf(machine), createMemoryEngine()];
    const list = rows.map((row) => ({ boot: null, seq: null, ...row }));
    await memory.commit([{ kind: 'rows', device, columns: COLUMNS, rows: list }]);
    bench.fill({ device, columns: COLUMNS, rows, places });
    return { device, memory };
  };

  it('answer what the memory engine answers, wherever the rows lie', async () => {
    const tiers = new Set<string>();
    await fc.assert(
      fc.asyncProperty(placed, async ({ machine, places, from, length, points }) => {
        const { device, memory } = await fill({ machine, places });
        for (const [series, kind] of Object.entries(KINDS)) {
          const query = { device, series, kind, from: START + from, to: START + from + length, points };
          const found = bench.queries.series(query);
          tiers.add(`${kind} ${found.tier}`);
          compare(found, (await memory.series(query)).points);
        }
        const after = START + from;
        expect(bench.queries.rows({ device, after, limit: 50 })).toEqual(await memory.rows(device, after, 50));
      }),
      { numRuns: 120 },
    );
    expect([...tiers].sort()).toEqual(['counter 1h', 'counter 5m', 'counter raw', 'gauge 1h', 'gauge 5m', 'gauge raw']);
    expect(bench.queries.faults.size).toBe(0);
  });

  it('know the newest value of every series', async () => {
    await fc.assert(
      fc.asyncProperty(placed, async ({ machine, places }) => {
        const { device, memory } = await fill({ machine, places });
        const own = (await bench.queries.latest()).filter((one) => one.device === device);
        const bySeries = (a: { series: string }, b: { series: string }) => (a.series < b.series ? -1 : 1);
        expect(own.sort(bySeries)).toEqual((await memory.latest()).sort(bySeries));
      }),
      { numRuns: 40 },
    );
  });

  it('answer from roll-ups when the raw rows are gone', async () => {
    const { device, memory } = await fill({
      machine: { seed: 3, rows: 5_000, every: 10 * SECOND, restarts: 0.01 },
      places: ['merged'],
    });
    bench.dropRaw();
    for (const [series, kind] of Object.entries(KINDS)) {
      const query = { device, series, kind, from: START + 6 * HOUR, to: START + 18 * HOUR, points: 144 };
      const [found, truth] = [bench.queries.series(query), await memory.series(query)];
      expect(found.tier).toBe('5m');
      compare(found, truth.points);
    }
    const query = { device, series: 'heat', kind: 'gauge' as const, from: START + 6 * HOUR, to: START + 18 * HOUR };
    const fine = bench.queries.series({ ...query, points: 5_000 });
    expect(fine).toEqual(bench.queries.series({ ...query, points: 144 }));
  });

  it('leave a gap where a chunk is damaged, and count it once', async () => {
    const { device } = await fill({ machine: { seed: 5, rows: 6_000, every: 10 * SECOND, restarts: 0 }, places: ['merged'] });
    const query = { device, series: 'heat', kind: 'gauge' as const, from: START, to: START + 24 * HOUR, points: 1_440 };
    const whole = bench.queries.series(query).points.length;
    bench.db.exec(
      'UPDATE archive SET blob = zeroblob(length(blob)) WHERE id = (SELECT id FROM archive ORDER BY id LIMIT 1 OFFSET 1); DELETE FROM five',
    );
    bench.db.exec('DELETE FROM hour');
    for (let again = 0; again < 2; again++) {
      const { points } = bench.queries.series(query);
      expect(points.length).toBeLessThan(whole);
      expect(points.length).toBeGreaterThan(whole / 3);
      expect([...bench.queries.faults.keys()]).toEqual([expect.stringMatching(/^archive \d+$/)]);
    }
  });

  it('answers many series as it answers each, wherever the rows are, and ends when nobody waits any more', async () => {
    const places: Filling['places'] = ['head', 'merged', 'staged', 'merged and staged late', 'merged'];
    const { device } = await fill({ machine: { seed: 7, rows: 400, every: 90 * SECOND, restarts: 0.01 }, places });
    const queries = COLUMNS.flatMap((series) =>
      [60, 400].map((points) => ({ device, series, kind: 'gauge' as const, from: START, to: START + 24 * HOUR, points })),
    );
    const each = queries.map((query) => bench.queries.series(query));
    expect(await bench.queries.many(queries)).toEqual(each);
    bench.db.exec('UPDATE archive SET blob = zeroblob(length(blob))');
    expect(await bench.queries.many(queries)).toEqual(queries.map((query) => bench.queries.series(query)));
    const gone = AbortSignal.abort(new Error('nobody waits'));
    await expect(bench.queries.many(queries, { signal: gone })).rejects.toThrow('nobody waits');
  });
});

const compare = (found: SeriesResult, truth: Point[]): void => {
  if (found.tier === 'raw') expect(found.points).toEqual(truth);
  expect(found.points.map(([ts]) => ts)).toEqual(truth.map(([ts]) => ts));
  const height = Math.max(0, ...truth.map(([, min, , max]) => max - min));
  for (const [i, [, min, mean, max]] of truth.entries()) {
    const [, low, middle, high] = found.points[i] ?? [0, 0, 0, 0];
    const dust = Math.abs(max) * 1e-9 + 1e-9;
    // Rates go outwards by up to five per cent, extremes by parts of their usual height, means in steps between them.
    expect(low).toBeLessThanOrEqual(min + dust);
    expect(low).toBeGreaterThanOrEqual(min - Math.abs(min) * 0.05 - height / 50 - dust);
    expect(high).toBeGreaterThanOrEqual(max - dust);
    expect(high).toBeLessThanOrEqual(max + Math.abs(max) * 0.05 + height / 50 + dust);
    expect(Math.abs(middle - mean)).toBeLessThanOrEqual(Math.abs(mean) * 1e-6 + height / 30 + dust);
  }
};
