import { isBlind, type SpoolItem } from '../spool.js';
import type { Stretch } from './lines.js';

/** What is known of the time of each run: its blind rows, of whatever device, are `shift_ms` behind. */
export interface TimeNote {
  boot: string;
  shift_ms: number;
}

export interface Times {
  add(note: TimeNote): void;
  /** A row of this boot was made by this run: the agent itself corrects it. */
  own(boot: string): void;
  /** A row with its right time; null where nobody will ever know that. */
  corrected(item: SpoolItem): SpoolItem | null;
  /** The right stamp of an item, as far as it is known. */
  stampOf(item: SpoolItem): number;
  /** The right times of a stretch of stamps. */
  stretchOf(stamps: Stamps): Stretch;
  list(boots: ReadonlySet<string>): TimeNote[];
}

export interface Stamps {
  boot: string;
  timed: Stretch | null;
  blind: Stretch | null;
}

export const createTimes = (): Times => {
  const notes = new Map<string, TimeNote>();
  const own = new Set<string>();
  const shiftOf = (boot: string) => notes.get(boot)?.shift_ms ?? 0;
  const stampOf = (item: SpoolItem) => item.ts + (isBlind(item) ? shiftOf(item.boot) : 0);
  return {
    add: (note) => void notes.set(note.boot, note),
    own: (boot) => void own.add(boot),
    corrected(item) {
      if (item.kind !== 'row' || !isBlind(item) || own.has(item.boot)) return item;
      return notes.has(item.boot) ? { ...item, ts: stampOf(item), blind: false } : null;
    },
    stampOf,
    stretchOf({ boot, timed, blind }) {
      const ends = [...(timed ?? []), ...(blind ?? []).map((ts) => ts + shiftOf(boot))];
      return [Math.min(...ends), Math.max(...ends)];
    },
    list: (boots) => [...notes.values()].filter(({ boot }) => boots.has(boot) || own.has(boot)),
  };
};
