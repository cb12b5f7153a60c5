/** Pieces of chunks that were ranked lately: asked again, a fleet costs neither reading nor decoding. */
import type { By } from './fleet-pieces.js';

/** Where pieces lie. */
export interface Strip {
  pieces: Float64Array;
  at: number;
  end: number;
}

export interface Strips {
  /** Pieces of one chunk for one (series, by), made when they are not kept under this tag; null is kept too. */
  get(key: { series: number; by: By }, chunk: { id: number; tag: number }, make: () => readonly number[] | null): Strip | null;
}

/** About 100 bytes for 15 minutes of a series: 10,000 devices × 6 hours of one metric, or 1,000 of ten. */
const MOST_BYTES = 48 * 1024 * 1024;
/** What an entry takes beside its pieces. */
const ENTRY_BYTES = 100;

interface Entry {
  tag: number;
  at: number;
  /** -1: null. */
  end: number;
}

/** One (series, by): its pieces one after the other; what is outdated stays until the whole goes. */
interface Roll {
  pieces: Float64Array;
  length: number;
  entries: Map<number, Entry>;
}

const bytesOf = ({ pieces, entries }: Roll): number => pieces.byteLength + entries.size * ENTRY_BYTES;

export const createStrips = (most_bytes = MOST_BYTES): Strips => {
  const rolls = new Map<string, Roll>();
  let bytes = 0;
  const rollOf = (key: string): Roll => {
    const roll = rolls.get(key) ?? { pieces: new Float64Array(64), length: 0, entries: new Map() };
    // Asked last, dropped last.
    rolls.delete(key);
    rolls.set(key, roll);
    return roll;
  };
  const shrink = (used: Roll) => {
    for (const [key, roll] of rolls) {
      if (bytes <= most_bytes) return;
      if (roll === used && rolls.size > 1) continue;
      bytes -= bytesOf(roll);
      rolls.delete(key);
    }
  };
  const put = (roll: Roll, { id, tag }: { id: number; tag: number }, made: readonly number[] | null): Entry => {
    const before = rolls.size > 0 ? bytesOf(roll) : 0;
    const entry = append(roll, tag, made);
    roll.entries.set(id, entry);
    bytes += bytesOf(roll) - before;
    if (bytes > most_bytes) shrink(roll);
    return entry;
  };
  let [last, lastKey] = [rollOf(''), ''];
  return {
    get({ series, by }, chunk, make) {
      const key = `${series} ${by}`;
      if (key !== lastKey || !rolls.has(key)) [last, lastKey] = [rollOf(key), key];
      const roll = last;
      const known = roll.entries.get(chunk.id);
      const { at, end } = known?.tag === chunk.tag ? known : put(roll, chunk, make());
      return end < 0 ? null : { pieces: roll.pieces, at, end };
    },
  };
};

const append = (roll: Roll, tag: number, made: readonly number[] | null): Entry => {
  if (!made) return { tag, at: 0, end: -1 };
  const at = roll.length;
  const end = at + made.length;
  if (end > roll.pieces.length) {
    const grown = new Float64Array(Math.max(end, Math.ceil(roll.pieces.length * 1.5)));
    grown.set(roll.pieces.subarray(0, at));
    roll.pieces = grown;
  }
  roll.pieces.set(made, at);
  roll.length = end;
  return { tag, at, end };
};
