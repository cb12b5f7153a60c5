/** Keeps the presence of every device: feeds the state machine, one 500 ms loop for all, changes mirrored in the store. */
import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import type { CloseReason, Link } from '../bus/bus.js';
import type { Presence, PresenceChange, PresenceKeeper } from '../parts.js';
import { documentsOf } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import { historyText, parseHistory, staysWithin, type Transition, withTransition } from './history.js';
import * as machine from './presence.js';
import { type Carrier, type Facts, type Moment, NEVER_SEEN, PRESENCE } from './presence.js';

const TICK_MS = 500;
/** A tick this late means that the hub's loop stood still. */
const STALL_MS = 2_000;
/** A flapping device writes its document at most this often; a crash loses no more, and a restart asks anew anyway. */
const SAVE_MS = 10_000;

export interface TrackerNeeds {
  clock: Clock;
  writer: Writer;
  /** What the registry knows of a device. */
  device(id: string): { carried_by: string | null; interval_ms: number | null; created_at: number } | undefined;
  /** Newest stored row of a device: `last_seen` is not written per report, so a start asks here. */
  newest?(id: string): number | undefined;
  log: Log;
}

export interface Tracker extends PresenceKeeper {
  opened(link: Link): void;
  closed(link: Link, reason: CloseReason): void;
  /** A birth came on this link. */
  born(link: Link, birth: { boot: string; session: number; interval_ms: number }): void;
  /** A report came; `live`: it held rows worth judging (what counts for a carried device). */
  reported(link: Link, device: string, live: boolean): void;
  /** The agent said goodbye. */
  stopping(link: Link, boot: string): void;
  /** The agent's will came. */
  willed(link: Link, will: { boot: string; session: number }): void;
  /** While the store cannot commit. */
  freeze(on: boolean): void;
  forget(device: string): void;
  start(): void;
  stop(): void;
}

interface Tracked {
  facts: Facts;
  history: Transition[];
  saved: string;
  saved_at: number;
  dirty: boolean;
}

interface StoredPresence extends Presence {
  speaks: Facts['speaks'];
  interval_ms: number;
  rhythm_ms: number;
  history: string;
}

export const createTracker = (needs: TrackerNeeds, documents: Recovered['documents']): Tracker => {
  const { clock, writer } = needs;
  const changed = createSignal<PresenceChange>();
  const devices = new Map([...documentsOf<StoredPresence>(documents, 'presence')].map(([id, one]) => [id, fromStored(one)]));
  let last_tick: number | null = null;
  let woke_at = Number.NEGATIVE_INFINITY;
  let frozen_at: number | null = null;
  let end: (() => void) | null = null;
  /** The links that a stopping hub closes say nothing about devices. */
  let stopped = false;

  const trackedOf = (id: string): Tracked => {
    const known = devices.get(id);
    if (known) return known;
    const fresh = fromStored({ ...NEVER_SEEN, since: needs.device(id)?.created_at ?? clock.now(), history: '' });
    devices.set(id, fresh);
    return fresh;
  };

  /** The present; notices here, whatever comes first, that the loop stood still. */
  const present = (): Moment => {
    const now = { ts: clock.now(), mono: clock.monotonic() };
    const stood_ms = last_tick === null ? 0 : now.mono - last_tick;
    if (stood_ms <= STALL_MS) return now;
    last_tick = now.mono;
    woke_at = now.mono;
    needs.log.warn('the hub stood still; devices get time to reconnect', { stood_ms: Math.round(stood_ms) });
    for (const one of devices.values()) one.facts = machine.woke(one.facts, stood_ms, now);
    settleAll(now);
    return now;
  };
  const isWaking = (now: Moment) => now.mono - woke_at <= PRESENCE.waking_ms;

  const carrierOf = (id: string): Carrier | null => {
    const device = needs.device(id);
    if (!device || device.carried_by === null) return null;
    const agent = devices.get(device.carried_by)?.facts ?? NEVER_SEEN;
    return { state: agent.state, present_at: agent.present_at, interval_ms: device.interval_ms ?? PRESENCE.rhythm_ms };
  };

  const settle = (id: string, one: Tracked, now: Moment) => {
    const before = one.facts.state;
    const state = machine.judge(one.facts, { mono: now.mono, carrier: carrierOf(id), frozen: frozen_at !== null });
    if (state !== before) {
      one.facts = machine.settled(one.facts, state, now);
      one.history = withTransition(one.history, { state, ts: now.ts });
    }
    if (!one.dirty) one.dirty = markOf(one) !== one.saved;
    if (one.dirty && now.mono - one.saved_at >= SAVE_MS) save(id, one, now);
    if (state !== before) changed.emit({ device: id, before, ...asPresence(one.facts) });
  };
  const settleAll = (now: Moment) => {
    for (const [id, one] of devices) settle(id, one, now);
  };
  const save = (id: string, one: Tracked, now: Moment) => {
    one.saved = markOf(one);
    one.saved_at = now.mono;
    one.dirty = false;
    const value = asStored(one) as unknown as Json;
    writer.queue([{ kind: 'document', collection: 'presence', key: id, value }], { bytes: 200 });
  };

  /** One input for one device, judged at once. */
  const feed = (id: string, input: (facts: Facts, now: Moment) => Facts) => {
    if (stopped) return;
    const now = present();
    const one = trackedOf(id);
    one.facts = input(one.facts, now);
    settle(id, one, now);
  };
  const tick = () => {
    const now = present();
    last_tick = now.mono;
    settleAll(now);
  };

  return {
    changed,
    get: (id) => asPresence(devices.get(id)?.facts ?? { ...NEVER_SEEN, since: needs.device(id)?.created_at ?? 0 }),
    availability: async (id, from, to) => staysWithin(devices.get(id)?.history ?? [], { from, to, now: clock.now() }),

    opened: (link) => feed(link.grant.agent, (facts, now) => machine.opened(facts, link.id, now)),
    closed: (link, reason) =>
      feed(link.grant.agent, (facts, now) => machine.closed(facts, { link: link.id, reason, waking: isWaking(now) }, now)),
    born: (link, { boot, session, interval_ms }) =>
      feed(link.grant.agent, (facts, now) =>
        machine.born(machine.opened(facts, link.id, now), { link: link.id, boot, session, interval_ms }, now),
      ),
    reported(link, device, live) {
      if (device === link.grant.agent)
        feed(device, (facts, now) => machine.reported(machine.opened(facts, link.id, now), link.id, now));
      else if (live) feed(device, machine.carriedReported);
    },
    stopping: (link, boot) => feed(link.grant.agent, (facts) => machine.stopping(facts, { link: link.id, boot })),
    willed: (link, will) =>
      feed(link.grant.agent, (facts, now) => machine.willed(facts, { ...will, waking: isWaking(now) }, now)),

    freeze(on) {
      if (on === (frozen_at !== null)) return;
      const now = present();
      const stood_ms = frozen_at === null ? 0 : now.mono - frozen_at;
      frozen_at = on ? now.mono : null;
      if (on) return;
      for (const one of devices.values()) one.facts = machine.thawed(one.facts, stood_ms, now);
      settleAll(now);
    },
    forget(id) {
      if (devices.delete(id)) writer.queue([{ kind: 'document', collection: 'presence', key: id, value: null }], { bytes: 50 });
    },
    start() {
      if (end) return;
      stopped = false;
      const now = { ts: clock.now(), mono: clock.monotonic() };
      for (const [id, one] of devices) {
        const seen = Math.max(one.facts.last_seen ?? 0, Math.min(needs.newest?.(id) ?? 0, now.ts));
        one.facts = { ...machine.restarted(one.facts, now), last_seen: seen || null };
      }
      settleAll(now);
      last_tick = now.mono;
      end = clock.every(TICK_MS, tick);
    },
    stop() {
      end?.();
      end = null;
      stopped = true;
      last_tick = null;
      const now = { ts: clock.now(), mono: clock.monotonic() };
      for (const [id, one] of devices) if (one.dirty) save(id, one, now);
    },
  };
};

const asPresence = ({ state, since, last_seen, boot }: Facts): Presence => ({ state, since, last_seen, boot });

/** What makes a document worth writing; a short absence of the hub does not. */
const markOf = ({ facts, saved }: Tracked): string => {
  const passing = facts.state === 'reconnecting' && /^(online|quiet) /.test(saved);
  return passing ? saved : `${facts.state} ${facts.boot}`;
};

const asStored = ({ facts, history }: Tracked): StoredPresence => {
  const { state, since, last_seen, boot, speaks, interval_ms, rhythm_ms } = facts;
  return { state, since, last_seen, boot, speaks, interval_ms, rhythm_ms, history: historyText(history) };
};

const fromStored = (stored: StoredPresence): Tracked => {
  const { state, since, last_seen, boot, speaks, interval_ms, rhythm_ms, history } = stored;
  const facts = { ...NEVER_SEEN, state, since, last_seen, boot, speaks, interval_ms, rhythm_ms };
  const saved = `${state} ${boot}`;
  return { facts, history: parseHistory(history), saved, saved_at: Number.NEGATIVE_INFINITY, dirty: false };
};
