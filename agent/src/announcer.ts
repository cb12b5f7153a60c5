import type { ColumnList, Result } from '@muster/shared/wire/messages';
import { topicOf } from '@muster/shared/wire/topics';
import { type BirthFacts, splitBirth } from './birth.js';
import { type ListUser, type ListWish, listKey } from './spool.js';

/** What goes before reports: births that the hub lacks, and answers to commands. */
export interface Announcer {
  /** A new connection: the hub may know nothing of this boot. */
  begin(session: number): void;
  /** What the birth says has changed. */
  renew(): void;
  isAnnounced(list: ListUser): boolean;
  /** Puts a birth with this column list in line, and with others that the hub will need; false when nobody knows the list any more. */
  need(list: ListUser): boolean;
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
/** Three lists for each of a thousand carried devices. */
const MAX_ANNOUNCED = 3_000;

/** Facts of a birth, with the lists in use and those that the spool needs. */
export type Facts = (wish?: ListWish) => Omit<BirthFacts, 'session'>;

export const createAnnouncer = (device: string, facts: Facts): Announcer => {
  let session = 0;
  let births: Urgent[] = [];
  /** On this connection. */
  let announced = new Set<string>();
  /** Lists of births that wait or are under way. */
  let coming = new Set<string>();
  const results: Result[] = [];

  const keyOf = ({ id, device: of = device }: ColumnList) => listKey({ device: of, columns: id });
  const messagesOf = (birth: BirthFacts): Urgent[] =>
    splitBirth(birth).map((part) => ({
      topic: topicOf(device, 'birth'),
      payload: JSON.stringify(part),
      acknowledged() {
        for (const key of part.columns.map(keyOf)) {
          announced.add(key);
          coming.delete(key);
        }
      },
    }));
  const renew = () => {
    const birth = { ...facts(), session };
    births = messagesOf(birth);
    coming = new Set(birth.columns.map(keyOf));
    // Else it would grow with every list of a connection that holds for months; what is forgotten is told again.
    if (announced.size > MAX_ANNOUNCED) announced = new Set();
  };
  const isTold = (list: ListUser) => announced.has(listKey(list)) || coming.has(listKey(list));
  /** Only what is new: with a thousand carried devices a whole birth is long. */
  const supplement = (wanted: ListUser) => {
    const { columns, ...birth } = facts({ wanted, isKnown: isTold });
    const fresh = columns.filter((list) => !isTold({ device: list.device ?? device, columns: list.id }));
    if (fresh.length === 0) return;
    births.push(...messagesOf({ ...birth, session, carries: [], columns: fresh }));
    for (const list of fresh) coming.add(keyOf(list));
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
    renew,
    isAnnounced: (list) => announced.has(listKey(list)),
    need(list) {
      if (!isTold(list)) supplement(list);
      return isTold(list);
    },
    answer(result) {
      if (results.length < MAX_RESULTS) results.push(result);
    },
    next: () => births.shift() ?? nextResult(),
  };
};
