/** PORT and in-memory form of the spool: what was not yet acknowledged. The disk form keeps this port. */
import { createSignal, type Signal } from '@muster/shared/signal';

/** A report row, or a whole rewards/event message, with its identity. */
export type SpoolItem =
  | { kind: 'row'; device: string; boot: string; seq: number; ts: number; columns: string; values: (number | null)[] }
  | { kind: 'message'; device: string; boot: string; seq: number; ts: number; topic: 'rewards' | 'event'; body: object };

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
  dropped: Signal<SpoolItem>;
  close(): Promise<void>;
}

const MAX_ITEMS = 60_480; // 7 days at one row in 10 s: what the disk spool will hold.

/** Bounded by count: the oldest item is dropped and reported. */
export const createMemorySpool = (max = MAX_ITEMS): Spool => {
  const items = new Map<string, SpoolItem>();
  const uses = new Map<string, number>();
  const dropped = createSignal<SpoolItem>();
  const discard = (item: SpoolItem): boolean => {
    if (!items.delete(identityOf(item))) return false;
    if (item.kind === 'row') count(uses, item.columns, -1);
    return true;
  };
  return {
    add(item) {
      const oldest = items.size >= max ? items.values().next().value : undefined;
      if (oldest && discard(oldest)) dropped.emit(oldest);
      items.set(identityOf(item), item);
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
    dropped,
    close: async () => {},
  };
};

/** What makes an item the same item, in memory as on disk. */
export const identityOf = (item: SpoolItem): string => `${item.device} ${item.boot} ${item.seq}`;

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
