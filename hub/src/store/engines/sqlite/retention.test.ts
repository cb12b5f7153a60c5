import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Notice } from '../../channel.js';
import { ask, BOOT, named, rows, START, track } from '../../conformance/subject.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine, type SqliteEngine } from './index.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let folder: ReturnType<typeof createFolder>;
let engine: SqliteEngine;
let now: number;
let notices: Notice[];
beforeEach(async () => {
  folder = createFolder();
  now = START;
  notices = [];
  const retention = { raw_ms: 2 * DAY, five_ms: 10 * DAY };
  const clock = () => now;
  engine = createSqliteEngine({ file: folder.path('store.db'), retention }, clock, (notice) => void notices.push(notice));
  await engine.open();
});
afterEach(async () => {
  await engine.close();
  folder.remove();
});

const passTo = (time: number): void => {
  for (; now < time; now += HOUR) while (engine.work(now));
};
/** The same while another device goes on. */
const liveTo = async (time: number): Promise<void> => {
  for (; now < time; passTo(now + 6 * HOUR))
    await engine.commit([
      rows('pi-live', ['temperature'], [named(now, [1])]),
      rows('pi-live', ['temperature'], [named(now + HOUR, [1])]),
    ]);
};
const values = async (days: number): Promise<number[]> => {
  const { points } = await engine.series(ask({ to: START + 20 * DAY, points: days * 24 }));
  return points.map(([, , , max]) => max);
};

it('keeps each tier as long as it is asked to, and what is left answers for what is gone', async () => {
  await engine.commit([track('pi-1', 'temperature', new Array(60).fill(5), 60_000)]);
  await liveTo(START + DAY);
  expect(await engine.rows('pi-1', 0, 100)).toHaveLength(60);
  await liveTo(START + 4 * DAY);
  expect(await engine.rows('pi-1', 0, 100)).toHaveLength(0);
  const left = (await engine.rows('pi-live', 0, 100)).length;
  expect(left).toBeLessThan(30);
  expect(await engine.stats()).toMatchObject({ rows: left, samples: left });
  expect(await values(20)).toContain(5);
  await liveTo(START + 14 * DAY);
  expect(await values(20)).toContain(5);
  expect(await engine.verify()).toEqual([]);
});

it('merges rows of days ago into hours that are merged already', async () => {
  await engine.commit([track('pi-1', 'temperature', [1, 2, 3])]);
  passTo(START + 20 * HOUR);
  await engine.commit([
    { kind: 'rows', device: 'pi-1', columns: ['temperature'], rows: [{ boot: BOOT, seq: 9, ts: START + 5_000, values: [1.5] }] },
  ]);
  expect((await engine.series(ask())).points.map(([, , mean]) => mean)).toEqual([1, 1.5, 2, 3]);
  passTo(START + 30 * HOUR);
  expect((await engine.series(ask())).points.map(([, , mean]) => mean)).toEqual([1, 1.5, 2, 3]);
  expect(await engine.stats()).toMatchObject({ rows: 4, staged_bytes: 0 });
});

it('remembers identities after the journal has let go of them, and forgets them after 30 days', async () => {
  const change = track('pi-1', 'temperature', [1, 2, 3]);
  await engine.commit([change]);
  passTo(START + DAY);
  await engine.close();
  engine = createSqliteEngine({ file: folder.path('store.db') }, () => now);
  expect((await engine.open()).sequences).toEqual([{ device: 'pi-1', boot: BOOT, intervals: [[1, 3]] }]);
  await engine.commit([change, { kind: 'mark', device: 'pi-1', boot: 'newerone', seq: 1 }]);
  expect(await engine.stats()).toMatchObject({ rows: 3 });
  passTo(START + 32 * DAY);
  await engine.close();
  expect((await engine.open()).sequences.map(({ boot }) => boot)).toEqual(['newerone']);
});

it('thins what no chunk could hold, and goes on', async () => {
  const many = Array.from({ length: 9_000 }, (_, index) => index);
  await engine.commit([track('pi-1', 'temperature', many, 1)]);
  await engine.commit([track('pi-2', 'temperature', [7])]);
  expect(await engine.stats()).toMatchObject({ rows: 9_001 });
  passTo(START + 20 * HOUR);
  const { rows, fault } = await engine.stats();
  expect(fault).toBeNull();
  expect(rows).toBeLessThan(2_732);
  const { points } = await engine.series(ask({ points: 1 }));
  expect(points[0]?.[3]).toBe(8_999);
});

it('keeps the roll-ups of raw rows that are gone when a late row comes', async () => {
  await engine.commit([track('pi-1', 'temperature', new Array(60).fill(5), 60_000)]);
  await liveTo(START + 5 * DAY);
  await engine.commit([track('pi-1', 'temperature', [...new Array(60).fill(null), 7], 500)]);
  passTo(START + 7 * DAY);
  expect(await values(20)).toContain(5);
  expect(await engine.verify()).toEqual([]);
});

it('keeps the roll-ups of a damaged chunk when a late row comes', async () => {
  await engine.commit([track('pi-1', 'temperature', new Array(60).fill(5), 60_000)]);
  passTo(START + DAY);
  new Database(folder.path('store.db')).exec('UPDATE archive SET blob = zeroblob(length(blob))').close();
  await engine.commit([track('pi-1', 'temperature', [...new Array(60).fill(null), 7], 500)]);
  await liveTo(START + 5 * DAY);
  expect(await values(20)).toContain(5);
});

it('a clock that jumps far ahead deletes nothing, and the log says so once', async () => {
  await engine.commit([track('pi-1', 'temperature', new Array(60).fill(5), 60_000)]);
  await liveTo(START + DAY);
  expect(notices).toEqual([]);
  now = START + 400 * DAY;
  passTo(now + DAY);
  expect(await engine.rows('pi-1', 0, 100)).toHaveLength(60);
  expect(await values(20)).toContain(5);
  expect(notices.map(({ text }) => text)).toEqual([
    expect.stringMatching(/clock and the newest stored row are more than a day apart/),
  ]);
  now = START + 2 * DAY;
  await liveTo(START + 5 * DAY);
  expect(await engine.rows('pi-1', 0, 100)).toHaveLength(0);
  expect(notices).toHaveLength(2);
});
