import type { ColumnList, Result } from '@muster/shared/wire/messages';
import { topicOf } from '@muster/shared/wire/topics';
import { type BirthFacts, splitBirth } from './birth.js';
import type { SpoolRow } from './spool.js';

/** What goes before reports: births that the hub lacks, and answers to commands. */
export interface Announcer {
  /** A new connection: the hub may know nothing of this boot. */
  begin(session: number): void;
  /** What the birth says has changed. */
  renew(): void;
  isAnnounced(row: ListUser): boolean;
  /** Puts a birth with this column list in line; false when nobody knows the list any more. */
  need(row: ListUser): boolean;
  answer(result: Result): void;
  /** The next message, taken out of the line. */
  next(): Urgent | null;
}

/** A row names its list by id; the hub knows lists by device. */
export type ListUser = Pick<SpoolRow, 'device' | 'columns'>;

export interface Urgent {
  topic: string;
  payload: string;
  acknowledged(): void;
}

/** Answers that wait; more commands than that go unanswered. */
const MAX_RESULTS = 16;

export const createAnnouncer = (device: string, facts: () => Omit<BirthFacts, 'session'>): Announcer => {
  let session = 0;
  let births: Urgent[] = [];
  const announced = new Set<string>();
  const results: Result[] = [];

  const nameOf = ({ id, device: of = device }: ColumnList) => `${of} ${id}`;
  const renew = (): ReadonlySet<string> => {
    const birth = { ...facts(), session };
    births = splitBirth(birth).map((part) => ({
      topic: topicOf(device, 'birth'),
      payload: JSON.stringify(part),
      acknowledged() {
        for (const one of part.columns) announced.add(nameOf(one));
      },
    }));
    const known = new Set(birth.columns.map(nameOf));
    for (const name of announced) if (!known.has(name)) announced.delete(name);
    return known;
  };
  const nextResult = (): Urgent | null => {
    const result = results.shift();
    return result ? { topic: topicOf(device, 'result'), payload: JSON.stringify(result), acknowledged() {} } : null;
  };

  return {
    begin(number) {
      session = number;
      announced.clear();
      renew();
    },
    renew,
    isAnnounced: (row) => announced.has(`${row.device} ${row.columns}`),
    need: (row) => renew().has(`${row.device} ${row.columns}`),
    answer(result) {
      if (results.length < MAX_RESULTS) results.push(result);
    },
    next: () => births.shift() ?? nextResult(),
  };
};
