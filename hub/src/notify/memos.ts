/** What was told of each alert, under a name that outlives one occurrence: rule, device and subject. */
import type { LiveAlert } from '@muster/shared/wire/live';
import { documentsOf } from '../shelf.js';
import type { Recovered } from '../store/store.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import type { Papers } from './papers.js';

const COLLECTION = 'notice_memos';

export interface Told {
  route: string;
  /** Who heard that it fires, and shall hear that it is over. */
  notifiers: string[];
  thread: string;
  /** Of notifiers whose notice has another one: it waited there with others. */
  threads?: { [notifier: string]: string } | undefined;
  first: number;
  /** Newest notice of this route about it. */
  at: number;
  escalated: boolean;
}

export interface Memo {
  key: string;
  /** The occurrence that fires; null: it is over. */
  alert: string | null;
  /** Occurrences that are over, newest last. */
  over?: string[] | undefined;
  /** Times at which it fired, newest last. */
  fired: number[];
  ended: number | null;
  /** Newest notice that it fires, of any occurrence. */
  noticed: number | null;
  /** Counts notices of this occurrence. */
  tells: number;
  told: Told[];
  /** Every route that matches was told. */
  settled: boolean;
  incident: string | null;
}

export const memoKey = ({ rule, device, subject = '' }: Pick<LiveAlert, 'rule' | 'device' | 'subject'>): string =>
  [rule, device, subject].join('\n');

export const createMemos = (papers: Papers, documents: Recovered['documents']) => {
  const memos = new Map(structuredClone([...documentsOf<Memo>(documents, COLLECTION)]));
  const byAlert = new Map<string, Memo>();
  const threads = createThreads();
  for (const memo of memos.values()) {
    if (memo.alert !== null) byAlert.set(memo.alert, memo);
    threads.note(memo);
  }
  const save = (memo: Memo) => {
    threads.note(memo);
    papers.put(COLLECTION, memo.key, () => memo);
  };
  return {
    save,
    /** Those that fire. */
    firing: () => byAlert.values(),
    of: (alert: string) => byAlert.get(alert),
    /** A notifier was told of something that fires under this thread. */
    isOpen: threads.isOpen,
    by: (key: string) => memos.get(key),
    /** Null when this occurrence is known already, or is over. */
    fire(alert: LiveAlert): Memo | null {
      const key = memoKey(alert);
      const before = memos.get(key);
      if (before?.alert === alert.id || before?.over?.includes(alert.id)) return null;
      if (before?.alert) byAlert.delete(before.alert);
      const at = alert.fired_at ?? alert.since;
      const memo: Memo = {
        ...{ key, alert: alert.id, ended: before?.ended ?? null, noticed: before?.noticed ?? null },
        over: before?.over,
        fired: [...(before?.fired ?? []), at].filter((one) => one > at - L.flap_window_ms).slice(-10),
        ...{ tells: 0, told: [], settled: false, incident: null },
      };
      memos.set(key, memo);
      byAlert.set(alert.id, memo);
      save(memo);
      return memo;
    },
    /** A channel took the notice: the pause of what flaps begins here. */
    taken(key: string, now: number) {
      const memo = memos.get(key);
      if (!memo || memo.noticed === null || now <= memo.noticed) return;
      memo.noticed = now;
      save(memo);
    },
    /** It is over; what was told of it is answered. */
    end(alert: string, now: number): Memo | null {
      const memo = byAlert.get(alert);
      if (!memo) return null;
      byAlert.delete(alert);
      const ended: Memo = { ...memo, alert: null, over: [...(memo.over ?? []), alert].slice(-10), ended: now };
      memos.set(memo.key, ended);
      save(ended);
      return memo;
    },
    /** What is long over is forgotten. */
    tidy(now: number) {
      for (const { key, alert, ended } of memos.values()) {
        if (alert !== null || (ended ?? 0) > now - L.flap_window_ms) continue;
        memos.delete(key);
        papers.put(COLLECTION, key, null);
      }
    },
  };
};
export type Memos = ReturnType<typeof createMemos>;

export const threadOf = ({ thread, threads }: Told, notifier: string): string => threads?.[notifier] ?? thread;
/** All that it was told under, whatever the notifier. */
export const threadsOf = ({ thread, threads = {} }: Told): string[] => [thread, ...Object.values(threads)];
const placeOf = (thread: string, notifier: string): string => `${notifier}\n${thread}`;

/** How many alerts that fire each notifier was told of under each thread: a mass end asks for every one. */
const createThreads = () => {
  const counts = new Map<string, number>();
  const noted = new Map<string, string[]>();
  const add = (thread: string, by: number) => {
    const count = (counts.get(thread) ?? 0) + by;
    if (count > 0) counts.set(thread, count);
    else counts.delete(thread);
  };
  return {
    isOpen: (thread: string, notifier: string): boolean => counts.has(placeOf(thread, notifier)),
    note({ key, alert, told }: Memo) {
      for (const thread of noted.get(key) ?? []) add(thread, -1);
      const now = alert === null ? [] : told.flatMap((one) => one.notifiers.map((id) => placeOf(threadOf(one, id), id)));
      if (now.length > 0) noted.set(key, now);
      else noted.delete(key);
      for (const thread of now) add(thread, 1);
    },
  };
};

/** What to say of one that flaps; an alert that is held open tells no more of its swings. */
export const againText = (memo: Memo): string | undefined => {
  const count = memo.fired.length;
  if (!isFlapping(memo) || count < 2) return undefined;
  return `It comes and goes: at least ${count} times within ${L.flap_window_ms / 3_600_000} hours.`;
};

/** It came back soon after its end, or fired often lately. */
export const isFlapping = ({ fired, ended }: Memo): boolean => {
  const last = fired.at(-1) ?? 0;
  const before = fired.length > 1 && ended !== null ? ended : Number.NEGATIVE_INFINITY;
  return last - before < L.flap_back_ms || fired.length >= L.flap_count;
};
