import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Point, SeriesResult } from '../../store.js';
import { createMemoryEngine } from '../memory.js';
import { createReadBench, type Filling, type ReadBench } from './testing/read-bench.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 0, 5, 12);
const COLUMNS = ['heat', 'count', 'odd', 'size', 'flat'];
const KINDS = { heat: 'gauge', count: 'counter', odd: 'gauge', size: 'counter', flat: 'counter' } as const;

/** Any seed gives the same machine: noise, counters with restarts, a value that is mostly missing, one that never moves. */
const createNoise = (seed: number) => {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

interface Machine {
  seed: number;
  rows: number;
  every: number;
  restarts: number;
}

const reportsOf = ({ seed, rows, every, restarts }: Machine): Filling['rows'] => {
  const noise = createNoise(seed);
  let [ts, count, size] = [START - HOUR, 0, 1e12];
  return Array.from({ length: rows }, () => {
    ts += 1 + Math.floor(noise() < 0.02 ? noise() * 9 * HOUR : every * (0.9 + noise() / 5));
    count = noise() < restarts ? Math.floor(noise() * 9) : count + Math.floor(noise() * 30);
    size = noise() < restarts / 4 ? 0 : size + Math.floor(noise() * 1e6) / 4;
    return { ts, values: [Math.round(noise() * 400) / 10, count, noise() < 0.2 ? Math.floor(noise() * 9) - 4 : null, size, 7] };
  });
};

const machine = fc.record({
  seed: fc.nat(),
  rows: fc.integer({ min: 0, max: 500 }),
  every: fc.constantFrom(10 * SECOND, 90 * SECOND, 10 * MINUTE),
  restarts: fc.constantFrom(0, 0.01, 0.5),
});
const place = fc.constantFrom('head' as const, 'staged' as const, 'merged' as const, 'merged and staged late' as const);
const edge = fc.constantFrom(1, 7 * SECOND + 13, 5 * MINUTE, HOUR, 6 * HOUR);

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
      { numRuns: 250 },
    );
    expect([...tiers].sort()).toEqual(['counter 1h', 'counter 5m', 'counter raw', 'gauge 1h', 'gauge 5m', 'gauge raw']);
    expect(bench.queries.faults.size).toBe(0);
  });

  it('rank a fleet as the memory engine ranks it', async () => {
    const window = fc.record({
      machines: fc.array(fc.record({ machine, places: fc.array(place, { minLength: 1, maxLength: 8 }) }), { maxLength: 4 }),
      from: fc.integer({ min: -20, max: 200 }).map((times) => times * 5 * MINUTE),
      length: fc.integer({ min: 1, max: 100 }).map((times) => times * 5 * MINUTE),
      by: fc.constantFrom('increase' as const, 'mean' as const, 'max' as const),
      metric: fc.constantFrom('heat', 'count', 'size'),
    });
    await fc.assert(
      fc.asyncProperty(window, async ({ machines, from, length, by, metric }) => {
        bench.close();
        bench = createReadBench(new Database(':memory:'));
        const query = { metric, from: START + from, to: START + from + length, n: 10, by };
        const truth = [];
        for (const one of machines) truth.push(...(await (await fill(one)).memory.top(query)));
        const found = await bench.queries.top(query);
        expect(found.map(({ device }) => device).sort()).toEqual(truth.map(({ device }) => device).sort());
        for (const { device, value } of truth) {
          const own = found.find((one) => one.device === device)?.value ?? Number.NaN;
          expect(Math.abs(own - value)).toBeLessThanOrEqual(
            Math.abs(value) * (by === 'mean' ? 0.02 : 1e-9) + (by === 'mean' ? 0.5 : 0),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('know the newest value of every series', async () => {
    await fc.assert(
      fc.asyncProperty(placed, async ({ machine, places }) => {
        const { device, memory } = await fill({ machine, places });
        const own = (await bench.queries.latest()).filter((one) => one.device === device);
        const bySeries = (a: { series: string }, b: { series: string }) => (a.series < b.series ? -1 : 1);
        expect(own.sort(bySeries)).toEqual((await memory.latest()).sort(bySeries));
      }),
      { numRuns: 60 },
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
});

const compare = (found: SeriesResult, truth: Point[]): void => {
  if (found.tier === 'raw') expect(found.points).toEqual(truth);
  expect(found.points.map(([ts]) => ts)).toEqual(truth.map(([ts]) => ts));
  const height = Math.max(0, ...truth.map(([, min, , max]) => max - min));
  for (const [i, [, min, mean, max]] of truth.entries()) {
    const [, low, middle, high] = found.points[i] ?? [0, 0, 0, 0];
    const dust = Math.abs(max) * 1e-9 + 1e-9;
    // Rates are rounded outwards by two per cent, means and the minima of rising series to parts of their usual height.
    expect(low).toBeLessThanOrEqual(min + dust);
    expect(low).toBeGreaterThanOrEqual(min - Math.abs(min) * 0.03 - height / 100 - dust);
    expect(high).toBeGreaterThanOrEqual(max - dust);
    expect(high).toBeLessThanOrEqual(max + Math.abs(max) * 0.03 + dust);
    expect(Math.abs(middle - mean)).toBeLessThanOrEqual(Math.abs(mean) * 1e-6 + height / 100 + dust);
  }
};
