import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { row, rows, START } from '../../conformance/subject.js';
import { createFolder } from '../../testing/folder.js';
import { createRanking } from './fleet-top.js';
import { createSqliteEngine, type SqliteEngine } from './index.js';
import { createShelf } from './query-shelf.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const HOURS = 48;
/** One a minute, on the minute: where a window ends within five minutes a bucket has a single sample, at its very start. */
const ROWS = Array.from({ length: HOURS * 60 }, (_, at) => row(at + 1, START + at * MINUTE, [at, at]));
const QUERY = { metric: 'x', from: START + HOUR, to: START + HOURS * HOUR, n: 5, by: 'increase' as const };
const RISEN = (HOURS - 1) * 60;

let folder: ReturnType<typeof createFolder>;
let engine: SqliteEngine;
let db: Database.Database;
let now: number;
beforeEach(async () => {
  folder = createFolder();
  now = START;
  engine = createSqliteEngine({ file: folder.path('store.db') }, () => now);
  await engine.open();
  await engine.commit([rows('pi-1', ['x', 'y'], ROWS)]);
  now += 60 * HOUR;
  while (engine.work(now));
  db = new Database(folder.path('store.db'));
  // From here on its windows are merged, one after the other.
  now += 11 * MINUTE;
});
afterEach(async () => {
  db.close();
  await engine.close();
  folder.remove();
});

const pending = (): number => db.prepare<[], number>('SELECT count(*) FROM pending').pluck().get() ?? 0;
const mergeOne = (): void => {
  for (const before = pending(); before > 0 && pending() === before; ) engine.work(now);
};

it('counts the rise of samples that lie alone at the start of their five minutes', async () => {
  expect((await engine.top(QUERY)).map(({ value }) => value)).toEqual([RISEN]);
  while (engine.work(now));
  expect(pending()).toBe(0);
  expect((await engine.top(QUERY)).map(({ value }) => value)).toEqual([RISEN]);
});

it('counts a window once that is merged between the start of a ranking and its device', () => {
  const shelf = createShelf(db);
  const ranking = createRanking(shelf);
  const rank = (series: number, meanwhile = () => {}): number[] => {
    const found: number[] = [];
    const standings = ranking(QUERY);
    shelf.steady(standings.refresh);
    meanwhile();
    const of = { device: 1, series: new Set([series]), heads: [] };
    shelf.steady(() => standings.of(of, (_series, _ts, value) => found.push(value)));
    return found;
  };
  expect(pending()).toBeGreaterThan(4);
  while (pending() > 0) {
    // Knows now which roll-ups there are, but has read none of the other series.
    expect(rank(1)).toEqual([RISEN]);
    expect(rank(2, mergeOne)).toEqual([RISEN]);
    expect(rank(2)).toEqual([RISEN]);
  }
});

it('leaves out nothing of late rows that lie between sealed ones', async () => {
  const sent = (seq: number, list: [second: number, value: number][]) =>
    rows(
      'pi-2',
      ['x'],
      list.map(([second, value], at) => row(seq + at, START + second * 1_000, [value])),
    );
  now = START;
  await engine.commit([
    sent(1, [
      [-60, 90],
      [0, 100],
      [16, 2],
      [20, 120],
    ]),
  ]);
  now += HOUR;
  while (engine.work(now));
  await engine.commit([
    sent(10, [
      [10, 110],
      [15, 112],
      [18, 113],
    ]),
  ]);
  const query = { ...QUERY, from: START, to: START + HOUR };
  const slice = await engine.slice({ metric: 'x', from: 0, to: query.to, by: 'increase' });
  const found = (await engine.top(query, { slice })).find(({ device }) => device === 'pi-2');
  expect(found?.value).toBe(10 + 10 + 2 + 2 + 111 + 7);
});
