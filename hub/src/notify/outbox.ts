/** Notices on their way: kept in memory and as documents until they are delivered or given up. */
import type { Severity } from '@muster/shared/wire/live';
import { documentsOf } from '../shelf.js';
import type { Recovered } from '../store/store.js';
import { NOTIFY_LIMITS } from './limits.js';
import type { Notice } from './notifier.js';
import type { Papers } from './papers.js';
import { worst } from './routes.js';

const COLLECTION = 'notices';

export type NoticeKind = 'firing' | 'still' | 'escalation' | 'resolved';

/** One alert as a notice spells it out. */
export interface NoticeLine {
  alert: string;
  device: string;
  device_name: string;
  title: string;
  why: string;
  /** Fired or resolved. */
  at: number;
  /** That it comes and goes, in words. */
  again?: string | undefined;
  /** Under which name it is remembered what was told. */
  memo?: string | undefined;
}

export interface Draft {
  /** Made of what happened, so that doing it again after a crash gives the same. */
  id: string;
  notifier: string;
  kind: NoticeKind;
  /** Where the alerts that share a notice are, or ''. */
  place: string;
  /** Drafts of one group, kind and notifier become one notice until it is sent. */
  group: string;
  thread: string;
  incident: string | null;
  severity: Severity;
  event: number;
  not_before: number;
  line: NoticeLine;
}

export interface Item extends Omit<Draft, 'line'> {
  /** The first few. */
  lines: NoticeLine[];
  devices: string[];
  count: number;
  created: number;
  /** Notices held back by the limit of the channel that this one tells of. */
  held: { count: number; titles: string[]; memos?: string[] | undefined } | null;
  /** As it was first sent: from then on it stays the same. */
  notice: Notice | null;
}

export interface Outbox {
  /** Answers the notice that tells of it. */
  add(draft: Draft): Item;
  /** In the order in which they are to be sent. */
  of(notifier: string): Item[];
  count(notifier: string): number;
  /** Notifiers that something waits for. */
  notifiers(): Iterable<string>;
  seal(item: Item, notice: Notice): void;
  remove(item: Item): void;
  removeOf(notifier: string): void;
  /** Takes back what was not sent yet; answers whether there was any. */
  withdraw(wanted: (item: Item) => boolean): boolean;
  /** What was not sent yet becomes one notice; answers how many it holds. */
  fold(notifier: string, title: (item: Item) => string): number;
}

export const createOutbox = (needs: { papers: Papers; now: () => number }, documents: Recovered['documents']): Outbox => {
  const { papers, now } = needs;
  const queues = new Map<string, Set<Item>>();
  /** Unsent ones that take company, by notifier, kind and group. */
  const open = new Map<string, Item>();

  const hold = (item: Item) => {
    const queue = queues.get(item.notifier) ?? new Set<Item>();
    queues.set(item.notifier, queue.add(item));
    if (!item.notice && !item.held) open.set(keyOf(item), item);
  };
  const save = (item: Item) => papers.put(COLLECTION, item.id, () => item);
  const drop = (item: Item) => {
    const queue = queues.get(item.notifier);
    if (!queue?.delete(item)) return;
    if (queue.size === 0) queues.delete(item.notifier);
    if (open.get(keyOf(item)) === item) open.delete(keyOf(item));
    papers.put(COLLECTION, item.id, null);
  };
  const found = [...documentsOf<Item>(documents, COLLECTION).values()].sort(inOrder);
  for (const item of found) hold(structuredClone(item));

  return {
    add({ line, ...draft }) {
      const waiting = open.get(keyOf(draft));
      const company =
        waiting && (waiting.kind === 'resolved' || !isEnded(waiting, queues.get(draft.notifier))) ? waiting : undefined;
      if (company) join(company, draft, line);
      const item: Item = company ?? {
        ...draft,
        lines: [line],
        devices: [line.device],
        count: 1,
        created: now(),
        held: null,
        notice: null,
      };
      if (!company) hold(item);
      save(item);
      return item;
    },
    of: (notifier) => [...(queues.get(notifier) ?? [])],
    count: (notifier) => queues.get(notifier)?.size ?? 0,
    notifiers: () => queues.keys(),
    seal(item, notice) {
      item.notice = notice;
      if (open.get(keyOf(item)) === item) open.delete(keyOf(item));
      save(item);
    },
    remove: drop,
    removeOf(notifier) {
      for (const item of [...(queues.get(notifier) ?? [])]) drop(item);
    },
    withdraw(wanted) {
      const found = [...queues.values()].flatMap((queue) => [...queue].filter((item) => !item.notice && wanted(item)));
      for (const item of found) drop(item);
      return found.length > 0;
    },
    fold(notifier, title) {
      const unsent = [...(queues.get(notifier) ?? [])].filter((item) => !item.notice && isDue(item, now()));
      const [first] = unsent;
      if (!first || unsent.length < 2) return 0;
      const folded = foldItems(unsent, title);
      for (const item of unsent) drop(item);
      hold(folded);
      save(folded);
      return unsent.length;
    },
  };
};

/** What fires now must not join a notice whose end is on its way already. */
const isEnded = ({ thread }: Item, queue: Iterable<Item> = []): boolean =>
  [...queue].some((item) => item.kind === 'resolved' && item.thread === thread);

const isEnd = ({ kind }: Item) => (kind === 'resolved' ? 1 : 0);
/** Of one moment beginnings go first: one that took company has the event of its newest alert. */
const inOrder = (a: Item, b: Item): number => a.created - b.created || isEnd(a) - isEnd(b) || a.event - b.event;

/** Written in the future: the clock was set back since, and nothing waits for that hour to come again. */
export const isDue = ({ not_before, created }: Item, now: number): boolean => not_before <= now || created > now;

const keyOf = ({ notifier, kind, group }: Pick<Draft, 'notifier' | 'kind' | 'group'>) => `${notifier}\n${kind}\n${group}`;

const join = (item: Item, draft: Omit<Draft, 'line'>, line: NoticeLine): void => {
  item.count++;
  if (item.lines.length < NOTIFY_LIMITS.lines) item.lines.push(line);
  if (item.devices.length < NOTIFY_LIMITS.priced && !item.devices.includes(line.device)) item.devices.push(line.device);
  item.severity = worst([item.severity, draft.severity]);
  item.event = Math.max(item.event, draft.event);
  // The last end of a thread closes it.
  if (draft.kind === 'resolved' && item.thread.startsWith(`${draft.thread}/`)) item.thread = draft.thread;
};

/** Of whom it tells that something fires. */
export const memosOf = ({ kind, held, lines }: Item): string[] => {
  if (held) return held.memos ?? [];
  return kind === 'resolved' ? [] : lines.flatMap(({ memo }) => memo ?? []);
};

const foldItems = (unsent: readonly Item[], title: (item: Item) => string): Item => {
  const [first] = unsent as [Item];
  const titles = unsent.flatMap((item) => item.held?.titles ?? [title(item)]);
  const isOver = unsent.every(({ kind }) => kind === 'resolved');
  // Of what fires still: under the name of one that is over nobody would ever close it.
  const { thread } = unsent.find(({ kind }) => kind !== 'resolved') ?? first;
  return {
    ...first,
    // Not the id of one of its parts: that document is deleted in the same commit.
    id: `${first.id}+${unsent.length}`.slice(-300),
    ...{ kind: isOver ? 'resolved' : 'firing', group: 'held', thread, incident: null, place: '' },
    severity: worst(unsent.map(({ severity }) => severity)),
    event: Math.max(...unsent.map(({ event }) => event)),
    held: {
      count: unsent.reduce((sum, { held }) => sum + (held?.count ?? 1), 0),
      titles: titles.slice(0, NOTIFY_LIMITS.lines),
      memos: unsent.flatMap(memosOf).slice(0, NOTIFY_LIMITS.priced),
    },
    devices: [...new Set(unsent.flatMap(({ devices }) => devices))].slice(0, NOTIFY_LIMITS.priced),
    notice: null,
  };
};
