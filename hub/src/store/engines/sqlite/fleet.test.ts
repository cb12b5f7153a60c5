import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine, TopQuery } from '../../store.js';
import { createMemoryEngine } from '../memory.js';
import { COLUMNS, HOUR, type Machine, MINUTE, machine, place, reportsOf, START } from './testing/machines.js';
import { createReadBench, type Filling, type ReadBench } from './testing/read-bench.js';

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('fill' as const),
      device: fc.integer({ min: 1, max: 3 }),
      machine,
      places: fc.array(place, { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
);
const query = fc.record({
  from: fc.integer({ min: -20, max: 200 }).map((times) => START + times * 5 * MINUTE),
  length: fc.oneof(
    fc.integer({ min: 1, max: 100 }).map((times) => times * 5 * MINUTE),
    fc.integer({ min: 1, max: 3 * HOUR }),
  ),
  by: fc.constantFrom('increase' as const, 'mean' as const, 'max' as const),
  metric: fc.constantFrom('heat', 'count', 'size', 'odd'),
});

describe('a ranking of the fleet', () => {
  let bench: ReadBench;
  let memory: Engine;
  const renew = () => {
    bench?.close();
    bench = createReadBench(new Database(':memory:'));
    memory = createMemoryEngine();
  };
  beforeEach(renew);
  afterEach(() => bench.close());

  const fill = async (name: string, machine: Machine, places: Filling['places']) => {
    const rows = reportsOf(machine);
    // Head rows are the newest to arrive, whatever was put there before: no time may come twice.
    const known = new Set((await memory.rows(name, -1, 1e6)).map(({ ts }) => ts));
    const fresh = rows.filter(({ ts }) => !known.has(ts));
    const list = fresh.map((row) => ({ boot: null, seq: null, ...row }));
    await memory.commit([{ kind: 'rows', device: name, columns: COLUMNS, rows: list }]);
    bench.fill({ device: name, columns: COLUMNS, rows: fresh, places });
  };

  const compare = async (query: TopQuery) => {
    const [truth, found] = [await memory.top(query), await bench.queries.top(query)];
    expect(found.map(({ device }) => device).sort()).toEqual(truth.map(({ device }) => device).sort());
    const peaks = new Map((await memory.top({ ...query, by: 'max' })).map(({ device, value }) => [device, Math.abs(value)]));
    for (const { device, value } of truth) {
      const own = found.find((one) => one.device === device)?.value ?? Number.NaN;
      // Increases are exact; means and maxima are those of roll-ups: a mean lies on one of 48 steps between the extremes of its bucket.
      const step = query.by === 'mean' ? (peaks.get(device) ?? 0) / 48 : 0;
      const slack = query.by === 'increase' ? Math.abs(value) * 1e-9 + 1e-6 : Math.abs(value) * 0.02 + 1.5 + step;
      expect(Math.abs(own - value)).toBeLessThanOrEqual(slack);
    }
  };

  it('is that of the memory engine, asked again and again while rows come and are merged', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 5 }),
        fc.array(query, { minLength: 1, maxLength: 3 }),
        async (steps, queries) => {
          renew();
          for (const one of steps) {
            if (one.kind === 'compact') bench.compact();
            else await fill(`pi-${one.device}`, one.machine, one.places);
            for (const { length, ...rest } of queries) await compare({ ...rest, to: rest.from + length, n: 10 });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('ends when nobody waits for it any more', async () => {
    await fill('pi-1', { seed: 7, rows: 300, every: 10_000, restarts: 0 }, ['staged']);
    const gone = new AbortController();
    gone.abort(new Error('the client went away'));
    const query = { metric: 'count', from: START, to: START + HOUR, n: 3, by: 'max' as const };
    await expect(bench.queries.top(query, { signal: gone.signal })).rejects.toThrow('went away');
    await expect(bench.queries.latest({ signal: gone.signal })).rejects.toThrow('went away');
  });
});
