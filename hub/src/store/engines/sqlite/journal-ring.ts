/**
 * The journal's records on disk. Their places are used again, in sizes that fill whole pages: SQLite then writes over the bytes
 * in place, 2 pages a commit of 64 reports where inserting and deleting writes 4.2.
 */
import { AppError } from '@muster/shared/errors';
import { makeRoom } from './codec/bytes.js';
import type { Connection } from './connect.js';
import { type JournalDraft, numberOf } from './journal.js';
import type { createTotals } from './totals.js';

export interface JournalRecord {
  entries: Uint8Array;
  rows: Uint8Array;
}

interface Place {
  id: number;
  number: number;
  /** Size of its record. */
  payload: number;
}

export interface JournalRing {
  /** Inside a transaction; then `settle` or `takeBack`. */
  write(draft: JournalDraft, number: number): void;
  settle(): void;
  takeBack(): void;
  /** Number of the oldest record that is still needed, Infinity when there is none. */
  readonly oldest: number;
  /** Numbers of what a start has found, rising. */
  readonly numbers: readonly number[];
  /** Of records up to this number a start reads no identities. */
  readonly identified: number;
  read(number: number): JournalRecord | undefined;
  /** Forgets all records before this number; yields after each bounded step. */
  trim(before: number): Generator<void>;
}

export interface RingNeeds {
  db: Connection;
  totals: ReturnType<typeof createTotals>;
  /** The entries of each record whose identities are in no other place. */
  visit: (entries: Uint8Array, number: number) => void;
  onDamage: (id: number, error: unknown) => void;
}

export const createJournalRing = (needs: RingNeeds): JournalRing => {
  const { db, totals } = needs;
  const sql = statements(db);
  const size = sizes(Number(db.pragma('page_size', { simple: true })));
  const { live, free, newest_id, identified } = load(needs, size);
  let last_id = newest_id;
  let written: (Place & { fresh: boolean }) | null = null;
  const ids = new Map(live.map(({ number, id }) => [number, id]));
  const numbers = live.map(({ number }) => number);
  const mark = db.transaction((trimmed: number) => totals.add({ trimmed }));
  return {
    write(draft, number) {
      const entries = draft.entries(number);
      const payload = size.payloadFor(entries.length, draft.rows.length);
      const found = free.get(payload)?.pop();
      const rows = padded(draft, size.rowsFor(payload, entries.length));
      written = { id: found ?? ++last_id, number, payload, fresh: found === undefined };
      if (found === undefined) sql.insert.run(written.id, entries, rows);
      else sql.update.run(entries, rows, found);
    },
    settle() {
      if (written) live.push(written);
      written = null;
    },
    takeBack() {
      if (written?.fresh) last_id--;
      else if (written) giveBack(free, written);
      written = null;
    },
    get oldest() {
      return live[0]?.number ?? Number.POSITIVE_INFINITY;
    },
    numbers,
    identified,
    read(number) {
      const id = ids.get(number);
      return id === undefined ? undefined : sql.read.get(id);
    },
    *trim(before) {
      const kept = live.findIndex(({ number }) => number >= before);
      const gone = kept < 0 ? live.length : kept;
      if (gone > 0) {
        mark.immediate(before - 1);
        for (const place of live.splice(0, gone)) giveBack(free, place);
        yield;
      }
      const excess = takeExcess(free, live.length + SPARE);
      for (let at = 0; at < excess.length; at += AT_ONCE) {
        sql.remove.immediate(excess.slice(at, at + AT_ONCE));
        yield;
      }
    },
  };
};

const SPARE = 16;
const AT_ONCE = 200;

type Free = Map<number, number[]>;

const giveBack = (free: Free, { id, payload }: Place): void => {
  const same = free.get(payload);
  if (same) same.push(id);
  else free.set(payload, [id]);
};

/** A burst does not leave its places behind for ever. */
const takeExcess = (free: Free, keep: number): number[] => {
  const excess: number[] = [];
  let count = [...free.values()].reduce((sum, ids) => sum + ids.length, 0);
  for (const ids of free.values())
    while (count > keep && ids.length > 0) {
      excess.push(ids.pop() ?? 0);
      count--;
    }
  return excess;
};

const load = ({ db, totals, visit, onDamage }: RingNeeds, size: ReturnType<typeof sizes>) => {
  const { trimmed } = totals.read();
  const identified = db.prepare<[], number>('SELECT number FROM identified').pluck().get() ?? 0;
  const live: Place[] = [];
  const free: Free = new Map();
  const damages: [number, unknown][] = [];
  let newest_id = 0;
  const all = db.prepare<[], [id: number, entries: Buffer, length: number]>(
    'SELECT id, entries, length(rows) FROM journal ORDER BY id',
  );
  for (const [id, entries, length] of all.raw().iterate()) {
    newest_id = id;
    try {
      const place = { id, number: numberOf(entries), payload: size.payloadFor(entries.length, length) };
      if (place.number <= trimmed) giveBack(free, place);
      else {
        live.push(place);
        if (place.number > identified) visit(entries, place.number);
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      damages.push([id, error]);
    }
  }
  for (const [id, error] of damages) onDamage(id, error);
  live.sort((a, b) => a.number - b.number);
  return { live, free, newest_id, identified };
};

const padded = ({ rows }: JournalDraft, length: number): Uint8Array => {
  makeRoom(rows, Math.max(0, length - rows.length));
  rows.bytes.fill(0, rows.length, Math.max(rows.length, length));
  return rows.bytes.subarray(0, Math.max(rows.length, length));
};

/**
 * The sizes of records. Beyond what fits in a page of the tree they fill overflow pages to the last byte, with a rest in the tree
 * that divides its page (SQLite file format, "cell payload overflow"); of the small ones up to 8 share a page.
 */
const sizes = (page: number) => {
  const overflow = page - 4;
  const largest = page - 35;
  const smallest = Math.floor(((page - 12) * 32) / 255) - 23;
  // A page has 8 bytes of its own, a record in it up to 16.
  const rests = [smallest, ...[4, 3, 2].map((share) => Math.floor((page - 8) / share) - 16), largest];
  return {
    payloadFor(entries: number, rows: number): number {
      const needed = headerSize(entries, rows) + entries + rows;
      const pages = roundedPages(Math.max(0, Math.ceil((needed - largest) / overflow)));
      const rest = rests.find((one) => one >= needed - pages * overflow) ?? largest;
      return pages * overflow + rest;
    },
    /** Length of the rows that makes the record as large as that. */
    rowsFor(payload: number, entries: number): number {
      const room = payload - headerSize(entries, 0) + 1 - entries;
      const width = [1, 2, 3, 4].find((bytes) => serialSize(room - bytes) === bytes) ?? 4;
      return room - width;
    },
  };
};

/** Large records are rare: a quarter of their size may stay empty, so that few sizes serve all. */
const roundedPages = (pages: number): number => {
  const step = pages < 8 ? 1 : 2 ** (Math.floor(Math.log2(pages)) - 2);
  return Math.ceil(pages / step) * step;
};

/** Of a row (id, entries, rows): its own length, the id as NULL, two blobs. */
const headerSize = (entries: number, rows: number): number => 2 + serialSize(entries) + serialSize(rows);
const serialSize = (blob: number): number => {
  const type = 2 * blob + 12;
  return type < 2 ** 7 ? 1 : type < 2 ** 14 ? 2 : type < 2 ** 21 ? 3 : 4;
};

const statements = (db: Connection) => {
  const remove = db.prepare<[number]>('DELETE FROM journal WHERE id = ?');
  return {
    insert: db.prepare<[number, Uint8Array, Uint8Array]>('INSERT INTO journal VALUES (?, ?, ?)'),
    update: db.prepare<[Uint8Array, Uint8Array, number]>('UPDATE journal SET entries = ?, rows = ? WHERE id = ?'),
    read: db.prepare<[number], JournalRecord>('SELECT entries, rows FROM journal WHERE id = ?'),
    remove: db.transaction((ids: readonly number[]) => {
      for (const id of ids) remove.run(id);
    }),
  };
};
