import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, BOOT, row, rows, START, track } from '../../conformance/subject.js';
import type { Change, Engine } from '../../store.js';
import { createFolder } from '../../testing/folder.js';
import { createSqliteEngine, type SqliteEngine, type SqliteSettings } from './index.js';

const MINUTE = 60_000;

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
const filled = async (device = 'pi-1', length = 200): Promise<SqliteEngine> => {
  const engine = create();
  await engine.open();
  await engine.commit([track(device, 'temperature', new Array(length).fill(1))]);
  return engine;
};
const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const WIDE = Array.from({ length: 20 }, (_, index) => `m${index}`);
/** About 35 KB that nothing makes smaller. */
const big = (from: number): Change =>
  rows(
    'pi-1',
    WIDE,
    Array.from({ length: 200 }, (_, index) =>
      row(
        from + index,
        START + from + index,
        WIDE.map((_, column) => Math.sin((from + index) * 31 + column)),
      ),
    ),
  );
const workUntil = (engine: SqliteEngine, until: number): void => {
  for (let time = START; time <= until; time += 5 * MINUTE) while (engine.work(time));
};

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
    await refuses(/newer Muster \(schema 99, this one knows up to 4\)/);
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
    const engine = create({ max_bytes: 600_000 });
    await engine.open();
    const fill = async () => {
      for (let from = 1; ; from += 200) await engine.commit([big(from)]);
    };
    await expect(fill()).rejects.toMatchObject({ code: 'storage', message: expect.stringMatching(/disk is full/) });
    const { rows: stored } = await engine.stats();
    await expect(engine.commit([big(90_000)])).rejects.toMatchObject({ code: 'storage' });
    expect((await engine.stats()).rows).toBe(stored);
    await engine.commit([{ kind: 'forget', device: 'pi-1' }]);
    // The journal lets go of the forgotten rows first, since a commit failed.
    workUntil(engine, START);
    await engine.commit([big(1), track('pi-3', 'temperature', [1])]);
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
    const changes = [track('pi-9', 'new.metric', [1]), ...[1, 300, 600, 900].map(big)];
    await expect(engine.commit(changes)).rejects.toMatchObject({
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
    for (let from = 1; from < 100_000; from += 200) await engine.commit([big(from)]).then(() => new Promise(setImmediate));
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
});

describe('work behind the commits', () => {
  const DAY_LATER = START + 24 * 60 * MINUTE;
  const seriesOf = async (engine: Engine, device = 'pi-1') =>
    (await engine.series(ask({ device, to: START + 10_000_000 }))).points.map(([, , mean]) => mean);

  it('loses nothing and goes on later when the disk refuses it', async () => {
    const engine = create({ busy_ms: 20 });
    await engine.open();
    await engine.commit([track('pi-1', 'temperature', [1, 2, 3])]);
    const other = new Database(file);
    for (const hours of [1, 12, 24]) {
      other.exec('BEGIN IMMEDIATE');
      for (let turns = 0; turns < 20; turns++) engine.work(START + hours * 60 * MINUTE);
      expect(await engine.stats()).toMatchObject({ rows: 3, samples: 3, fault: expect.stringMatching(/lock/) });
      expect(await seriesOf(engine)).toEqual([1, 2, 3]);
      other.exec('COMMIT');
      workUntil(engine, START + (hours + 1) * 60 * MINUTE);
      expect(await engine.stats()).toMatchObject({ rows: 3, samples: 3, fault: null });
      expect(await seriesOf(engine)).toEqual([1, 2, 3]);
    }
    other.close();
    expect(await engine.verify()).toEqual([]);
  });

  it('passes over a damaged chunk, names it, and keeps all others', async () => {
    const engine = create();
    await engine.open();
    const values = new Array(400).fill(0).map((_, index) => index);
    await engine.commit([track('pi-1', 'temperature', values), track('pi-2', 'temperature', [7])]);
    workUntil(engine, START + 2 * 60 * MINUTE);
    const other = new Database(file);
    other.exec(
      'UPDATE staged SET blob = zeroblob(length(blob)) WHERE id = (SELECT id FROM staged ORDER BY length(blob) DESC LIMIT 1)',
    );
    other.close();
    expect((await engine.verify()).some((fault) => /a chunk of pi-1 \(staged/.test(fault))).toBe(true);
    workUntil(engine, DAY_LATER);
    const left = await seriesOf(engine);
    expect(left.length).toBeGreaterThan(200);
    expect(left.length).toBeLessThan(400);
    expect(await seriesOf(engine, 'pi-2')).toEqual([7]);
    expect(await engine.stats()).toMatchObject({ damaged: 1, fault: null });
    expect(await engine.verify()).toEqual([]);
  });

  it('starts without a damaged journal record, and keeps all others', async () => {
    const engine = create();
    await engine.open();
    for (let seq = 1; seq <= 5; seq++)
      await engine.commit([rows('pi-1', ['temperature'], [row(seq, START + seq * 1_000, [seq])])]);
    await engine.close();
    const other = new Database(file);
    const nth = (n: number) => `id = (SELECT min(id) + ${n - 1} FROM journal)`;
    other.exec(`UPDATE journal SET entries = x'0102' WHERE ${nth(3)}; UPDATE journal SET rows = x'0102' WHERE ${nth(4)}`);
    other.close();
    const again = create();
    const { sequences } = await again.open();
    expect(sequences[0]?.intervals).toEqual([
      [1, 2],
      [4, 5],
    ]);
    expect((await again.verify()).join()).toMatch(/journal record \d.*entries.*journal record \d.*rows/);
    await again.commit([rows('pi-1', ['temperature'], [row(6, START + 6_000, [6])])]);
    // A row that goes on from one that is gone cannot be read.
    expect(await seriesOf(again)).toEqual([1, 2, 6]);
    expect(await again.stats()).toMatchObject({ damaged: 2 });
  });
});
