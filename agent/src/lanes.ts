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
  const state: LaneState = { closed: false, in_flight: new Set(), fresh: [] };
  const send = async ({ topic, payload, items }: Batch) => {
    for (const item of items) state.in_flight.add(identityOf(item));
    try {
      await link.publish(topic, payload);
      spool.remove(items);
    } finally {
      for (const item of items) state.in_flight.delete(identityOf(item));
    }
  };
  /** Rows without their column list mean nothing to anybody: their birth goes first, or they go. */
  const isReady = ({ items }: Batch): boolean => {
    const [first] = items;
    if (first?.kind !== 'row' || announcer.isAnnounced(first.columns)) return true;
    if (!announcer.need(first.columns)) spool.remove(items);
    return false;
  };
  const give = () => {
    state.closed = true;
    link.cut();
  };
  const nextLive = (): Batch | null => {
    const batch = nextBatch(state.fresh, stamp);
    if (!batch || !isReady(batch)) return null;
    state.fresh = state.fresh.slice(batch.items.length);
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
    const batch = needs.isOpen()
      ? nextBatch(
          spool.oldest(BATCH, (item) => isTaken(state, item)),
          stamp,
        )
      : null;
    if (batch && isReady(batch)) await send(batch);
    return batch !== null;
  };
  const isClosed = () => state.closed;
  const live = createLane({ step: stepLive, isClosed, failed: give });
  const fill = createLane({ step: stepFill, isClosed, failed: give });

  return {
    offer(row) {
      if (needs.isOpen()) state.fresh = [...state.fresh, row].slice(-MAX_FRESH);
      live.wake();
      fill.wake();
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
  fresh: SpoolRow[];
}

/** Under way, or waits for the live lane. */
const isTaken = ({ in_flight, fresh }: LaneState, item: SpoolItem): boolean =>
  in_flight.has(identityOf(item)) ||
  fresh.some(({ seq, device, boot }) => seq === item.seq && device === item.device && boot === item.boot);

interface LaneNeeds {
  /** False when there is nothing left to do. */
  step(): Promise<boolean>;
  isClosed(): boolean;
  failed(): void;
}

/** One message after the other. */
const createLane = ({ step, isClosed, failed }: LaneNeeds) => {
  let running: Promise<void> | null = null;
  let again = false;
  const run = async () => {
    try {
      while (again) {
        again = false;
        while (!isClosed() && (await step()));
      }
    } catch {
      failed();
    } finally {
      // In the same turn as the last look: what comes from now on wakes it anew.
      running = null;
    }
  };
  return {
    wake() {
      again = true;
      running ??= run();
    },
    idle: () => running ?? Promise.resolve(),
  };
};
