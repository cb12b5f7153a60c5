import type { SpoolItem } from '../spool.js';

/** What is known of the time of each run: rows up to `until` are `shift_ms` behind. */
export interface TimeNote {
  boot: string;
  until: number;
  shift_ms: number;
}

export interface Times {
  add(note: TimeNote): void;
  /** A row of this boot was made by this run: the agent itself corrects it. */
  own(boot: string): void;
  /** A row that was stamped before the time was known, with its right time; null when nobody will ever know that. */
  corrected(item: SpoolItem): SpoolItem | null;
  /** The right time for a stamp of a segment whose newest row has this number. */
  correct(boot: string, last_seq: number, ts: number): number;
  list(boots: ReadonlySet<string>): TimeNote[];
}

export const createTimes = (): Times => {
  const notes = new Map<string, TimeNote>();
  const own = new Set<string>();
  const correct = (boot: string, seq: number, ts: number) => {
    const note = notes.get(boot);
    return note && seq <= note.until ? ts + note.shift_ms : ts;
  };
  return {
    add: (note) => void notes.set(note.boot, note),
    own: (boot) => void own.add(boot),
    corrected(item) {
      if (own.has(item.boot)) return item;
      if (!notes.has(item.boot)) return null;
      return { ...item, ts: correct(item.boot, item.seq, item.ts) };
    },
    correct,
    list: (boots) => [...notes.values()].filter(({ boot }) => boots.has(boot) || own.has(boot)),
  };
};
