import type { LiveAlertEvent } from '@muster/shared/wire/live';
import { batch, computed, signal } from '@preact/signals';
import { applyEvent, applySnapshot, byUrgency, createSieve } from './alert-events.js';
import type { Alert } from './alert-groups.js';

/** Where the last event number outlives the page. */
export interface EventMemory {
  read(): number | null;
  write(number: number): void;
}

/** Events kept for the page; older ones come from the API. */
const EVENTS_KEPT = 500;

/** The number to resume from, and whether an event happened while this browser was away. */
const createMark = (memory: EventMemory) => {
  const stored = memory.read();
  let last = stored;
  let away = stored === null ? 0 : Number.POSITIVE_INFINITY;
  const set = (number: number) => {
    last = number;
    memory.write(number);
  };
  /** Another tab of this browser may be ahead: what it has shown is not missed. */
  const rise = (number: number) => {
    last = number;
    if (number > (memory.read() ?? -1)) memory.write(number);
  };
  return {
    last: () => last,
    wasAway: (number: number | null) => number !== null && number <= away,
    reach(number: number | null): void {
      if (number !== null && (last === null || number > last)) rise(number);
    },
    /** A first visit starts at the hub's newest; a number beyond it is from a hub that was set up anew: then true. */
    settle(newest: number): boolean {
      away = Math.min(away, newest);
      const anew = last !== null && last > newest;
      if (last === null || anew) set(newest);
      return anew;
    },
  };
};

/** Runs a task together with others of the moment: thousands of alerts are put in order once, not for each event. */
export type Soon = (task: () => void) => void;
const atOnce: Soon = (task) => task();

/** Alerts as they stand and their changes, each change once. */
export const createAlertBoard = (memory: EventMemory, soon: Soon = atOnce) => {
  const known = new Map<string, Alert>();
  let sieve = createSieve();
  const mark = createMark(memory);
  const version = signal(0);
  const events = signal<readonly LiveAlertEvent[]>([]);
  const missed = signal(0);
  /** The newest event that the last snapshot knew. */
  let snapshot = 0;
  const waiting = { draw: false, events: [] as LiveAlertEvent[] };
  const draw = () => {
    waiting.draw = false;
    const fresh = waiting.events.splice(0).reverse();
    if (fresh.length > 0) events.value = [...fresh, ...events.value].slice(0, EVENTS_KEPT);
    version.value += 1;
  };
  const drawSoon = () => {
    if (waiting.draw) return;
    waiting.draw = true;
    soon(() => batch(draw));
  };

  /** Numbers of the hub that was here before say nothing of this one's. */
  const forget = () => {
    sieve = createSieve();
    waiting.events = [];
    events.value = [];
    missed.value = 0;
  };

  return {
    events,
    get: (id: string): Alert | undefined => known.get(id),
    /** Changes that happened while this browser was away. */
    missed,
    last: mark.last,
    /** Most urgent first. */
    alerts: computed<Alert[]>(() => {
      version.value;
      return [...known.values()].sort(byUrgency);
    }),
    /** True when it is news. */
    takeEvent(event: LiveAlertEvent): boolean {
      mark.reach(event.number);
      applyEvent(known, event, snapshot);
      if (!sieve.isNews(event)) return false;
      waiting.events.push(event);
      drawSoon();
      if (mark.wasAway(event.number)) missed.value += 1;
      return true;
    },
    takeSnapshot(open: readonly Alert[] | undefined, newest: number): void {
      if (mark.settle(newest)) forget();
      if (!open) return;
      snapshot = newest;
      applySnapshot(known, open);
      version.value += 1;
    },
    /** Alerts that came by the API; newer knowledge from the live channel holds. */
    putAlerts(list: readonly Alert[]): void {
      for (const alert of list) if ((known.get(alert.id)?.event ?? -1) <= alert.event) known.set(alert.id, alert);
      drawSoon();
    },
  };
};
