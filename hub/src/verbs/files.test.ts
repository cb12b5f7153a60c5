import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decimalBytes } from '@muster/shared/text';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { row, rows, START } from '../store/conformance/subject.js';
import { createSqliteEngine } from '../store/engines/sqlite/index.js';
import { backup, check, restore } from './files.js';
import { loadHubSettings, retentionOf } from './options.js';
import { finishReplacement, replaceBySteps, requireNotAside } from './replacement.js';
import { describeContents, describeStore } from './sizes.js';

let data: string;
let printed: string[];
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'muster-verbs-'));
  printed = [];
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const database = () => join(data, 'hub', 'muster.db');
const call = (...words: string[]) => ({ words, flags: { data }, env: {}, print: (line: string) => void printed.push(line) });

const HOUR_MS = 3_600_000;
const HOURS = 14;
/** A row a minute; the older ones are merged. */
const fill = async (start = START): Promise<void> => {
  let now = start;
  const engine = createSqliteEngine({ file: database() }, () => now);
  await engine.open();
  for (let hour = 0; hour < HOURS; hour++) {
    now = start + (hour + 1) * HOUR_MS;
    const list = Array.from({ length: 60 }, (_, minute) => {
      const seq = hour * 60 + minute + 1;
      return row(seq, start + seq * 60_000, [seq % 7, seq / 3]);
    });
    await engine.commit([rows('pi-1', ['a', 'b'], list)]);
    while (engine.work(now));
  }
  for (let hour = 0; hour < 2; hour++) {
    now += HOUR_MS;
    while (engine.work(now));
  }
  await engine.close();
};

it('check reads everything of a sound store and says how large it is', async () => {
  await fill();
  await check(call());
  expect(printed[0]).toMatch(/^[\d,]+ rows with [\d,]+ samples in [\d.]+ kB, [\d.]+ bytes a sample$/);
  expect(printed.at(-1)).toMatch(/muster\.db is sound: every page, chunk and record was read/);
});

it('check names each damaged chunk with its device, and says what to do', async () => {
  await fill();
  const db = new Database(database());
  const id = db.prepare<[], number>('SELECT max(id) FROM archive').pluck().get();
  db.prepare('UPDATE archive SET blob = zeroblob(length(blob)) WHERE id = ?').run(id);
  db.close();
  const failed = await check(call()).catch((error: Error) => error.message);
  expect(failed).toMatch(/is damaged, one fault:\n {2}a chunk of pi-1 \(archive \d+/);
  expect(failed).toMatch(/goes on with everything else.*muster-hub restore FILE/s);
});

it('check of a folder without a database says where it looked', async () => {
  await expect(check(call())).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining(data) });
});

it('a backup that is restored holds the same, and what was there before is kept with its write-ahead log', async () => {
  await fill();
  const saved = join(data, 'saved.db');
  await backup(call(saved));
  await expect(backup(call(saved))).rejects.toMatchObject({ code: 'conflict' });
  const engine = createSqliteEngine({ file: database() });
  await engine.open();
  await engine.commit([rows('pi-2', ['a'], [row(1, START, [1])])]);
  await restore(call(saved));
  expect(existsSync(`${database()}.before-restore-wal`)).toBe(true);
  await engine.close();
  const restored = createSqliteEngine({ file: database() });
  const { sequences } = await restored.open();
  expect(sequences.map(({ device, intervals }) => [device, intervals])).toEqual([['pi-1', [[1, HOURS * 60]]]]);
  expect((await restored.rows('pi-1', 0, 10_000)).length).toBe(HOURS * 60);
  await restored.close();
});

it('a damaged backup is not restored', async () => {
  await fill();
  const saved = join(data, 'saved.db');
  await backup(call(saved));
  const db = new Database(saved);
  db.exec('UPDATE archive SET blob = zeroblob(50)');
  db.close();
  await expect(restore(call(saved))).rejects.toMatchObject({
    code: 'damaged',
    message: expect.stringMatching(/was not restored/),
  });
});

it('sizes are words: what a day adds, and what it comes to', () => {
  expect([0, 999, 1_000, 123_456, 5_400_000_000].map(decimalBytes)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '123 kB',
    '5.4 GB',
  ]);
  const forecast = {
    per_day: { raw: 2e6, five: 5e5, hour: 1e5 },
    after: [
      { days: 30, bytes: 78e6 },
      { days: 365, bytes: 279e6 },
    ],
  };
  expect(describeStore({ bytes: 10, rows: 1, samples: 5, forecast })[1]).toBe(
    'As the last day went on: 78.0 MB after 30 days, 279 MB after a year (a day adds 2.0 MB of rows, 500 kB of 5-minute and 100 kB of 1-hour values)',
  );
  expect(describeStore({ bytes: 0, rows: 0, samples: 0, forecast: null })[1]).toMatch(/once devices have reported/);
  expect(describeContents({ devices: 2, journal: 1_000, chunks: 3, rollups: 4 })).toBe(
    '2 devices, 1,000 journal records, 3 chunks, 4 roll-ups',
  );
});

it('what a restore has set aside can be restored with its newest commits, which lie in its log', async () => {
  const commit = async (seq: number) => {
    const engine = createSqliteEngine({ file: database() });
    await engine.open();
    await engine.commit([rows('pi-1', ['a'], [row(seq, START + seq, [seq])])]);
    return engine;
  };
  await (await commit(1)).close();
  const saved = join(data, 'saved.db');
  await backup(call(saved));
  const crashed = await commit(2);
  await restore(call(saved));
  await restore(call(`${database()}.before-restore`));
  const restored = createSqliteEngine({ file: database() });
  await restored.open();
  expect(await restored.rows('pi-1', 0, 10)).toHaveLength(2);
  await restored.close();
  await crashed.close();
});

it('a restore that a crash has cut short at any step leaves the old database or is ended by the next start', async () => {
  const old = { '': 'old', '-wal': 'old log' };
  for (let steps = 0; steps < 6; steps++) {
    const file = join(data, `at-${steps}.db`);
    for (const [suffix, text] of Object.entries(old)) writeFileSync(`${file}${suffix}`, text);
    writeFileSync(`${file}.new`, 'new');
    const replacing = replaceBySteps(file);
    for (let done = 0; done < steps; done++) replacing.next();
    finishReplacement(file);
    requireNotAside(file);
    const decided = steps > 1;
    expect([steps, readFileSync(file, 'utf8')]).toEqual([steps, decided ? 'new' : 'old']);
    expect(existsSync(`${file}-wal`)).toBe(!decided);
    if (decided) expect(readFileSync(`${file}.before-restore-wal`, 'utf8')).toBe('old log');
    if (decided) expect(readFileSync(`${file}.before-restore`, 'utf8')).toBe('old');
  }
});

it('a database that was set aside and never replaced is named instead of being passed over for an empty one', async () => {
  await fill();
  renameSync(database(), `${database()}.before-restore`);
  expect(() => requireNotAside(database())).toThrow(/a restore was cut short.*muster-hub restore .*muster\.db\.before-restore/);
  await restore(call(`${database()}.before-restore`));
  requireNotAside(database());
  await check(call());
});

it('how long values are kept is a setting, and the forecast follows it', async () => {
  await fill(Math.floor(Date.now() / HOUR_MS - HOURS - 2) * HOUR_MS);
  const day = 86_400_000;
  const kept = (flags: Record<string, string>) => retentionOf(loadHubSettings({ flags: { data, ...flags }, env: {} }).values);
  expect(kept({})).toEqual({ raw_ms: 30 * day, five_ms: 365 * day, hour_ms: null });
  expect(kept({ 'store.raw_days': '7', 'store.five_minute_days': '0', 'store.hour_days': '3650' })).toEqual({
    raw_ms: 7 * day,
    five_ms: null,
    hour_ms: 3_650 * day,
  });
  const forecast = async (flags: Record<string, string>) => {
    printed = [];
    await check({ ...call(), flags: { data, ...flags } });
    return printed[1];
  };
  const usual = await forecast({});
  expect(usual).toMatch(/after a year/);
  expect(await forecast({ 'store.raw_days': '365' })).not.toBe(usual);
});
