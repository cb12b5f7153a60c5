import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { row, rows, START } from '../../conformance/subject.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine, type SqliteEngine } from './index.js';

const MINUTE = 60_000;
let folder: ReturnType<typeof createFolder>;
let engine: SqliteEngine;
beforeEach(async () => {
  folder = createFolder();
  engine = createSqliteEngine({ file: folder.path('store.db') }, () => START);
  await engine.open();
});
afterEach(async () => {
  await engine.close();
  folder.remove();
});

/** More devices than one slice of a trim saves. */
const DEVICES = 1_200;

it('a device that is forgotten between two slices of a trim leaves no identities behind', async () => {
  const all = Array.from({ length: DEVICES }, (_, n) => rows(`pi-${n}`, ['a'], [row(1, START, [n])]));
  await engine.commit(all);
  const file = new Database(folder.path('store.db'), { readonly: true });
  const saved = () => Number(file.prepare('SELECT count(*) FROM sequences').pluck().get());
  for (let at = START + 20 * MINUTE; saved() === 0; at += 1_000) engine.work(at);
  expect(saved()).toBeLessThan(DEVICES);
  await engine.commit([{ kind: 'forget', device: `pi-${DEVICES - 1}` }]);
  for (let at = START + 21 * MINUTE; saved() < DEVICES - 1; at += 1_000) while (engine.work(at));
  expect(await engine.verify()).toEqual([]);
  file.close();
  new Database(folder.path('store.db')).exec("INSERT INTO sequences VALUES (99999, 0, x'')").close();
  expect(await engine.verify()).toEqual(['1 × identities without their boot']);
});
