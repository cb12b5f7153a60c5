/** PORT and in-memory form of the spool: what was not yet acknowledged. `spool/durable.ts` keeps it on disk. */
import { createSignal, type Signal } from '@muster/shared/signal';
import type { WireMetric } from '@muster/shared/wire/messages';

/** A report row, or a whole rewards/event message, with its identity; content is JSON text, a third of what an array takes. */
export type SpoolItem =
  | { kind: 'row'; device: string; boot: string; seq: number; ts: number; columns: string; values: string }
  | { kind: 'message'; device: string; boot: string; seq: number; ts: number; topic: 'rewards' | 'event'; body: string };

export type SpoolRow = Extract<SpoolItem, { kind: 'row' }>;

/** What a hub needs to understand rows of one column list. */
export interface ColumnFacts {
  list: readonly string[];
  metrics: readonly WireMetric[];
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
  /** Column lists that its oldest rows need, as many as fit one birth; the wanted one before all. */
  columns(wanted?: string): ReadonlyMap<string, ColumnFacts>;
  /** The time has become known: rows of this boot up to a sequence number are `shift_ms` behind. */
  settle(boot: string, until: number, shift_ms: number): void;
  readonly length: number;
  /** On disk. */
  readonly bytes: number;
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
  describe: (columns: string) => ColumnFacts | null = () => null,
): Spool => {
  const items = new Map<string, SpoolItem>();
  const uses = new Map<string, { count: number; facts: ColumnFacts | null }>();
  const dropped = createSignal<SpoolDrop>();
  let used = 0;
  const use = (columns: string, by: number) => {
    const entry = uses.get(columns) ?? { count: 0, facts: describe(columns) };
    entry.count += by;
    if (entry.count > 0) uses.set(columns, entry);
    else uses.delete(columns);
  };
  const discard = (item: SpoolItem): boolean => {
    if (!items.delete(identityOf(item))) return false;
    used -= bytesOf(item);
    if (item.kind === 'row') use(item.columns, -1);
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
      if (item.kind === 'row') use(item.columns, 1);
    },
    oldest: (limits, skip = () => false) => takeItems(items.values(), limits, skip),
    remove: (gone) => {
      for (const item of gone) discard(item);
    },
    columns: () => new Map([...uses].flatMap(([id, { facts }]) => (facts ? [[id, facts] as const] : []))),
    settle() {},
    get length() {
      return items.size;
    },
    bytes: 0,
    dropped,
    close: async () => {},
  };
};

/** What makes an item the same item, in memory as on disk. */
export const identityOf = (item: SpoolItem): string => `${item.device} ${item.boot} ${item.seq}`;

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
