/** The journal loses what is sealed; the identities that it held go into `sequences` before. */
import type { Connection } from './connect.js';
import type { Heads } from './head.js';
import type { Identities } from './identities.js';
import type { JournalRing } from './journal-ring.js';
import type { Numbers } from './numbers.js';

export interface TrimNeeds {
  db: Connection;
  heads: Heads;
  identities: Identities;
  numbers: Numbers;
  ring: JournalRing;
}

/** As at ingest: identities older than the oldest row an agent may still send are of no use. */
const REMEMBER_MS = 30 * 86_400_000;
const SETS = 500;

/** Records before this number hold nothing that is in memory only. */
export const trimBound = (heads: Heads, numbers: Numbers): number => {
  let bound = numbers.newest + 1;
  for (const own of heads.all()) for (const { journal, rows } of own) if (rows > 0 && journal < bound) bound = journal;
  return bound;
};

/** Yields after each bounded step, which is one transaction. */
export const createTrim = ({ db, heads, identities, numbers, ring }: TrimNeeds) => {
  const save = db.transaction(identities.save);
  const note = db.prepare<[number]>('UPDATE identified SET number = ?');
  const unsave = db.transaction(identities.unsave);
  return function* trim(now: number): Generator<void> {
    const bound = trimBound(heads, numbers);
    const dirty = identities.dirty();
    const known = numbers.newest;
    for (let at = 0; at < dirty.length; at += SETS) {
      const some = dirty.slice(at, at + SETS);
      save.immediate(some);
      for (const set of some) set.dirty = false;
      yield;
    }
    if (dirty.length > 0) note.run(known);
    const excess = identities.excess(now - REMEMBER_MS);
    if (excess.length) {
      unsave.immediate(excess);
      identities.drop(excess);
      yield;
    }
    yield* ring.trim(bound);
  };
};
