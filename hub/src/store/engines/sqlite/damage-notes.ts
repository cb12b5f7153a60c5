/** What could not be read, noted in the file behind the commits: a full disk keeps neither a start nor a read from going on. */
import type { Connection } from './connect.js';

export interface DamageNotes {
  /** Each place and key once. */
  note(place: string, key: number, error: unknown): void;
  /** Not inside a transaction; what the disk refuses waits for a later call. */
  write(now: number): void;
  /** Notes that are in memory only. */
  readonly waiting: number;
}

/** After a refusal of the disk. */
const AGAIN_MS = 5_000;
/** Beyond it damage is no longer a matter of places. */
const MOST_WAITING = 10_000;

export const createDamageNotes = (db: Connection): DamageNotes => {
  const known = db.prepare<[string, number], 1>('SELECT 1 FROM damage WHERE place = ? AND key = ?').pluck();
  const sql = db.prepare<[string, number, string]>(
    'INSERT INTO damage (place, key, fault) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const waiting = new Map<string, [place: string, key: number, fault: string]>();
  const insert = db.transaction(() => {
    for (const one of waiting.values()) sql.run(...one);
  });
  const isKnown = (place: string, key: number): boolean => {
    try {
      return known.get(place, key) !== undefined;
    } catch {
      return false;
    }
  };
  let refused = Number.NEGATIVE_INFINITY;
  return {
    note(place, key, error) {
      if (waiting.size >= MOST_WAITING || isKnown(place, key)) return;
      waiting.set(`${place} ${key}`, [place, key, error instanceof Error ? error.message : String(error)]);
    },
    write(now) {
      if (waiting.size === 0 || (now < refused + AGAIN_MS && now >= refused)) return;
      try {
        insert.immediate();
        waiting.clear();
      } catch {
        // The work behind it meets the same fault, and says so.
        refused = now;
      }
    },
    get waiting() {
      return waiting.size;
    },
  };
};
