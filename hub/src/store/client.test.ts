import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEngineClient, type EngineClient, type EngineClientSettings } from './client.js';
import { ask, document, START, track } from './conformance/subject.js';
import { describeEngine } from './conformance.js';
import { createSqliteEngine } from './engines/sqlite/index.js';
import { createFolder } from './testing/folder.js';

describeEngine('sqlite in its threads:', async () => {
  const folder = createFolder();
  const create = () => createEngineClient({ file: folder.path('store.db') });
  return { engine: create(), reopen: async () => create(), cleanup: async () => folder.remove() };
});

describe('the engine in its threads', () => {
  let folder: ReturnType<typeof createFolder>;
  let opened: EngineClient[];
  beforeEach(() => {
    folder = createFolder();
    opened = [];
  });
  afterEach(async () => {
    for (const engine of opened) await engine.close();
    folder.remove();
  });
  const create = async (settings: Partial<EngineClientSettings> = {}): Promise<EngineClient> => {
    const engine = createEngineClient({ file: folder.path('store.db'), ...settings });
    opened.push(engine);
    await engine.open();
    return engine;
  };

  it('reads what was committed before it was asked', async () => {
    const engine = await create();
    for (let n = 1; n <= 50; n++) {
      await engine.commit([track(`pi-${n}`, 'temperature', [n])]);
      expect((await engine.series(ask({ device: `pi-${n}` }))).points).toEqual([[START, n, n, n]]);
    }
  });

  it('commits while a long query runs', async () => {
    const engine = await create();
    await engine.commit([track('pi-1', 'temperature', new Array(20_000).fill(1.5), 100)]);
    await engine.stats();
    const order: string[] = [];
    const window = { metric: 'temperature', from: START, to: START + 3_600_000, n: 10, by: 'mean' as const };
    const reads = Array.from({ length: 20 }, () => engine.top(window).then(() => order.push('read')));
    await engine.commit([document('a', 1)]);
    order.push('commit');
    await Promise.all(reads);
    expect(order.indexOf('commit')).toBeLessThan(20);
  });

  it('refuses reads beyond its bound instead of piling them up', async () => {
    const engine = await create({ reads_waiting: 4 });
    const answers = await Promise.allSettled(Array.from({ length: 6 }, () => engine.stats()));
    expect(answers.map(({ status }) => status)).toEqual([...new Array(4).fill('fulfilled'), ...new Array(2).fill('rejected')]);
    expect(answers[5]).toMatchObject({ reason: { code: 'busy' } });
    expect(await engine.stats()).toMatchObject({ rows: 0 });
  });

  it('refuses commits while another process holds the lock, and commits after', async () => {
    const engine = await create({ busy_ms: 50 });
    const other = new Database(folder.path('store.db'));
    other.exec('BEGIN IMMEDIATE');
    await expect(engine.commit([document('a', 1)])).rejects.toMatchObject({
      code: 'storage',
      message: expect.stringMatching(/lock/),
    });
    other.exec('ROLLBACK');
    other.close();
    await engine.commit([document('a', 2)]);
  });

  it('refuses commits while a fault is set', async () => {
    const engine = await create();
    engine.setFault('io_error');
    await expect(engine.commit([document('a', 1)])).rejects.toMatchObject({ code: 'storage' });
    engine.setFault(null);
    await engine.commit([document('a', 1)]);
  });

  it('passes on what is wrong with a file, and closes', async () => {
    const db = new Database(folder.path('store.db'));
    db.exec('CREATE TABLE songs (title TEXT)');
    db.close();
    await expect(create()).rejects.toMatchObject({ code: 'damaged', details: { hint: 'muster-hub restore FILE' } });
  });

  it('copies and checks the store while it commits', async () => {
    const engine = await create();
    await engine.commit([track('pi-1', 'temperature', new Array(5_000).fill(1))]);
    const copying = engine.backup(folder.path('backup.db'));
    for (let n = 2; n < 50; n++) await engine.commit([track(`pi-${n}`, 'temperature', [n])]);
    await copying;
    expect(await engine.verify()).toEqual([]);
    const copy = createSqliteEngine({ file: folder.path('backup.db') });
    await copy.open();
    expect(await copy.verify()).toEqual([]);
    expect((await copy.stats()).rows).toBeGreaterThanOrEqual(5_000);
    await copy.close();
  });

  it('refuses everything once it is closed', async () => {
    const engine = await create();
    const late = engine.commit([document('a', 1)]);
    const closing = engine.close();
    await expect(late).resolves.toBeUndefined();
    await expect(engine.commit([document('a', 2)])).rejects.toMatchObject({
      code: 'storage',
      message: expect.stringMatching(/closed/),
    });
    await closing;
    await engine.close();
  });
});
