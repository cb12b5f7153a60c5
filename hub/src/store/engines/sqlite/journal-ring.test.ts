import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFolder } from '../../testing/folder.js';
import { type Connection, openForWriting } from './connect.js';
import { createJournalDraft, type JournalEntry, readEntries, rowsOf } from './journal.js';
import { createJournalRing } from './journal-ring.js';
import { createTotals } from './totals.js';

let folder: ReturnType<typeof createFolder>;
let db: Connection;
beforeEach(() => {
  folder = createFolder();
  db = openForWriting({ file: folder.path('store.db'), busy_ms: 100, max_bytes: null });
});
afterEach(() => {
  db.close();
  folder.remove();
});

const open = () => {
  const found: number[] = [];
  const damaged: number[] = [];
  const ring = createJournalRing({
    ...{ db, totals: createTotals(db) },
    visit: (_entries, number) => void found.push(number),
    onDamage: (id) => void damaged.push(id),
  });
  return { ring, found, damaged };
};
type Ring = ReturnType<typeof open>['ring'];

/** A record of so many rows of 60 bytes. */
const drafted = (rows: number) => {
  const draft = createJournalDraft();
  draft.begin();
  for (let seq = 1; seq <= rows; seq++) {
    draft.rows.bytes.fill(seq, draft.rows.length, draft.rows.length + 60);
    draft.rows.length += 60;
    draft.add({ device: seq, list: 1, boot: seq, seq, slot: 1_900_000, length: 60, missing: 0, chain: seq });
  }
  return draft;
};
const write = (ring: Ring, number: number, rows: number): void => {
  db.transaction(() => ring.write(drafted(rows), number))();
  ring.settle();
};
const trim = (ring: Ring, before: number): void => {
  for (const _step of ring.trim(before));
};
const frames = (): number => (db.pragma('wal_checkpoint(NOOP)') as { log: number }[])[0]?.log ?? 0;

it('gives records back after a restart as they were written, without those that were trimmed', () => {
  const first = open();
  const sizes = [1, 7, 25, 64, 200, 900];
  for (const [index, rows] of sizes.entries()) write(first.ring, index + 1, rows);
  trim(first.ring, 3);
  const { ring, found, damaged } = open();
  expect(found).toEqual([3, 4, 5, 6]);
  expect(ring.numbers).toEqual([3, 4, 5, 6]);
  expect(ring.oldest).toBe(3);
  expect(damaged).toEqual([]);
  for (const number of ring.numbers) {
    const record = ring.read(number);
    const entries: JournalEntry[] = [];
    readEntries(record?.entries ?? new Uint8Array(0), (entry) => entries.push({ ...entry }));
    const rows = sizes[number - 1] ?? 0;
    expect(entries).toHaveLength(rows);
    expect(entries.at(-1)).toEqual({
      device: rows,
      list: 1,
      boot: rows,
      seq: rows,
      slot: 1_900_000,
      length: 60,
      missing: 0,
      chain: rows % 128,
    });
    expect(Uint8Array.from(record ? rowsOf(record.entries, record.rows) : [])).toEqual(
      drafted(rows).rows.bytes.subarray(0, rows * 60),
    );
  }
});

it.each([
  ['a few', 3, 1],
  ['25', 25, 1],
  ['64', 64, 2],
  ['300', 300, 7],
])('writes no page but those of the record itself when its place was used before: %s reports', (_name, rows, pages) => {
  const { ring } = open();
  for (let number = 1; number <= 400; number++) write(ring, number, rows);
  trim(ring, 201);
  const before = frames();
  for (let number = 401; number <= 600; number++) write(ring, number, rows + (number % 3));
  expect((frames() - before) / 200).toBeLessThanOrEqual(pages);
});

it('does not keep the places of a burst for ever', () => {
  const { ring } = open();
  for (let number = 1; number <= 500; number++) write(ring, number, 64);
  trim(ring, 501);
  expect(db.prepare('SELECT count(*) FROM journal').pluck().get()).toBe(16);
  expect(ring.oldest).toBe(Number.POSITIVE_INFINITY);
  write(ring, 501, 64);
  expect(open().found).toEqual([501]);
});

it('uses a place again when the transaction that took it failed', () => {
  const { ring } = open();
  const failing = db.transaction((number: number) => {
    ring.write(drafted(5), number);
    throw new Error('disk');
  });
  for (const number of [1, 2]) {
    expect(() => failing(number)).toThrow('disk');
    ring.takeBack();
  }
  write(ring, 3, 5);
  trim(ring, 4);
  expect(() => failing(4)).toThrow('disk');
  ring.takeBack();
  write(ring, 5, 5);
  expect(db.prepare('SELECT id FROM journal').pluck().all()).toEqual([1]);
  expect(open().found).toEqual([5]);
});
