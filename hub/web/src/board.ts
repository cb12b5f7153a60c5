import type { LiveAlert, LiveAlertEvent, LiveDevice, LiveMessage, LiveValue } from '@muster/shared/wire/live';
import { batch, computed, signal } from '@preact/signals';
import { applyEvent, applySnapshot, byUrgency, createSieve } from './alert-events.js';
import { mergeDevices } from './fleet.js';

/** Everything live on the screen, fed by the messages of the live channel. */

/** Events kept for the page; older ones come from the API. */
const EVENTS_KEPT = 500;

export interface BoardNeeds {
  now(): number;
  /** Where the last event number outlives the page. */
  memory: { read(): number | null; write(number: number): void };
  /** Alerts must be fetched anew: events were missed for good. */
  gap(): void;
}

export const createBoard = (needs: BoardNeeds) => {
  const devices = new Map<string, LiveDevice>();
  const alerts = new Map<string, LiveAlert>();
  const sieve = createSieve();
  const stored = needs.memory.read();
  /** `away`: events up to this number happened before this page was open. */
  const seen = { last: stored, away: stored === null ? 0 : Number.POSITIVE_INFINITY };

  /** Rises with every change of a value; `places` only when lines may change places. */
  const version = signal(0);
  const places = signal(0);
  const alertsVersion = signal(0);
  const events = signal<readonly LiveAlertEvent[]>([]);
  const loaded = signal(false);
  const offset = signal(0);
  /** Events that happened while this browser was away. */
  const missed = signal(0);
  const watched = signal<{ id: string; fresh: readonly LiveValue[] } | null>(null);

  const remember = (number: number) => {
    if (seen.last !== null && number <= seen.last) return;
    seen.last = number;
    needs.memory.write(number);
  };
  const takeEvent = (event: LiveAlertEvent) => {
    if (event.number !== null) remember(event.number);
    if (!sieve.isNews(event)) return;
    applyEvent(alerts, event);
    alertsVersion.value += 1;
    events.value = [event, ...events.value].slice(0, EVENTS_KEPT);
    if (event.number !== null && event.number <= seen.away) missed.value += 1;
  };
  const takeDevices = (list: readonly LiveDevice[], removed: readonly string[] | undefined) => {
    if (mergeDevices(devices, list, removed)) places.value += 1;
    version.value += 1;
  };
  const takeValues = (device: string, list: readonly LiveValue[]) => {
    watched.value = { id: device, fresh: list };
  };
  const takeSnapshot = (message: Extract<LiveMessage, { kind: 'snapshot' }>) => {
    offset.value = message.now - needs.now();
    if (message.devices) {
      const listed = new Set(message.devices.map((device) => device.id));
      takeDevices(
        message.devices,
        [...devices.keys()].filter((id) => !listed.has(id)),
      );
      loaded.value = true;
    }
    if (message.alerts) {
      applySnapshot(alerts, message.alerts);
      alertsVersion.value += 1;
    }
    if (message.device) takeValues(message.device.id, message.device.values);
    settleNumber(message.event);
  };
  /** A first visit starts at the hub's newest; a number beyond it is from a hub that was set up anew. */
  const settleNumber = (newest: number) => {
    seen.away = Math.min(seen.away, newest);
    if (seen.last === null || seen.last > newest) {
      seen.last = newest;
      needs.memory.write(newest);
    }
  };
  const takeEarnings = (id: string, earnings_today: LiveDevice['earnings_today']) => {
    const known = devices.get(id);
    if (!known) return;
    devices.set(id, { ...known, earnings_today });
    version.value += 1;
  };

  return {
    devices,
    version,
    places,
    events,
    loaded,
    missed,
    watched,
    now: () => needs.now() + offset.value,
    last: () => seen.last,
    /** Sorted for the alerts page; also read to know an alert's newest state. */
    alerts: computed<LiveAlert[]>(() => {
      alertsVersion.value;
      return [...alerts.values()].sort(byUrgency);
    }),
    /** Alerts that came by the API; newer knowledge from the live channel holds. */
    putAlerts(list: readonly LiveAlert[]): void {
      for (const alert of list) if ((alerts.get(alert.id)?.event ?? -1) <= alert.event) alerts.set(alert.id, alert);
      alertsVersion.value += 1;
    },
    putEvents(list: readonly LiveAlertEvent[]): void {
      const fresh = list.filter((event) => sieve.isNews(event));
      if (fresh.length === 0) return;
      events.value = [...events.value, ...fresh].sort((a, b) => b.ts - a.ts).slice(0, EVENTS_KEPT);
    },
    take(message: LiveMessage): void {
      batch(() => {
        if (message.kind === 'snapshot') takeSnapshot(message);
        else if (message.kind === 'devices') takeDevices(message.devices, message.removed);
        else if (message.kind === 'samples') takeValues(message.device, message.values);
        else if (message.kind === 'alert') takeEvent(message.event);
        else if (message.kind === 'earnings') takeEarnings(message.device, message.earnings_today);
        else if (message.kind === 'gap') needs.gap();
      });
    },
  };
};
export type Board = ReturnType<typeof createBoard>;
