/** After a start: identities at once, the heads behind it, so that the first commit need not wait for the rows. */
import { AppError } from '@muster/shared/errors';
import type { Chunks } from './chunks.js';
import { type ByteSource, newSource } from './codec/bytes.js';
import { atKeyRow } from './codec/row.js';
import type { Connection } from './connect.js';
import { isDamage } from './errors.js';
import { createHeads, type Head, type Heads, packerOf, type SeriesOf } from './head.js';
import type { Identities } from './identities.js';
import { CHAIN, checkRows, type JournalEntry, readEntries } from './journal.js';

export interface RecoverNeeds {
  db: Connection;
  heads: Heads;
  identities: Identities;
  chunks: Chunks;
  seriesOf: SeriesOf;
}

type Note = (id: number, fault: string) => void;

/** Records that cannot be read are noted and passed over: what they held comes again from its agents, or is lost. */
const tolerant = (id: number, note: Note, work: () => void): void => {
  try {
    work();
  } catch (error) {
    const known = error instanceof AppError && error.code === 'damaged';
    if (!known && !isDamage(error)) throw error;
    note(id, error instanceof Error ? error.message : String(error));
  }
};

const createNote = (db: Connection): Note => {
  const sql = db.prepare<[number, string]>(
    "INSERT INTO damage (place, key, fault) VALUES ('journal', ?, ?) ON CONFLICT DO NOTHING",
  );
  return (id, fault) => void sql.run(id, fault);
};

/** Reads the identities of all journal records; answers the newest record, 0 when there is none. */
export const loadIdentities = ({ db, identities }: Pick<RecoverNeeds, 'db' | 'identities'>, now: number): number => {
  const damages: [number, string][] = [];
  let newest = 0;
  for (const { id, entries } of db
    .prepare<[], { id: number; entries: Buffer }>('SELECT id, entries FROM journal ORDER BY id')
    .iterate()) {
    newest = id;
    tolerant(
      id,
      (...damage) => void damages.push(damage),
      () =>
        readEntries(entries, ({ boot, seq }) => {
          const set = boot > 0 ? identities.byId(boot) : undefined;
          if (set) identities.add(set, seq, now);
        }),
    );
  }
  const note = createNote(db);
  for (const damage of damages) note(...damage);
  return newest;
};

export interface Rebuild {
  /** One record; false: done, and the heads hold all rows again. */
  step(): boolean;
  forget(device: number): void;
}

interface Rebuilding extends RecoverNeeds {
  /** Rows of before the start, apart from those that come meanwhile. */
  older: Heads;
  known: Set<number>;
  /** Newest seal by device and slot: rows before it are in a chunk. */
  sealed: Map<string, number>;
  now: number;
}

export const createRebuild = (needs: RecoverNeeds, { newest, now }: { newest: number; now: number }): Rebuild => {
  const { db, heads, seriesOf } = needs;
  const known = new Set(db.prepare<[], number>('SELECT id FROM devices').pluck().all());
  const state: Rebuilding = { ...needs, older: createHeads(seriesOf), known, sealed: new Map(), now };
  const sql = {
    next: db.prepare<[number, number], number>('SELECT id FROM journal WHERE id > ? AND id <= ? ORDER BY id LIMIT 1').pluck(),
    record: db.prepare<[number], JournalRecord>('SELECT id, entries, rows FROM journal WHERE id = ?'),
  };
  const note = createNote(db);
  let at = 0;
  return {
    step() {
      const id = sql.next.get(at, newest);
      if (id === undefined) {
        for (const own of [...state.older.all()]) for (const head of own) heads.adopt(head);
        return false;
      }
      tolerant(id, note, () => replay(state, sql.record.get(id)));
      at = id;
      return true;
    },
    forget(device) {
      known.delete(device);
      state.older.forget(device);
    },
  };
};

interface JournalRecord {
  id: number;
  entries: Buffer;
  rows: Buffer;
}

const replay = (state: Rebuilding, record: JournalRecord | undefined): void => {
  if (!record) return;
  const { id, entries, rows } = record;
  checkRows(entries, rows);
  let from = 0;
  readEntries(entries, (entry) => {
    if (entry.list === 0) return;
    const { device, list, slot, length, missing } = entry;
    const to = from + length;
    if (state.known.has(device) && sealOf(state, device, slot) <= id) {
      const head = state.older.place(device, slot);
      const samples = state.seriesOf(list).length - missing;
      const row = { list, bytes: rows, from, to, samples, ts: Number.NaN, journal: id, now: state.now };
      if (isReadable(head, entry, newSource(rows, from, to))) state.older.append(head, row);
    }
    from = to;
  });
};

/** A row goes on from the one before it: when that was in a record that is gone, nothing can be read up to the next key row. */
const isReadable = (head: Head, { list, chain }: Readonly<JournalEntry>, row: ByteSource): boolean => {
  const packer = packerOf(head, list, 0);
  const joined = chain === packer.rows % CHAIN || atKeyRow(row);
  if (joined) packer.rows = chain + 1;
  return joined;
};

const sealOf = ({ sealed, chunks }: Rebuilding, device: number, slot: number): number => {
  const key = `${device} ${slot}`;
  const known = sealed.get(key) ?? chunks.newestSeal(device, slot);
  sealed.set(key, known);
  return known;
};
