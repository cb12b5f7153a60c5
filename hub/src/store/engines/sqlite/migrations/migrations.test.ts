import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, START } from '../../../conformance/subject.js';
import { createFolder } from '../../../testing/folder.js';
import { createSqliteEngine } from '../index.js';
import { rows } from './0001-rows.js';
import { migrations, SCHEMA_VERSION } from './index.js';

let folder: ReturnType<typeof createFolder>;
beforeEach(() => {
  folder = createFolder();
});
afterEach(() => folder.remove());

const MUSTER = 0x4d737472;

/** A store as the first version left it. */
const createOld = (file: string): void => {
  const db = new Database(file);
  db.exec(rows.sql);
  db.pragma(`application_id = ${MUSTER}`);
  db.pragma('user_version = 1');
  db.exec(`
    INSERT INTO devices VALUES (1, 'pi-1'), (7, 'pi-7');
    INSERT INTO lists VALUES (1, 'x', '["temperature","power"]'), (2, 'y', '["power"]');
    INSERT INTO device_lists VALUES (1, 1), (1, 2), (7, 1);
    INSERT INTO marks VALUES (1, 'aaaabbbb', 4);
    INSERT INTO documents VALUES ('sites', 'home', '{"tariff":"0.30"}');
    INSERT INTO logs VALUES ('audit', 3, ${START}, NULL, '"hello"');
    UPDATE totals SET rows = 6, samples = 9;
  `);
  const insert = db.prepare('INSERT INTO rows (device, list, ts, boot, seq, samples, vals) VALUES (?, ?, ?, ?, ?, ?, ?)');
  for (let seq = 1; seq <= 3; seq++)
    insert.run(1, 1, START + seq * 3_600_000, 'aaaabbbb', seq, 2, JSON.stringify([seq + 0.5, seq === 2 ? null : 10 * seq]));
  insert.run(1, 2, START + 3_600_000, null, null, 1, '[99]');
  insert.run(7, 1, START, 'ccccdddd', 1, 2, '[-1e300,7]');
  db.close();
};

it('are numbered from one, rising by one', () => {
  expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, index) => index + 1));
  expect(SCHEMA_VERSION).toBe(migrations.length);
});

it('carry a store of the first version over with all that it holds', async () => {
  const file = folder.path('store.db');
  createOld(file);
  const engine = createSqliteEngine({ file });
  const { documents, numbers, sequences } = await engine.open();
  expect(documents).toEqual([{ collection: 'sites', key: 'home', value: { tariff: '0.30' } }]);
  expect(numbers.audit).toBe(3);
  expect(sequences.map(({ device, intervals }) => [device, intervals])).toEqual([
    ['pi-1', [[1, 4]]],
    ['pi-7', [[1, 1]]],
  ]);
  const everything = [
    { ts: START + 3_600_000, series: { temperature: 1.5, power: 99 } },
    { ts: START + 7_200_000, series: { temperature: 2.5 } },
    { ts: START + 10_800_000, series: { temperature: 3.5, power: 30 } },
  ];
  expect(await engine.rows('pi-1', 0, 10)).toEqual(everything);
  expect(await engine.verify()).toEqual([]);
  while (engine.work(Date.now() + 3_600_000));
  expect(await engine.rows('pi-1', 0, 10)).toEqual(everything);
  expect((await engine.series(ask({ device: 'pi-7' }))).points).toEqual([[START, -1e300, -1e300, -1e300]]);
  expect(await engine.stats()).toMatchObject({ rows: 4, samples: 7 });
  await engine.close();
});

it('change nothing when they fail half way', async () => {
  const file = folder.path('store.db');
  createOld(file);
  const other = new Database(file);
  other.exec("UPDATE rows SET vals = 'torn' WHERE id = 2");
  other.close();
  await expect(createSqliteEngine({ file }).open()).rejects.toThrow(file);
  const db = new Database(file);
  expect(db.pragma('user_version', { simple: true })).toBe(1);
  expect(db.prepare('SELECT count(*) FROM rows').pluck().get()).toBe(5);
  db.close();
});
