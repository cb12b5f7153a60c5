import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, BOOT, row, rows, START, track } from '../../conformance/subject.js';
import type { Change, Engine } from '../../store.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine, type SqliteSettings } from './index.js';

let folder: ReturnType<typeof createFolder>;
let file: string;
let opened: Engine[];
beforeEach(() => {
  folder = createFolder();
  file = folder.path('store.db');
  opened = [];
});
afterEach(async () => {
  for (const engine of opened) await engine.close();
  folder.remove();
});

const create = (settings: Partial<SqliteSettings> = {}): Engine => {
  const engine = createSqliteEngine({ file, ...settings });
  opened.push(engine);
  return engine;
};
const filled = async (device = 'pi-1', length = 200): Promise<Engine> => {
  const engine = create();
  await engine.open();
  await engine.commit([track(device, 'temperature', new Array(length).fill(1))]);
  return engine;
};
const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const big = (from: number): Change =>
  rows(
    'pi-1',
    ['a'],
    Array.from({ length: 200 }, (_, index) => row(from + index, START + index, [index], 'x'.repeat(400))),
  );

describe('a file that cannot be used', () => {
  const refuses = async (sentence: RegExp): Promise<void> => {
    const before = digest(file);
    await expect(create().open()).rejects.toMatchObject({ code: 'damaged', message: expect.stringMatching(sentence) });
    await expect(create().open()).rejects.toThrow(file);
    expect(digest(file)).toBe(before);
  };

  it('is refused unchanged when it is no SQLite file', async () => {
    writeFileSync(file, 'this is a letter to my aunt, and longer than a header');
    await refuses(/not an SQLite file.*restore a backup/);
  });

  it('is refused unchanged when it belongs to another program', async () => {
    new Database(file).exec('CREATE TABLE songs (title TEXT)').close();
    await refuses(/another program/);
  });

  it('is refused unchanged when a newer Muster made it', async () => {
    await (await filled()).close();
    const db = new Database(file);
    db.pragma('user_version = 99');
    db.close();
    await refuses(/newer Muster \(schema 99, this one knows up to 1\)/);
  });

  it('is refused unchanged when it is cut short', async () => {
    await (await filled('pi-1', 5_000)).close();
    truncateSync(file, Math.floor(statSync(file).size / 2));
    await refuses(/damaged/);
  });

  it('is refused unchanged when pages in it are overwritten', async () => {
    await (await filled('pi-1', 5_000)).close();
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 4_096 * 20, 4_096 * 24);
    writeFileSync(file, bytes);
    await refuses(/damaged/);
  });

  it('is refused when it is empty but a write-ahead log lies beside it', async () => {
    await filled();
    const copy = folder.path('copy.db');
    copyFileSync(`${file}-wal`, `${copy}-wal`);
    writeFileSync(copy, '');
    await expect(create({ file: copy }).open()).rejects.toMatchObject({ code: 'damaged' });
  });

  it('is a clear error when its folder cannot be made', async () => {
    writeFileSync(folder.path('plain'), '');
    const engine = create({ file: folder.path('plain/store.db') });
    await expect(engine.open()).rejects.toMatchObject({ code: 'storage', message: expect.stringContaining('plain/store.db') });
  });
});

describe('a commit that fails', () => {
  it('stores nothing when the disk is full, and the engine goes on once there is room', async () => {
    const engine = create({ max_bytes: 400_000 });
    await engine.open();
    const fill = async () => {
      for (let from = 1; ; from += 200) await engine.commit([big(from), track('pi-2', 'temperature', [from])]);
    };
    await expect(fill()).rejects.toMatchObject({ code: 'storage', message: expect.stringMatching(/disk is full/) });
    const { rows: stored } = await engine.stats();
    await expect(engine.commit([big(90_000)])).rejects.toMatchObject({ code: 'storage' });
    expect((await engine.stats()).rows).toBe(stored);
    await engine.commit([{ kind: 'forget', device: 'pi-1' }]);
    await engine.commit([track('pi-3', 'temperature', [1])]);
    expect(await engine.verify()).toEqual([]);
  });

  it('says so when another process holds the lock, and succeeds after it let go', async () => {
    const engine = create({ busy_ms: 20 });
    await engine.open();
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    const change = track('pi-1', 'temperature', [1]);
    await expect(engine.commit([change])).rejects.toMatchObject({ code: 'storage', message: expect.stringMatching(/lock/) });
    expect((await engine.series(ask())).points).toEqual([]);
    other.exec('COMMIT');
    other.close();
    await engine.commit([change]);
    expect((await engine.series(ask())).points).toHaveLength(1);
  });

  it('keeps the dictionary right when devices and columns of a failed commit never came to be', async () => {
    const engine = create({ busy_ms: 20, max_bytes: 200_000 });
    await engine.open();
    await expect(engine.commit([track('pi-9', 'new.metric', [1]), big(1), big(300), big(600)])).rejects.toMatchObject({
      code: 'storage',
    });
    await engine.commit([track('pi-9', 'new.metric', [5])]);
    expect(await engine.latest()).toEqual([{ device: 'pi-9', series: 'new.metric', ts: START, value: 5 }]);
    expect(await engine.verify()).toEqual([]);
  });
});

describe('the file', () => {
  it('is readable by its owner only, also when it was not before', async () => {
    await (await filled()).close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    await filled('pi-2');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}-wal`).mode & 0o077).toBe(0);
  });

  it('is copied whole by a backup while commits go on', async () => {
    const engine = await filled();
    const target = folder.path('backup.db');
    const copying = engine.backup(target);
    await engine.commit([track('pi-2', 'temperature', [9])]);
    await copying;
    expect(statSync(target).mode & 0o777).toBe(0o600);
    const copy = create({ file: target });
    const { sequences } = await copy.open();
    expect(sequences).toContainEqual({ device: 'pi-1', boot: BOOT, intervals: [[1, 200]] });
    expect(await copy.verify()).toEqual([]);
  });

  it('is never copied over something else', async () => {
    const engine = await filled();
    writeFileSync(folder.path('mine'), 'precious');
    await expect(engine.backup(folder.path('mine'))).rejects.toMatchObject({ code: 'conflict' });
    await expect(engine.backup(folder.path('no/such/folder'))).rejects.toMatchObject({ code: 'storage' });
    expect(readFileSync(folder.path('mine'), 'utf8')).toBe('precious');
    expect(existsSync(folder.path('mine.part'))).toBe(false);
  });

  it('does not let its write-ahead log grow without end', async () => {
    const engine = await filled();
    for (let from = 1; from < 40_000; from += 200) await engine.commit([big(from)]).then(() => new Promise(setImmediate));
    expect(statSync(`${file}-wal`).size).toBeLessThan(16 * 1024 * 1024);
  });

  it('is named unsound by verify when a page went bad while it was open', async () => {
    await (await filled('pi-1', 5_000)).close();
    const engine = create();
    await engine.open();
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 4_096 * 20, 4_096 * 24);
    writeFileSync(file, bytes);
    const fresh = create({ readonly: true });
    await fresh.open();
    expect((await fresh.verify()).length).toBeGreaterThan(0);
  });

  it('is named unsound by verify when its rows do not fit', async () => {
    const engine = await filled();
    const other = new Database(file);
    other.exec("UPDATE rows SET vals = '[1,2]' WHERE id = 3; UPDATE totals SET rows = 7");
    other.close();
    expect(await engine.verify()).toEqual([
      '1 × a row whose values do not fit its columns',
      '1 × totals that differ from the rows',
    ]);
  });
});
