/** PORT and in-memory form of the spool: what was not yet acknowledged. The disk form keeps this port. */
import { createSignal, type Signal } from '@muster/shared/signal';

/** A report row, or a whole rewards/event message, with its identity. */
export type SpoolItem =
  | { kind: 'row'; device: string; boot: string; seq: number; ts: number; columns: string; values: (number | null)[] }
  | { kind: 'message'; device: string; boot: string; seq: number; ts: number; topic: 'rewards' | 'event'; body: object };

export interface Spool {
  add(item: SpoolItem): void;
  /** Oldest first, those not in flight; at most `limit`. */
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
  const items = new Set<SpoolItem>();
  const dropped = createSignal<SpoolItem>();
  return {
    add(item) {
      const oldest = items.size >= max ? items.values().next().value : undefined;
      if (oldest) {
        items.delete(oldest);
        dropped.emit(oldest);
      }
      items.add(item);
    },
    oldest: (limit) => take(items, limit),
    remove: (gone) => {
      for (const item of gone) items.delete(item);
    },
    columns: () => new Set([...items].flatMap((item) => (item.kind === 'row' ? [item.columns] : []))),
    get length() {
      return items.size;
    },
    dropped,
    close: async () => {},
  };
};

const take = (items: Iterable<SpoolItem>, limit: number): SpoolItem[] => {
  const taken: SpoolItem[] = [];
  for (const item of items) {
    if (taken.length >= limit) break;
    taken.push(item);
  }
  return taken;
};
