/** Keeps the presence of every device: feeds the state machine, one 500 ms loop for all, changes mirrored in the store. */
import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import type { CloseReason, Link } from '../bus/bus.js';
import type { PresenceChange, PresenceKeeper } from '../parts.js';
import { documentsOf } from '../shelf.js';
import type { Recovered, Writer } from '../store/store.js';
import { createAbsences } from './absences.js';
import { staysWithin } from './history.js';
import * as machine from './presence.js';
import { type Carrier, type Facts, type Moment, NEVER_SEEN, PRESENCE } from './presence.js';
import { asPresence, createSaver, fromStored, moveTo, newTracked, type StoredPresence, type Tracked } from './tracked.js';

const TICK_MS = 500;
/** A tick this late means that the hub's loop stood still. */
const STALL_MS = 2_000;

export interface TrackerNeeds {
  clock: Clock;
  writer: Writer;
  /** What the registry knows of a device. */
  device(id: string): { carried_by: string | null; interval_ms: number | null; created_at: number } | undefined;
  /** Newest stored row of a device: `last_seen` is not written per report, so a start asks here. */
  newest?(id: string): number | undefined;
  /** The hub's source of a device that has no voice of its own, as its carrier. */
  fed?(id: string): Carrier | null;
  log: Log;
}

export interface Tracker extends PresenceKeeper {
  opened(link: Link): void;
  closed(link: Link, reason: CloseReason): void;
  /** A birth came on this link. */
  born(link: Link, birth: { boot: string; session: number; interval_ms: number }): void;
  /** A report came; `live`: it held rows worth judging (what counts for a carried device). */
  reported(link: Link, device: string, live: boolean): void;
  /** A source of the hub spoke of a device, which it had heard at `seen`. */
  sourced(device: string, seen: number): void;
  /** The agent said goodbye. */
  stopping(link: Link, boot: string): void;
  /** The agent's will came. */
  willed(link: Link, will: { boot: string; session: number }): void;
  /** While the store cannot commit. */
  freeze(on: boolean): void;
  forget(device: string): void;
  /** `newest` knows more than at the start. */
  recall(): void;
  start(): void;
  stop(): void;
}

/** Creating does nothing: inputs count from `start` to `stop`. */
export const createTracker = (needs: TrackerNeeds, documents: Recovered['documents']): Tracker => {
  const { clock } = needs;
  const stand = createStand(needs, documents);
  const loop = createLoop(needs, stand);
  const absences = createAbsences(needs, documents);
  /** One input for one device, judged at once. */
  const feed: Feed = (id, input) => {
    if (loop.stopped()) return;
    const now = loop.present();
    const one = stand.tracked(id);
    one.facts = input(one.facts, now);
    stand.settle(id, one, now);
  };
  /** True when that is all there is to a report: nearly always. */
  const hearSteady = (link: Link, device: string): boolean => {
    const facts = device === link.grant.agent ? stand.devices.get(device)?.facts : undefined;
    if (!facts || !machine.isSteady(facts, link.id) || loop.stopped()) return false;
    const now = loop.present();
    // Time that stood still has just changed every device.
    if (stand.devices.get(device)?.facts !== facts) return false;
    machine.hearAgain(facts, now);
    return true;
  };
  const inputs = inputsOf(feed, loop.isWaking);
  let frozen_at = 0;
  return {
    ...inputs,
    reported(link, device, live) {
      if (!hearSteady(link, device)) inputs.reported(link, device, live);
    },
    changed: stand.changed,
    get: (id) => asPresence(stand.devices.get(id)?.facts ?? { ...NEVER_SEEN, since: needs.device(id)?.created_at ?? 0 }),
    availability: async (id, from, to) =>
      absences.cut(staysWithin(stand.devices.get(id)?.history ?? [], { from, to, now: clock.now() })),
    freeze(on) {
      if (on === stand.frozen) return;
      const now = loop.present();
      stand.frozen = on;
      if (on) frozen_at = now.mono;
      else stand.changeAll((facts) => machine.thawed(facts, now.mono - frozen_at, now), now);
    },
    forget: stand.forget,
    recall: loop.recall,
    start() {
      absences.start();
      loop.start();
    },
    stop() {
      loop.stop();
      absences.stop();
    },
  };
};

type Feed = (id: string, input: (facts: Facts, now: Moment) => Facts) => void;

const inputsOf = (feed: Feed, isWaking: (now: Moment) => boolean) => ({
  opened: (link: Link) => feed(link.grant.agent, (facts, now) => machine.opened(facts, link.id, now)),
  closed: (link: Link, reason: CloseReason) =>
    feed(link.grant.agent, (facts, now) => machine.closed(facts, { link: link.id, reason, waking: isWaking(now) }, now)),
  born: (link: Link, { boot, session, interval_ms }: { boot: string; session: number; interval_ms: number }) =>
    feed(link.grant.agent, (facts, now) =>
      machine.born(machine.opened(facts, link.id, now), { link: link.id, boot, session, interval_ms }, now),
    ),
  reported(link: Link, device: string, live: boolean) {
    if (device === link.grant.agent)
      feed(device, (facts, now) => machine.reported(machine.opened(facts, link.id, now), link.id, now));
    else if (live) feed(device, machine.carriedReported);
  },
  sourced: (device: string, seen: number) => feed(device, (facts, now) => machine.sourced(facts, seen, now)),
  stopping: (link: Link, boot: string) => feed(link.grant.agent, (facts) => machine.stopping(facts, { link: link.id, boot })),
  willed: (link: Link, will: { boot: string; session: number }) =>
    feed(link.grant.agent, (facts, now) => machine.willed(facts, { ...will, waking: isWaking(now) }, now)),
});

/** Nothing speaks for it any more. */
const NO_FEEDER: Carrier = { state: 'unknown', present_at: Number.NEGATIVE_INFINITY, interval_ms: PRESENCE.rhythm_ms };

/** Every device with its facts; judges, tells and keeps what changed. */
const createStand = (needs: TrackerNeeds, documents: Recovered['documents']) => {
  const changed = createSignal<PresenceChange>();
  const saver = createSaver(needs.writer);
  const devices = new Map([...documentsOf<StoredPresence>(documents, 'presence')].map(([id, one]) => [id, fromStored(one)]));

  const feederOf = (id: string): Carrier | null => {
    const facts = devices.get(id)?.facts;
    if (!needs.fed || facts?.speaks !== 'nobody' || facts.last_seen === null) return null;
    return needs.fed(id) ?? NO_FEEDER;
  };
  const carrierOf = (id: string): Carrier | null => {
    const device = needs.device(id);
    if (!device) return null;
    if (device.carried_by === null) return feederOf(id);
    const agent = devices.get(device.carried_by)?.facts ?? NEVER_SEEN;
    return { state: agent.state, present_at: agent.present_at, interval_ms: device.interval_ms ?? PRESENCE.rhythm_ms };
  };
  const settle = (id: string, one: Tracked, now: Moment) => {
    const before = one.facts.state;
    const state = machine.judge(one.facts, { mono: now.mono, carrier: carrierOf(id), frozen: stand.frozen });
    const moved = moveTo(one, state, now);
    saver.consider(id, one, now);
    if (moved) changed.emit({ device: id, before, ...asPresence(one.facts) });
  };
  const stand = {
    frozen: false,
    changed,
    devices: devices as ReadonlyMap<string, Tracked>,
    settle,
    tracked(id: string): Tracked {
      const one = devices.get(id) ?? newTracked(needs.device(id)?.created_at ?? needs.clock.now());
      devices.set(id, one);
      return one;
    },
    settleAll(now: Moment) {
      for (const [id, one] of devices) {
        if (one.calm === one.facts && now.mono <= one.calm_until && !one.dirty) continue;
        if (one.dirty || !machine.isAtEase(one.facts, now.mono)) settle(id, one, now);
        else Object.assign(one, { calm: one.facts, calm_until: machine.quietAt(one.facts) });
      }
    },
    changeAll(change: (facts: Facts, id: string) => Facts, now: Moment) {
      for (const [id, one] of devices) one.facts = change(one.facts, id);
      stand.settleAll(now);
    },
    forget(id: string) {
      if (devices.delete(id)) saver.forget(id);
    },
    flush: (now: Moment) => saver.flush(devices, now),
  };
  return stand;
};

/** The one loop for all devices; notices that the hub itself stood still. */
const createLoop = ({ clock, log, newest }: TrackerNeeds, stand: ReturnType<typeof createStand>) => {
  let last_tick: number | null = null;
  let woke_at = Number.NEGATIVE_INFINITY;
  let end: (() => void) | null = null;
  /** The links that a stopping hub closes say nothing about devices. */
  let stopped = false;

  const moment = (): Moment => ({ ts: clock.now(), mono: clock.monotonic() });
  /** The present; whatever comes first after a standstill finds it here. */
  const present = (): Moment => {
    const now = moment();
    const stood_ms = last_tick === null ? 0 : now.mono - last_tick;
    if (stood_ms <= STALL_MS) return now;
    last_tick = now.mono;
    woke_at = now.mono;
    log.warn('The hub stood still; devices get time to reconnect', { stood_ms: Math.round(stood_ms) });
    stand.changeAll((facts) => machine.woke(facts, stood_ms, now), now);
    return now;
  };
  /** With the time of its newest stored row. */
  const recalled = (facts: Facts, id: string, now: Moment): Facts => {
    const seen = Math.max(facts.last_seen ?? 0, Math.min(newest?.(id) ?? 0, now.ts)) || null;
    return seen === facts.last_seen ? facts : { ...facts, last_seen: seen };
  };

  return {
    present,
    recall() {
      const now = moment();
      stand.changeAll((facts, id) => recalled(facts, id, now), now);
    },
    isWaking: (now: Moment) => now.mono - woke_at <= PRESENCE.waking_ms,
    stopped: () => stopped,
    start() {
      if (end) return;
      stopped = false;
      const now = moment();
      stand.changeAll((facts, id) => recalled(machine.restarted(facts, now), id, now), now);
      last_tick = now.mono;
      end = clock.every(TICK_MS, () => {
        const then = present();
        last_tick = then.mono;
        stand.settleAll(then);
      });
    },
    stop() {
      end?.();
      end = null;
      stopped = true;
      last_tick = null;
      stand.flush(moment());
    },
  };
};
