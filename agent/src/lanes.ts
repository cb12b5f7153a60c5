import type { Announcer } from './announcer.js';
import { type Batch, nextBatch, rowBatch, type Stamp } from './batch.js';
import type { Link } from './link.js';
import { identityOf, type Spool, type SpoolItem, type SpoolRow } from './spool.js';

/**
 * What may be under way on one connection: at most one live row and one message of back-fill. A hub reads no further
 * than about four held PUBACKs, pings included, and then drops the connection.
 */
export interface Lanes {
  /** The row that was just made, and those of carried devices beside it: sent at once where the live lane is free, else they wait their turn in the spool. */
  offer(row: SpoolRow, beside?: readonly SpoolRow[]): void;
  /** Looks again for something to send. */
  wake(): void;
  /** No new work; resolves when the live lane is free. */
  close(): Promise<void>;
}

export interface LanesNeeds {
  link: Link;
  spool: Spool;
  stamp: Stamp;
  /** The agent's own device: rows of others travel as carried. */
  device: string;
  /** Whether rows may leave: the time is known. */
  isOpen(): boolean;
  announcer: Announcer;
}

/** Enough for one batch beside the batch and the live row that are in flight. */
const LOOK_AHEAD = 1_002;

export const createLanes = (needs: LanesNeeds): Lanes => {
  const { announcer, link, spool, stamp } = needs;
  const in_flight = new Set<string>();
  let closed = false;
  let filling = false;
  let live: Promise<void> = Promise.resolve();
  let live_busy = false;

  const send = async (batch: Batch) => {
    for (const item of batch.items) in_flight.add(identityOf(item));
    try {
      await link.publish(batch.topic, batch.payload);
      spool.remove(batch.items);
    } finally {
      for (const item of batch.items) in_flight.delete(identityOf(item));
    }
  };
  const waiting = (): SpoolItem[] => spool.oldest(LOOK_AHEAD).filter((item) => !in_flight.has(identityOf(item)));
  const nextFill = (): (() => Promise<void>) | null => {
    const urgent = announcer.next();
    if (urgent) return () => link.publish(urgent.topic, urgent.payload).then(urgent.acknowledged);
    const batch = needs.isOpen() ? nextBatch(waiting(), { own: needs.device, stamp }) : null;
    if (!batch) return null;
    const unknown = batch.items.find((item) => item.kind === 'row' && !announcer.isAnnounced(item));
    if (unknown?.kind !== 'row') return () => send(batch);
    // Rows without their column list mean nothing to anybody.
    if (!announcer.need(unknown)) spool.remove(batch.items.filter((item) => isOfList(item, unknown)));
    return nextFill();
  };
  const fill = async () => {
    if (filling || closed) return;
    filling = true;
    try {
      for (let next = nextFill(); next && !closed; next = nextFill()) await next();
    } catch {
      closed = true;
      link.cut();
    } finally {
      filling = false;
    }
  };
  const sendLive = async (rows: readonly [SpoolRow, ...SpoolRow[]]) => {
    live_busy = true;
    try {
      await send(rowBatch(rows, { own: needs.device, stamp }));
    } catch {
      link.cut();
    } finally {
      live_busy = false;
    }
  };

  return {
    offer(row, beside = []) {
      const may = !closed && !live_busy && needs.isOpen();
      if (may && [row, ...beside].every(announcer.isAnnounced)) live = sendLive([row, ...beside]);
      void fill();
    },
    wake: () => void fill(),
    close() {
      closed = true;
      return live;
    },
  };
};

const isOfList = (item: SpoolItem, { device, columns }: SpoolRow): boolean =>
  item.kind === 'row' && item.device === device && item.columns === columns;
