/** PORT and in-memory form of the spool: what was not yet acknowledged. `spool/durable.ts` keeps it on disk. */
import { createSignal, type Signal } from '@muster/shared/signal';
import type { WireMetric } from '@muster/shared/wire/messages';

/** A stamp; `blind`: it was made before the time was known, so that what is found out later must be added to it. */
export interface Moment {
  ts: number;
  blind?: boolean;
}

interface Identity {
  device: string;
  boot: string;
  seq: number;
}

export type SpoolRow = { kind: 'row'; columns: string; values: string } & Identity & Moment;

/** A report row, or a whole rewards/event message, with its identity; content is JSON text, a third of what an array takes. */
export type SpoolItem = SpoolRow | ({ kind: 'message'; ts: number; topic: 'rewards' | 'event'; body: string } & Identity);

/** A row names its list by id; the hub knows lists by device. */
export type ListUser = Pick<SpoolRow, 'device' | 'columns'>;

/** What a hub needs to understand rows of one column list. */
export interface ColumnFacts {
  list: readonly string[];
  metrics: readonly WireMetric[];
}

export interface SpooledList extends ListUser {
  facts: ColumnFacts;
}

/** One list before all, and those that need not be told. */
export interface ListWish {
  wanted: ListUser;
  isKnown(list: ListUser): boolean;
}

/** Whichever is reached first; one item comes in any case. */
export interface ReadLimits {
  items: number;
  bytes: number;
}

/** What was given up, and of which time (ms, as stamped). */
export interface SpoolDrop {
  items: number;
  from: number;
  to: number;
  why: 'full' | 'old' | 'damaged';
}

export interface Spool {
  /** Takes what an earlier run left; throws `conflict` when another agent uses the folder. */
  open(): void;
  add(item: SpoolItem): void;
  /** Oldest first, without those to skip. */
  oldest(limits: ReadLimits, skip?: (item: SpoolItem) => boolean): readonly SpoolItem[];
  /** The PUBACK came: these leave. */
  remove(items: readonly SpoolItem[]): void;
  /** Column lists that its oldest rows need, as many as fit one birth. */
  columns(wish?: ListWish): readonly SpooledList[];
  /** How many lists the rows of a device need. */
  listsOf(device: string): number;
  /** The time has become known: blind rows of this boot are `shift_ms` behind. */
  settle(boot: string, shift_ms: number): void;
  /** Whether all that was added would survive a power cut by now. */
  flush(): Promise<boolean>;
  readonly length: number;
  /** What it takes where it is kept. */
  readonly bytes: number;
  /** The stamp of the oldest item; null: there is none. */
  readonly oldest_ts: number | null;
  dropped: Signal<SpoolDrop>;
  close(): Promise<void>;
}

/** Whichever is reached first. */
export interface SpoolLimits {
  rows?: number;
  bytes?: number;
}

/** Lists of this many characters together fit one birth. */
export const BIRTH_LIST_CHARS = 150_000;
const MAX_ROWS = 60_480; // 7 days at one row in 10 s: what the disk spool will hold.
/** A quarter of the heap that the agent runs with: a spool that fills it ends the agent, and all is lost. */
const MAX_BYTES = 8_000_000;

/** Bounded by count and by bytes: the oldest items are dropped and reported; the newest is always kept. */
export const createMemorySpool = (
  { rows = MAX_ROWS, bytes = MAX_BYTES }: SpoolLimits = {},
  describe: (list: ListUser) => ColumnFacts | null = () => null,
): Spool => {
  const items = new Map<string, SpoolItem>();
  const lists = createUses(describe);
  const dropped = createSignal<SpoolDrop>();
  let used = 0;
  let settled = { boot: '', shift_ms: 0 };
  const discard = (item: SpoolItem): boolean => {
    if (!items.delete(identityOf(item))) return false;
    used -= bytesOf(item);
    if (item.kind === 'row') lists.count(item, -1);
    return true;
  };
  const makeRoom = (wanted: number) => {
    for (const oldest of items.values()) {
      if (items.size < rows && used + wanted <= bytes) break;
      if (discard(oldest)) dropped.emit({ items: 1, from: oldest.ts, to: oldest.ts, why: 'full' });
    }
  };
  return {
    open() {},
    add(item) {
      makeRoom(bytesOf(item));
      items.set(identityOf(item), item);
      used += bytesOf(item);
      if (item.kind === 'row') lists.count(item, 1);
    },
    oldest: (limits, skip = () => false) => takeItems(items.values(), limits, skip),
    remove: (gone) => {
      for (const item of gone) discard(item);
    },
    columns: () => lists.known(),
    listsOf: lists.of,
    settle(boot, shift_ms) {
      settled = { boot, shift_ms };
    },
    flush: async () => items.size === 0,
    get length() {
      return items.size;
    },
    get bytes() {
      return used;
    },
    get oldest_ts() {
      const [oldest] = items.values();
      if (!oldest) return null;
      return oldest.ts + (isBlind(oldest) && oldest.boot === settled.boot ? settled.shift_ms : 0);
    },
    dropped,
    close: async () => {},
  };
};

/** The lists that rows in memory need, with what they mean. */
const createUses = (describe: (list: ListUser) => ColumnFacts | null) => {
  const uses = new Map<string, ListUser & { count: number; facts: ColumnFacts | null }>();
  return {
    count({ device, columns }: ListUser, by: number) {
      const key = listKey({ device, columns });
      const use = uses.get(key) ?? { device, columns, count: 0, facts: describe({ device, columns }) };
      use.count += by;
      if (use.count > 0) uses.set(key, use);
      else uses.delete(key);
    },
    known: () => [...uses.values()].flatMap(({ device, columns, facts }) => (facts ? [{ device, columns, facts }] : [])),
    of: (device: string) => [...uses.values()].filter((use) => use.device === device).length,
  };
};

/** What makes an item the same item, in memory as on disk. */
export const identityOf = (item: Identity): string => `${item.device} ${item.boot} ${item.seq}`;

/** What makes a column list of a device the same list. */
export const listKey = ({ device, columns }: ListUser): string => `${device} ${columns}`;

export const isBlind = (item: SpoolItem): boolean => item.kind === 'row' && item.blind === true;

export const textOf = (item: SpoolItem): string => (item.kind === 'row' ? item.values : item.body);

/** The record, its key and its place in the map (measured), and a byte or two for each character. */
const bytesOf = (item: SpoolItem): number => ITEM_BYTES + textOf(item).length * (item.kind === 'row' ? 1 : 2);
const ITEM_BYTES = 340;

export const takeItems = (items: Iterable<SpoolItem>, limits: ReadLimits, skip: (item: SpoolItem) => boolean): SpoolItem[] => {
  const taken: SpoolItem[] = [];
  let bytes = 0;
  for (const item of items) {
    if (taken.length >= limits.items || bytes >= limits.bytes) break;
    if (skip(item)) continue;
    taken.push(item);
    bytes += textOf(item).length;
  }
  return taken;
};
