import type { LiveAlert, LiveAlertEvent } from '@muster/shared/wire/live';
import { computed, signal } from '@preact/signals';
import { applyEvent, applySnapshot, byUrgency, createSieve } from './alert-events.js';

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
  return {
    last: () => last,
    wasAway: (number: number | null) => number !== null && number <= away,
    reach(number: number | null): void {
      if (number !== null && (last === null || number > last)) set(number);
    },
    /** A first visit starts at the hub's newest; a number beyond it is from a hub that was set up anew. */
    settle(newest: number): void {
      away = Math.min(away, newest);
      if (last === null || last > newest) set(newest);
    },
  };
};

/** Alerts as they stand and their changes, each change once. */
export const createAlertBoard = (memory: EventMemory) => {
  const known = new Map<string, LiveAlert>();
  const sieve = createSieve();
  const mark = createMark(memory);
  const version = signal(0);
  const events = signal<readonly LiveAlertEvent[]>([]);
  const missed = signal(0);

  return {
    events,
    /** Changes that happened while this browser was away. */
    missed,
    last: mark.last,
    /** Most urgent first. */
    alerts: computed<LiveAlert[]>(() => {
      version.value;
      return [...known.values()].sort(byUrgency);
    }),
    takeEvent(event: LiveAlertEvent): void {
      mark.reach(event.number);
      if (!sieve.isNews(event)) return;
      applyEvent(known, event);
      version.value += 1;
      events.value = [event, ...events.value].slice(0, EVENTS_KEPT);
      if (mark.wasAway(event.number)) missed.value += 1;
    },
    takeSnapshot(open: readonly LiveAlert[] | undefined, newest: number): void {
      mark.settle(newest);
      if (!open) return;
      applySnapshot(known, open);
      version.value += 1;
    },
    /** Alerts that came by the API; newer knowledge from the live channel holds. */
    putAlerts(list: readonly LiveAlert[]): void {
      for (const alert of list) if ((known.get(alert.id)?.event ?? -1) <= alert.event) known.set(alert.id, alert);
      version.value += 1;
    },
    putEvents(list: readonly LiveAlertEvent[]): void {
      const fresh = list.filter((event) => sieve.isNews(event));
      if (fresh.length === 0) return;
      events.value = [...events.value, ...fresh].sort((a, b) => b.ts - a.ts).slice(0, EVENTS_KEPT);
    },
  };
};
