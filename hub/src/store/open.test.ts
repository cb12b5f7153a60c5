import { createSystemClock } from '@muster/shared/clock';
import { silentLog } from '@muster/shared/log';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { document, row, rows, START } from './conformance/subject.js';
import { type OpenStore, openStore, type StoreSettings } from './open.js';
import { createFolder } from './testing/folder.js';

let folder: ReturnType<typeof createFolder>;
let stores: OpenStore[];
beforeEach(() => {
  folder = createFolder();
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  folder.remove();
});

const open = async (settings: StoreSettings = {}): Promise<OpenStore> => {
  const needs = { file: folder.path('hub/store.db'), clock: createSystemClock(), log: silentLog };
  const store = await openStore(needs, settings);
  stores.push(store);
  return store;
};

it('writes what is queued when it closes, and finds it again', async () => {
  const first = await open();
  const done: number[] = [];
  for (let seq = 1; seq <= 100; seq++)
    first.writer.queue([rows('pi-1', ['a'], [row(seq, START + seq, [seq])])], { bytes: 100, done: () => done.push(seq) });
  await first.writer.write([
    { kind: 'log', log: 'audit', number: first.writer.number('audit'), ts: START, device: null, value: 'hello' },
  ]);
  first.writer.queue([document('last', 1)], { bytes: 10 });
  await first.close();
  await first.close();
  expect(done).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  const { recovered, writer } = await open();
  expect(recovered.sequences[0]?.intervals).toEqual([[1, 100]]);
  expect(recovered.documents).toEqual([{ collection: 'sites', key: 'last', value: 1 }]);
  expect(writer.number('audit')).toBe(2);
});

it('acknowledges nothing while another process holds the lock, and everything once it lets go', async () => {
  const { writer, engine } = await open({ busy_ms: 20, retry_min_ms: 20 });
  const stalled = new Promise<{ reason: string }>((resolve) => writer.stalled.on(resolve));
  const recovered = new Promise((resolve) => writer.recovered.on(resolve));
  const other = new Database(folder.path('hub/store.db'));
  other.exec('BEGIN IMMEDIATE');
  const done: number[] = [];
  const stored = new Promise<void>((resolve) => {
    const after = (seq: number) => () => {
      done.push(seq);
      if (seq === 70) resolve();
    };
    for (let seq = 1; seq <= 70; seq++)
      writer.queue([rows('pi-1', ['a'], [row(seq, START + seq, [seq])])], { bytes: 100, urgent: seq === 70, done: after(seq) });
  });
  expect((await stalled).reason).toMatch(/lock/);
  expect(writer.healthy).toBe(false);
  await expect(writer.write([document('a', 1)])).rejects.toMatchObject({ code: 'storage' });
  expect(done).toEqual([]);
  other.exec('ROLLBACK');
  other.close();
  await recovered;
  await stored;
  expect(writer.healthy).toBe(true);
  expect(done).toEqual(Array.from({ length: 70 }, (_, index) => index + 1));
  expect(await engine.stats()).toMatchObject({ rows: 70 });
});

it('leaves nothing running when the file is damaged', async () => {
  await (await open()).close();
  const db = new Database(folder.path('hub/store.db'));
  db.pragma('user_version = 7');
  db.close();
  await expect(open()).rejects.toMatchObject({ code: 'damaged', message: expect.stringMatching(/newer Muster/) });
});
