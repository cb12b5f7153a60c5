import type { Result } from '@muster/shared/wire/messages';
import { topicOf } from '@muster/shared/wire/topics';
import { type BirthFacts, splitBirth } from './birth.js';

/** What goes before reports: births that the hub lacks, and answers to commands. */
export interface Announcer {
  /** A new connection: the hub may know nothing of this boot. */
  begin(session: number): void;
  /** What the birth says has changed. */
  renew(): void;
  isAnnounced(columns: string): boolean;
  /** Puts a birth with this column list in line; false when nobody knows the list any more. */
  need(columns: string): boolean;
  answer(result: Result): void;
  /** The next message, taken out of the line. */
  next(): Urgent | null;
}

export interface Urgent {
  topic: string;
  payload: string;
  acknowledged(): void;
}

/** Answers that wait; more commands than that go unanswered. */
const MAX_RESULTS = 16;
const MAX_ANNOUNCED = 1_000;

/** Facts of a birth, with the column list that is wanted before all. */
export type Facts = (wanted?: string) => Omit<BirthFacts, 'session'>;

export const createAnnouncer = (device: string, facts: Facts): Announcer => {
  let session = 0;
  let births: Urgent[] = [];
  /** On this connection. */
  let announced = new Set<string>();
  /** Lists of births that wait or are under way. */
  let coming = new Set<string>();
  const results: Result[] = [];

  const renew = (wanted?: string) => {
    const birth = { ...facts(wanted), session };
    births = splitBirth(birth).map((part) => ({
      topic: topicOf(device, 'birth'),
      payload: JSON.stringify(part),
      acknowledged() {
        for (const { id } of part.columns) {
          announced.add(id);
          coming.delete(id);
        }
      },
    }));
    coming = new Set(birth.columns.map(({ id }) => id));
    // Else it would grow with every list of a connection that holds for months; what is forgotten is told again.
    if (announced.size > MAX_ANNOUNCED) announced = new Set();
  };
  const nextResult = (): Urgent | null => {
    const result = results.shift();
    return result ? { topic: topicOf(device, 'result'), payload: JSON.stringify(result), acknowledged() {} } : null;
  };

  return {
    begin(number) {
      session = number;
      announced = new Set();
      renew();
    },
    renew: () => renew(),
    isAnnounced: (columns) => announced.has(columns),
    need(columns) {
      if (announced.has(columns)) return true;
      if (!coming.has(columns)) renew(columns);
      return coming.has(columns);
    },
    answer(result) {
      if (results.length < MAX_RESULTS) results.push(result);
    },
    next: () => births.shift() ?? nextResult(),
  };
};
