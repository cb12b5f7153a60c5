import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { START } from '../../conformance/subject.js';
import type { Change, StoredRow } from '../../store.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine, type SqliteEngine } from './index.js';

let folder: ReturnType<typeof createFolder>;
beforeEach(() => {
  folder = createFolder();
});
afterEach(() => folder.remove());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LISTS = [['a', 'b'], ['b', 'c'], ['c']];

/** Rows of one device over two days, with and without identity, of several column lists. */
const row = fc.record({
  at: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 48 * 60 })),
  list: fc.nat({ max: LISTS.length - 1 }),
  values: fc.array(
    fc.option(fc.oneof(fc.integer({ min: -5, max: 1_000 }), fc.double({ noNaN: true, noDefaultInfinity: true }))),
    {
      minLength: 2,
      maxLength: 2,
    },
  ),
  identified: fc.boolean(),
});

/** What happens to the store: rows come (some once more), time passes, and it ends without a word at any moment. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('rows' as const), rows: fc.array(row, { minLength: 1, maxLength: 8 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('again' as const), of: fc.nat({ max: 20 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      minutes: fc.constantFrom(1, 20, 200, 900),
      slices: fc.nat({ max: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), slices: fc.nat({ max: 3 }) }) },
);

type Expected = Map<number, Map<string, number>>;
interface World {
  file: string;
  engine: SqliteEngine;
  now: number;
  seq: number;
  sent: Change[];
  expected: Expected;
}

const openEngine = async (world: Pick<World, 'file' | 'now'>): Promise<SqliteEngine> => {
  const engine = createSqliteEngine({ file: world.file }, () => world.now);
  await engine.open();
  return engine;
};

const send = async (world: World, rows: (typeof row extends fc.Arbitrary<infer T> ? T : never)[]): Promise<void> => {
  for (const { at, list, values, identified } of rows) {
    const columns = LISTS[list] ?? [];
    const ts = START + at * MINUTE;
    const own: StoredRow = {
      boot: identified ? 'aaaabbbb' : null,
      seq: identified ? ++world.seq : null,
      ts,
      values: columns.map((_, index) => values[index] ?? null),
    };
    const change: Change = { kind: 'rows', device: 'pi-1', columns, rows: [own] };
    await world.engine.commit([change]);
    world.sent.push(change);
    note(world.expected, change);
  }
};

const note = (expected: Expected, change: Change): void => {
  if (change.kind !== 'rows') return;
  for (const { ts, values } of change.rows) {
    const known = expected.get(ts) ?? new Map<string, number>();
    expected.set(ts, known);
    for (const [index, series] of change.columns.entries()) {
      const value = values[index] ?? null;
      if (value !== null) known.set(series, value + 0);
    }
  }
};

const take = async (world: World, one: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<void> => {
  if (one.kind === 'rows') await send(world, one.rows);
  else if (one.kind === 'again') await sendAgain(world, one.of);
  else {
    if (one.kind === 'time') world.now += one.minutes * MINUTE;
    else {
      await world.engine.close();
      world.engine = await openEngine(world);
    }
    for (let slices = one.slices; slices > 0 && world.engine.work(world.now); slices--);
  }
};

/** A row with identity changes nothing the second time, one without overwrites. */
const sendAgain = async (world: World, index: number): Promise<void> => {
  const change = world.sent[index];
  if (change?.kind !== 'rows') return;
  await world.engine.commit([change]);
  if (change.rows[0]?.boot === null) note(world.expected, change);
};

it('gives back what was stored whatever the order, the duplicates, the restarts and the moments of sealing and merging', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const world: World = {
        ...{ file: folder.path(`${++runs}.db`), now: START + 50 * HOUR, seq: 0, sent: [], expected: new Map() },
        engine: undefined as unknown as SqliteEngine,
      };
      world.engine = await openEngine(world);
      try {
        for (const one of steps) await take(world, one);
        const found = await world.engine.rows('pi-1', 0, 10_000);
        const expected = [...world.expected].sort((a, b) => a[0] - b[0]);
        expect(found).toEqual(expected.map(([ts, values]) => ({ ts, series: Object.fromEntries(values) })));
        expect(await world.engine.verify()).toEqual([]);
        world.now += 24 * HOUR;
        for (const hours of [0, 1, 2]) while (world.engine.work(world.now + hours * HOUR));
        expect(await world.engine.stats()).toMatchObject({ rows: expected.length, fault: null });
        expect(await world.engine.rows('pi-1', 0, 10_000)).toEqual(found);
        expect(await world.engine.verify()).toEqual([]);
      } finally {
        await world.engine.close();
      }
    }),
    { numRuns: Number(process.env['MUSTER_RUNS'] ?? 60) },
  );
}, 120_000);

it('knows the identities of before and after a trim when it dies, and stores none of them twice', async () => {
  const world = { file: folder.path('store.db'), now: START };
  const columns = ['a'];
  const rowsOf = (from: number, to: number): Change => ({
    kind: 'rows',
    device: 'pi-1',
    columns,
    rows: Array.from({ length: to - from + 1 }, (_, at) => ({
      boot: 'aaaabbbb',
      seq: from + at,
      ts: START + (from + at) * 1_000,
      values: [1],
    })),
  });
  const first = await openEngine(world);
  await first.commit([rowsOf(1, 10)]);
  world.now += 6 * MINUTE;
  while (first.work(world.now));
  await first.commit([rowsOf(11, 20)]);
  const second = await openEngine(world);
  const { sequences } = await second.open();
  expect(sequences).toEqual([{ device: 'pi-1', boot: 'aaaabbbb', intervals: [[1, 20]] }]);
  await second.commit([rowsOf(5, 25)]);
  expect((await second.stats()).rows).toBe(25);
  await first.close();
  await second.close();
});

it('knows the identities of a record that took the number of a failed commit', async () => {
  const world = { file: folder.path('store.db'), now: START };
  const small = createSqliteEngine({ file: world.file, max_bytes: 300_000 }, () => world.now);
  await small.open();
  const rowOf = (seq: number): Change => ({
    kind: 'rows',
    device: 'pi-1',
    columns: ['a'],
    rows: [{ boot: 'aaaabbbb', seq, ts: START + 2 * HOUR + seq, values: [seq] }],
  });
  await small.commit([rowOf(1)]);
  const tooMuch: Change = { kind: 'document', collection: 'c', key: 'k', value: 'x'.repeat(400_000) };
  await expect(small.commit([rowOf(2), tooMuch])).rejects.toThrow(/full/);
  const large = {
    ...rowOf(2),
    rows: Array.from({ length: 40_000 }, (_, at) => ({ boot: 'b', seq: at, ts: START + at, values: [Math.sin(at)] })),
  };
  await expect(small.commit([large as Change])).rejects.toThrow(/full/);
  while (small.work(world.now));
  const second = await openEngine(world);
  await second.commit([rowOf(3)]);
  const third = createSqliteEngine({ file: world.file }, () => world.now);
  expect((await third.open()).sequences[0]?.intervals).toEqual([
    [1, 1],
    [3, 3],
  ]);
  for (const engine of [small, second, third]) await engine.close();
});
