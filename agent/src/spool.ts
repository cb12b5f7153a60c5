/** PORT and in-memory form of the spool: what was not yet acknowledged. The disk form keeps this port. */
import { createSignal, type Signal } from '@muster/shared/signal';

/** A report row, or a whole rewards/event message, with its identity; content is JSON text, a third of what an array takes. */
export type SpoolItem =
  | { kind: 'row'; device: string; boot: string; seq: number; ts: number; columns: string; values: string }
  | { kind: 'message'; device: string; boot: string; seq: number; ts: number; topic: 'rewards' | 'event'; body: string };

export type SpoolRow = Extract<SpoolItem, { kind: 'row' }>;

export interface Spool {
  add(item: SpoolItem): void;
  /** Oldest first, at most `limit`; those in flight too: the uplink knows which they are. */
  oldest(limit: number): readonly SpoolItem[];
  /** The PUBACK came: these leave. */
  remove(items: readonly SpoolItem[]): void;
  /** Column lists that its rows still need. */
  columns(): ReadonlySet<string>;
  readonly length: number;
  /** What its items take. */
  readonly bytes?: number;
  dropped: Signal<SpoolItem>;
  close(): Promise<void>;
}

/** Whichever is reached first. */
export interface SpoolLimits {
  rows?: number;
  bytes?: number;
}

const MAX_ROWS = 60_480; // 7 days at one row in 10 s: what the disk spool will hold.
/** A quarter of the heap that the agent runs with: a spool that fills it ends the agent, and all is lost. */
const MAX_BYTES = 8_000_000;

/** Bounded by count and by bytes: the oldest items are dropped and reported; the newest is always kept. */
export const createMemorySpool = ({ rows = MAX_ROWS, bytes = MAX_BYTES }: SpoolLimits = {}): Spool => {
  const items = new Map<string, SpoolItem>();
  const uses = new Map<string, number>();
  const dropped = createSignal<SpoolItem>();
  let used = 0;
  const discard = (item: SpoolItem): boolean => {
    if (!items.delete(identityOf(item))) return false;
    used -= bytesOf(item);
    if (item.kind === 'row') count(uses, item.columns, -1);
    return true;
  };
  const makeRoom = (wanted: number) => {
    for (const oldest of items.values()) {
      if (items.size < rows && used + wanted <= bytes) break;
      if (discard(oldest)) dropped.emit(oldest);
    }
  };
  return {
    add(item) {
      makeRoom(bytesOf(item));
      items.set(identityOf(item), item);
      used += bytesOf(item);
      if (item.kind === 'row') count(uses, item.columns, 1);
    },
    oldest: (limit) => take(items.values(), limit),
    remove: (gone) => {
      for (const item of gone) discard(item);
    },
    columns: () => new Set(uses.keys()),
    get length() {
      return items.size;
    },
    get bytes() {
      return used;
    },
    dropped,
    close: async () => {},
  };
};

/** What makes an item the same item, in memory as on disk. */
export const identityOf = (item: SpoolItem): string => `${item.device} ${item.boot} ${item.seq}`;

/** The record, its key and its place in the map (measured), and a byte or two for each character. */
const bytesOf = (item: SpoolItem): number => {
  const text = item.kind === 'row' ? item.values : item.body;
  return ITEM_BYTES + (item.kind === 'row' ? text.length : 2 * text.length);
};
const ITEM_BYTES = 340;

const count = (uses: Map<string, number>, key: string, by: number): void => {
  const left = (uses.get(key) ?? 0) + by;
  if (left > 0) uses.set(key, left);
  else uses.delete(key);
};

const take = (items: Iterable<SpoolItem>, limit: number): SpoolItem[] => {
  const taken: SpoolItem[] = [];
  for (const item of items) {
    if (taken.length >= limit) break;
    taken.push(item);
  }
  return taken;
};
