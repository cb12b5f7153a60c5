import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createEngineClient } from '@muster/hub/store/client';
import { createSqliteEngine } from '@muster/hub/store/engines/sqlite/index';
import type { Engine, SeriesQuery } from '@muster/hub/store/store';
import { AppError } from '@muster/shared/errors';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { feed, groupsOf, idle } from '../bench/store/feed.js';
import { deviceName, reportsOf } from '../bench/store/reports.js';
import { SERIES } from '../sim/machine.js';
import { createRandom } from '../sim/random.js';
import { makeFolder } from '../testing/processes.js';

/** A file of three devices and 14 h, damaged in many ways: what is damaged is lost and named, nothing else, and nothing crashes. */
const folder = makeFolder();
const sound = `${folder.path}/sound.db`;
const HOUR_MS = 3_600_000;
const HOURS = 14;
const DEVICES = 3;
const FROM = Date.UTC(2026, 4, 1);
const TO = FROM + HOURS * HOUR_MS;

beforeAll(async () => {
  const clock = { now: FROM };
  const engine = createSqliteEngine({ file: sound }, () => clock.now);
  await engine.open();
  const plan = { devices: DEVICES, seed: 7, from: FROM, beats: HOURS * 120, every_ms: 30_000 };
  await feed(engine, groupsOf(reportsOf({ ...plan, grain: 'rounded', irregular: false })), clock);
  await idle(engine, clock, 13 * 60);
  await engine.close();
}, 60_000);
afterAll(() => folder.remove());

const copyOf = (name: string, change: (bytes: Buffer) => void): string => {
  const bytes = readFileSync(sound);
  change(bytes);
  const file = `${folder.path}/${name}.db`;
  writeFileSync(file, bytes);
  return file;
};

interface Blob {
  id: number;
  blob: Buffer;
}
const blobsOf = (table: string): Blob[] => {
  const db = new Database(sound, { readonly: true });
  const found = db.prepare<[], Blob>(`SELECT id, blob FROM ${table} ORDER BY id`).all();
  db.close();
  return found;
};

/** One bit of a chunk, at a place where its bytes lie on disk. */
const flipIn = (bytes: Buffer, { blob }: Blob): void => {
  const at = bytes.indexOf(blob.subarray(0, 40));
  expect(at).toBeGreaterThan(0);
  bytes[at + 30] = (bytes[at + 30] ?? 0) ^ 4;
};

const withEngine = async <T>(file: string, use: (engine: Engine) => Promise<T>): Promise<T> => {
  const engine = createEngineClient({ file });
  try {
    await engine.open();
    return await use(engine);
  } finally {
    await engine.close();
  }
};

const chart = (device: number, series = 'system.uptime', span_ms = TO - FROM): SeriesQuery => ({
  ...{ device: deviceName(device), series, kind: 'gauge', from: FROM, to: FROM + span_ms, points: 100_000 },
});

describe('bits that turned over', () => {
  it('cost the chunks that they lie in and no other, and check names exactly these', async () => {
    const [first] = blobsOf('archive');
    const five = blobsOf('five').at(-1);
    if (!first || !five) throw new Error('nothing was merged');
    const file = copyOf('flipped', (bytes) => {
      flipIn(bytes, first);
      flipIn(bytes, five);
    });
    const before = await withEngine(sound, (engine) => Promise.all([0, 1, 2].map((device) => engine.series(chart(device)))));
    await withEngine(file, async (engine) => {
      const after = await Promise.all([0, 1, 2].map((device) => engine.series(chart(device))));
      const lost = (before[0]?.points.length ?? 0) - (after[0]?.points.length ?? 0);
      expect(lost).toBeGreaterThan(0);
      expect(lost).toBeLessThanOrEqual(6 * 120);
      const kept = new Set(before[0]?.points.map(([ts]) => ts));
      expect(after[0]?.points.every(([ts]) => kept.has(ts))).toBe(true);
      expect(after.slice(1)).toEqual(before.slice(1));
      const faults = await engine.verify();
      expect(faults).toHaveLength(2);
      expect(faults.join()).toContain(`archive ${first.id}`);
      expect(faults.join()).toContain(`five ${five.id}`);
      expect(faults.join()).toContain(deviceName(0));
    });
  });

  it('anywhere in the file give an answer, a gap or a clear error, never a crash', { timeout: 120_000 }, async () => {
    const random = createRandom(20_260_303);
    let refused = 0;
    for (let round = 0; round < 12; round++) {
      const file = copyOf(`random-${round}`, (bytes) => {
        for (let flip = 0; flip < 20; flip++) {
          const at = Math.floor(random.next() * bytes.length);
          bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random.next() * 8));
        }
      });
      const outcome = await withEngine(file, useAll).catch((error: unknown) => error);
      if (outcome !== 'used') {
        expect(outcome).toBeInstanceOf(AppError);
        refused += 1;
      }
    }
    console.log(`figure: of 12 files with 20 turned bits each ${refused} were refused at the start`);
  });
});

describe('a file that was cut short', () => {
  it.each([0.98, 0.5, 0.1])('to %d of its length is refused or served as far as it goes, never a crash', async (share) => {
    const file = copyOf(`short-${share}`, () => {});
    truncateSync(file, Math.floor(readFileSync(file).length * share));
    const outcome = await withEngine(file, useAll).catch((error: unknown) => error);
    if (outcome !== 'used') expect(outcome).toMatchObject({ code: 'damaged', message: expect.stringContaining(file) });
  });
});

/** Every kind of call; each answers or fails with an error of ours. */
const useAll = async (engine: Engine): Promise<string> => {
  const calls: Promise<unknown>[] = [];
  for (let device = 0; device < DEVICES; device++)
    for (const [series] of SERIES) calls.push(engine.series(chart(device, series)));
  calls.push(engine.top({ metric: 'system.network.io', from: TO - HOUR_MS, to: TO, n: 10, by: 'increase' }));
  calls.push(engine.rows(deviceName(1), 0, 5_000), engine.latest(), engine.stats(), engine.verify());
  calls.push(
    engine.commit([
      {
        kind: 'rows',
        device: deviceName(0),
        columns: ['a'],
        rows: [{ boot: 'aaaaaaaa', seq: 1, ts: TO + 1_000, values: [1] }],
      },
    ]),
  );
  for (const one of await Promise.allSettled(calls)) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(AppError);
  return 'used';
};
