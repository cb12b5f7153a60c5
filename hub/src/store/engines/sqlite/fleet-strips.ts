/** Pieces of chunks that were ranked lately: asked again, a fleet costs neither reading nor decoding. */
import type { By } from './fleet-pieces.js';

/** Where pieces lie. */
export interface Strip {
  pieces: Float64Array;
  at: number;
  end: number;
}

export interface Strips {
  /** What is kept of one (series, by); for use until the next question. */
  of(series: number, by: By): StripsOf;
}

export interface StripsOf {
  /** Pieces of a chunk, made when they are not kept under this tag; null is kept too. The answer is overwritten by the next. */
  get(id: number, tag: number, make: () => readonly number[] | null): Strip | null;
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
  /** False: dropped, and read on only by the question that is under way. */
  kept: boolean;
}

const bytesOf = ({ pieces, entries }: Roll): number => pieces.byteLength + entries.size * ENTRY_BYTES;

export const createStrips = (most_bytes = MOST_BYTES): Strips => {
  const rolls = new Map<string, Roll>();
  let bytes = 0;
  const put = (roll: Roll, id: number, entry: () => Entry): Entry => {
    const before = bytesOf(roll);
    const made = entry();
    roll.entries.set(id, made);
    if (roll.kept) bytes += bytesOf(roll) - before;
    return made;
  };
  const shrink = () => {
    for (const [key, roll] of rolls) {
      if (bytes <= most_bytes) return;
      bytes -= bytesOf(roll);
      roll.kept = false;
      rolls.delete(key);
    }
  };
  return {
    of(series, by) {
      shrink();
      const key = `${series} ${by}`;
      const roll = rolls.get(key) ?? { pieces: new Float64Array(64), length: 0, entries: new Map(), kept: true };
      // Asked last, dropped last.
      if (!rolls.delete(key)) bytes += bytesOf(roll);
      rolls.set(key, roll);
      const strip: Strip = { pieces: roll.pieces, at: 0, end: 0 };
      return {
        get(id, tag, make) {
          let entry = roll.entries.get(id);
          if (entry?.tag !== tag) entry = put(roll, id, () => append(roll, tag, make()));
          if (entry.end < 0) return null;
          strip.pieces = roll.pieces;
          strip.at = entry.at;
          strip.end = entry.end;
          return strip;
        },
      };
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
