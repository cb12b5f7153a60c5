import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { Announcer } from './announcer.js';
import { type Batch, nextBatch, type Stamp } from './batch.js';
import type { Link } from './link.js';
import { identityOf, type Spool, type SpoolItem, type SpoolRow } from './spool.js';

/**
 * What may be under way on one connection: at most one live report and one message of back-fill. A hub reads no further
 * than about four held PUBACKs, pings included, and then drops the connection.
 */
export interface Lanes {
  /** The row that was just made: sent at once where the live lane is free, else with the next live report. */
  offer(row: SpoolRow): void;
  /** Looks again for something to send. */
  wake(): void;
  /** No new work; resolves when the live lane is free. */
  close(): Promise<void>;
}

export interface LanesNeeds {
  link: Link;
  spool: Spool;
  stamp: Stamp;
  /** Whether rows may leave: the time is known. */
  isOpen(): boolean;
  announcer: Announcer;
}

/** Live rows that wait for their lane; older ones wait their turn in the spool. */
const MAX_FRESH = 32;
const BATCH = { items: L.backfill_rows, bytes: L.backfill_bytes };

export const createLanes = (needs: LanesNeeds): Lanes => {
  const { announcer, link, spool, stamp } = needs;
  const in_flight = new Set<string>();
  let fresh: SpoolRow[] = [];
  let closed = false;
  let filling = false;
  let live: Promise<void> | null = null;

  const send = async (batch: Batch) => {
    for (const item of batch.items) in_flight.add(identityOf(item));
    try {
      await link.publish(batch.topic, batch.payload);
      spool.remove(batch.items);
    } finally {
      for (const item of batch.items) in_flight.delete(identityOf(item));
    }
  };
  const give = () => {
    closed = true;
    link.cut();
  };
  const isTaken = (item: SpoolItem): boolean =>
    in_flight.has(identityOf(item)) ||
    fresh.some(({ seq, device, boot }) => seq === item.seq && device === item.device && boot === item.boot);

  /** Rows without their column list mean nothing to anybody: their birth goes first, or they go. */
  const isReady = ({ items }: Batch): boolean => {
    const [first] = items;
    if (first?.kind !== 'row' || announcer.isAnnounced(first.columns)) return true;
    if (!announcer.need(first.columns)) spool.remove(items);
    return false;
  };
  const nextLive = (): Batch | null => {
    const batch = closed ? null : nextBatch(fresh, stamp);
    if (!batch || !isReady(batch)) return null;
    fresh = fresh.slice(batch.items.length);
    return batch;
  };
  const runLive = async () => {
    for (let batch = nextLive(); batch; batch = nextLive()) await send(batch);
  };
  const goLive = () => {
    live ??= runLive()
      .catch(give)
      .finally(() => {
        live = null;
      });
  };

  const announce = async (): Promise<boolean> => {
    const urgent = announcer.next();
    if (!urgent) return false;
    await link.publish(urgent.topic, urgent.payload);
    urgent.acknowledged();
    goLive();
    return true;
  };
  /** False when there is nothing left to do. */
  const step = async (): Promise<boolean> => {
    if (await announce()) return true;
    const batch = needs.isOpen() ? nextBatch(spool.oldest(BATCH, isTaken), stamp) : null;
    if (!batch) return false;
    if (isReady(batch)) await send(batch);
    return true;
  };
  const fill = async () => {
    if (filling || closed) return;
    filling = true;
    try {
      while (!closed && (await step()));
    } catch {
      give();
    } finally {
      filling = false;
    }
  };

  return {
    offer(row) {
      if (closed) return;
      if (needs.isOpen()) fresh = [...fresh, row].slice(-MAX_FRESH);
      goLive();
      void fill();
    },
    wake: () => void fill(),
    async close() {
      closed = true;
      await live;
    },
  };
};
