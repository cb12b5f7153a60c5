import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import type { Announcer } from './announcer.js';
import { type Batch, nextBatch, type Stamp } from './batch.js';
import { createFresh, type Fresh } from './fresh.js';
import { createLane } from './lane.js';
import type { Link } from './link.js';
import { identityOf, listKey, type Spool, type SpoolItem, type SpoolRow } from './spool.js';

/**
 * What may be under way on one connection: at most one live report and one message of back-fill. A hub reads no further
 * than about four held PUBACKs, pings included, and then drops the connection.
 */
export interface Lanes {
  /** The row that was just made: sent at once where the live lane is free, else with the next live report. */
  offer(row: SpoolRow): void;
  /** A row of a carried device: it travels with the next row that is offered. */
  hold(row: SpoolRow): void;
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

const BATCH = { items: L.backfill_rows, bytes: L.backfill_bytes };

export const createLanes = (needs: LanesNeeds): Lanes => {
  const { announcer, link, spool } = needs;
  const way = { own: needs.device, stamp: needs.stamp };
  const state: LaneState = { closed: false, in_flight: new Set(), fresh: createFresh() };
  const send = async ({ topic, payload, items }: Batch) => {
    for (const item of items) state.in_flight.add(identityOf(item));
    try {
      await link.publish(topic, payload);
      spool.remove(items);
    } finally {
      for (const item of items) state.in_flight.delete(identityOf(item));
    }
  };
  const give = () => {
    state.closed = true;
    link.cut();
  };
  const nextLive = (): Batch | null => {
    const batch = nextBatch(state.fresh.first(L.backfill_rows), way);
    if (!batch) return null;
    if (!isReady({ announcer, spool, fresh: state.fresh }, batch)) {
      fill.wake();
      return null;
    }
    state.fresh.remove(batch.items);
    return batch;
  };
  const stepLive = async (): Promise<boolean> => {
    const batch = nextLive();
    if (batch) await send(batch);
    return batch !== null;
  };
  const announce = async (): Promise<boolean> => {
    const urgent = announcer.next();
    if (!urgent) return false;
    await link.publish(urgent.topic, urgent.payload);
    urgent.acknowledged();
    live.wake();
    return true;
  };
  const stepFill = async (): Promise<boolean> => {
    if (await announce()) return true;
    const waiting = needs.isOpen() ? spool.oldest(BATCH, (item) => isTaken(state, item)) : [];
    const batch = nextBatch(waiting, way);
    if (batch && isReady({ announcer, spool, fresh: state.fresh }, batch)) await send(batch);
    return batch !== null;
  };
  const isClosed = () => state.closed;
  const live = createLane({ step: stepLive, isClosed, failed: give });
  const fill = createLane({ step: stepFill, isClosed, failed: give });

  return {
    offer(row) {
      if (needs.isOpen()) state.fresh.add(row);
      live.wake();
      fill.wake();
    },
    hold(row) {
      if (needs.isOpen()) state.fresh.hold(row);
    },
    wake: fill.wake,
    async close() {
      state.closed = true;
      await live.idle();
    },
  };
};

interface LaneState {
  closed: boolean;
  /** Identities. */
  in_flight: Set<string>;
  fresh: Fresh;
}

/** Under way, or waits for the live lane. */
const isTaken = ({ in_flight, fresh }: LaneState, item: SpoolItem): boolean => in_flight.has(identityOf(item)) || fresh.has(item);

interface Readiness {
  announcer: Announcer;
  spool: Spool;
  fresh: Fresh;
}

/** Rows without their column list mean nothing to anybody: its birth goes first, or they go. */
const isReady = ({ announcer, spool, fresh }: Readiness, { items }: Batch): boolean => {
  const unknown = items.find((item): item is SpoolRow => item.kind === 'row' && !announcer.isAnnounced(item));
  if (!unknown) return true;
  if (announcer.need(unknown)) return false;
  const lost = items.filter((item) => item.kind === 'row' && listKey(item) === listKey(unknown));
  spool.remove(lost);
  fresh.remove(lost);
  const stamps = lost.map(({ ts }) => ts);
  spool.dropped.emit({ items: lost.length, from: Math.min(...stamps), to: Math.max(...stamps), why: 'damaged' });
  return false;
};
