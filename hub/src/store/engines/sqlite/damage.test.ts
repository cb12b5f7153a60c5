import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, row, rows, START, track } from '../../conformance/subject.js';
import { createFolder } from '../../testing/folder.js';
import { untilWhole } from '../../whole.js';
import { createChunks } from './chunks.js';
import { openForWriting } from './connect.js';
import { createDictionary } from './dictionary.js';
import { createHeads } from './head.js';
import { createSqliteEngine, type SqliteEngine, type SqliteSettings } from './index.js';
import { createJournalRing } from './journal-ring.js';
import { createRebuild } from './recover.js';
import { createTotals } from './totals.js';

let folder: ReturnType<typeof createFolder>;
let file: string;
let opened: SqliteEngine[];
beforeEach(() => {
  folder = createFolder();
  file = folder.path('store.db');
  opened = [];
});
afterEach(async () => {
  for (const engine of opened) await engine.close();
  folder.remove();
});
const create = (settings: Partial<SqliteSettings> = {}): SqliteEngine => {
  const engine = createSqliteEngine({ file, ...settings }, () => START);
  opened.push(engine);
  return engine;
};
const change = (sql: string): void => void new Database(file).exec(sql).close();
const means = async (engine: SqliteEngine, device: string, series = 'temperature') =>
  (await engine.series(ask({ device, series }))).points.map(([, , mean]) => mean);

const fill = async (): Promise<void> => {
  const engine = create();
  await engine.open();
  await engine.commit([
    track('pi-1', 'temperature', [1]),
    track('pi-2', 'power', [2]),
    track('pi-3', 'temperature', [3]),
    rows('pi-1', ['temperature'], [row(2, START + 1_000, [1.5])]),
  ]);
  await engine.close();
};

it('a page that cannot be read costs no other row of a journal record that needs it', async () => {
  await fill();
  const db = openForWriting({ file, busy_ms: 100, max_bytes: null });
  const { seriesOf } = createDictionary(db, { alone: true });
  const ring = createJournalRing({ db, totals: createTotals(db), visit: () => {}, onDamage: () => {} });
  const corrupt = Object.assign(new Error('database disk image is malformed'), { code: 'SQLITE_CORRUPT' });
  const newestSeal = (device: number) => {
    if (device === 2) throw corrupt;
    return 0;
  };
  const heads = createHeads(seriesOf);
  const noted: string[] = [];
  const onDamage = (place: string) => void noted.push(place);
  const rebuild = createRebuild({ db, heads, chunks: { ...createChunks(db), newestSeal }, seriesOf, ring, onDamage }, START);
  while (rebuild.step());
  expect([...heads.all()].flat().map((head) => [head.device, head.rows])).toEqual([
    [1, 2],
    [2, 1],
    [3, 1],
  ]);
  expect(noted).toEqual(['staged']);
  db.close();
});

it('a column list that is gone costs its own rows only, and is counted', async () => {
  await fill();
  change(
    "DELETE FROM lists WHERE id = (SELECT list FROM device_lists WHERE device = (SELECT id FROM devices WHERE device = 'pi-2'))",
  );
  const engine = create();
  await engine.open();
  // Takes the number of the one that is gone.
  await engine.commit([track('pi-4', 'fan', [4])]);
  while (engine.work(START));
  expect(engine.whole).toBe(true);
  expect([await means(engine, 'pi-1'), await means(engine, 'pi-3'), await means(engine, 'pi-4', 'fan')]).toEqual([
    [1, 1.5],
    [3],
    [4],
  ]);
  expect([await means(engine, 'pi-2', 'power'), await means(engine, 'pi-2', 'fan')]).toEqual([[], []]);
  expect(await engine.stats()).toMatchObject({ rows: 4, damaged: 1, fault: null });
});

it('a start whose disk takes nothing goes on beside a damaged journal record, which is noted later', async () => {
  await fill();
  change('UPDATE journal SET entries = zeroblob(length(entries))');
  const other = new Database(file);
  other.exec('BEGIN IMMEDIATE');
  const engine = create({ busy_ms: 20 });
  await engine.open();
  while (engine.work(START));
  expect(await engine.stats()).toMatchObject({ damaged: 1 });
  const noted = () => other.prepare('SELECT count(*) FROM damage').pluck().get();
  expect(noted()).toBe(0);
  other.exec('COMMIT');
  for (let time = START; time < START + 60_000; time += 1_000) while (engine.work(time));
  expect(noted()).toBe(1);
  expect(await engine.stats()).toMatchObject({ damaged: 1 });
  other.close();
});

it('rows that cannot be read back say why, and are there once they can', async () => {
  await fill();
  const engine = create();
  await engine.open();
  change('ALTER TABLE journal RENAME COLUMN rows TO gone');
  while (engine.work(START));
  expect(engine.whole).toBe(false);
  await expect(untilWhole(engine)).rejects.toMatchObject({ code: 'storage', message: expect.stringMatching(/no such column/) });
  change('ALTER TABLE journal RENAME COLUMN gone TO rows');
  while (engine.work(START + 60_000));
  await untilWhole(engine);
  expect(await means(engine, 'pi-1')).toEqual([1, 1.5]);
});
