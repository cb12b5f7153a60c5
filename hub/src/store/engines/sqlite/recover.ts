/** After a start: identities at once, the heads behind it, so that the first commit need not wait for the rows. */
import { AppError } from '@muster/shared/errors';
import type { Chunks } from './chunks.js';
import type { ByteSource } from './codec/bytes.js';
import { damaged } from './codec/damage.js';
import { atKeyRow } from './codec/row.js';
import type { Connection } from './connect.js';
import { isDamage } from './errors.js';
import { createHeads, type Head, type Heads, packerOf, type SeriesOf } from './head.js';
import type { Identities } from './identities.js';
import { stagedId } from './ids.js';
import { CHAIN, type JournalEntry, readEntries, rowsOf } from './journal.js';
import type { JournalRing } from './journal-ring.js';

export interface RecoverNeeds {
  db: Connection;
  heads: Heads;
  chunks: Chunks;
  seriesOf: SeriesOf;
  ring: JournalRing;
  /** Something cannot be read: a journal record, the chunks of a slot, a column list. */
  onDamage: (place: 'journal' | 'staged' | 'list', key: number, error: unknown) => void;
}

/** For the identities of a journal record that a start finds. */
export const createVisit = (identities: Identities, now: number) => (entries: Uint8Array) =>
  readEntries(entries, ({ boot, seq }) => {
    const set = boot > 0 ? identities.byId(boot) : undefined;
    if (set) identities.add(set, seq, now);
  });

export interface Rebuild {
  /** One record, or some heads; false: done, and the heads hold all rows again. */
  step(): boolean;
  forget(device: number): void;
}

interface Rebuilding extends RecoverNeeds {
  /** Rows of before the start, apart from those that come meanwhile. */
  older: Heads;
  known: Set<number>;
  /** Those that were there at the start: a number that is gone may be given again. */
  lists: Set<number>;
  /** Of the slot seen last of each device the newest seal: rows before it are in a chunk. */
  sealed: Map<number, { slot: number; seal: number }>;
  now: number;
}

export const createRebuild = (needs: RecoverNeeds, now: number): Rebuild => {
  const { db, seriesOf, ring, onDamage } = needs;
  const idsOf = (table: string) => new Set(db.prepare<[], number>(`SELECT id FROM ${table}`).pluck().all());
  const [known, lists] = [idsOf('devices'), idsOf('lists')];
  const state: Rebuilding = { ...needs, older: createHeads(seriesOf), known, lists, sealed: new Map(), now };
  let next = 0;
  return {
    step() {
      const number = ring.numbers[next];
      if (number === undefined) return giveBack(state);
      // What cannot be read is noted and passed over: its agents know better, or it is lost.
      try {
        replay(state, number);
      } catch (error) {
        if (!isDamaged(error)) throw error;
        onDamage('journal', number, error);
      }
      next++;
      return true;
    },
    forget(device) {
      known.delete(device);
      state.older.forget(device);
    },
  };
};

/** Some of the heads; false: none is left. */
const giveBack = ({ older, heads }: Rebuilding): boolean => {
  let given = 0;
  for (const own of older.all())
    for (const head of [...own]) {
      older.remove(head);
      heads.adopt(head);
      if (++given === HEADS) return true;
    }
  return false;
};

const HEADS = 200;

const isDamaged = (error: unknown): boolean => isDamage(error) || (error instanceof AppError && error.code === 'damaged');

const replay = (state: Rebuilding, id: number): void => {
  const record = state.ring.read(id);
  if (!record) return;
  const rows = rowsOf(record.entries, record.rows);
  let from = 0;
  readEntries(record.entries, (entry) => {
    if (entry.list === 0) return;
    const { device, list, slot, length, missing } = entry;
    const to = from + length;
    const columns = state.known.has(device) ? columnsOf(state, list) : null;
    if (columns !== null && sealOf(state, device, slot) <= id) {
      const head = state.older.place(device, slot);
      const samples = columns - missing;
      const row = { list, bytes: rows, from, to, samples, ts: Number.NaN, journal: id, now: state.now };
      if (isReadable(head, entry, { bytes: rows, at: from, end: to })) state.older.append(head, row);
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

/** Null: its rows cannot be told apart any more. */
const columnsOf = (state: Rebuilding, list: number): number | null =>
  spare(state, { place: 'list', key: list, instead: null }, () => {
    if (!state.lists.has(list)) throw damaged(`column list ${list}: it is gone, its rows`);
    return state.seriesOf(list).length;
  });

/** 0 when it cannot be read: rows that are in a chunk already are only merged once more. */
const sealOf = (state: Rebuilding, device: number, slot: number): number => {
  const last = state.sealed.get(device);
  if (last?.slot === slot) return last.seal;
  const at = { place: 'staged' as const, key: stagedId(device, slot, 0), instead: 0 };
  const seal = spare(state, at, () => state.chunks.newestSeal(device, slot));
  state.sealed.set(device, { slot, seal });
  return seal;
};

interface Spared<T> {
  place: 'staged' | 'list';
  key: number;
  instead: T;
}

/** What cannot be read costs one row, not the rest of its record. */
const spare = <T>({ onDamage }: Rebuilding, { place, key, instead }: Spared<T>, read: () => T): T => {
  try {
    return read();
  } catch (error) {
    if (!isDamaged(error)) throw error;
    onDamage(place, key, error);
    return instead;
  }
};
