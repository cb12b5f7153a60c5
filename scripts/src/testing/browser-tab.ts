import { createSignal, type Signal } from '@muster/shared/signal';
import type { LiveAlertEvent, LiveMessage } from '@muster/shared/wire/live';
import WebSocket from 'ws';
import type { HubAccess } from '../api.js';

/** A dashboard that stays open over the hub's deaths: each time it resumes from the last number that it has. */
export interface BrowserTab {
  /** Every alert event that it was sent, in order. */
  events: readonly LiveAlertEvent[];
  /** What a browser must never see: a number missed, come twice or left out. */
  faults: readonly string[];
  heard: Signal<LiveAlertEvent>;
  connect(access: HubAccess): void;
  close(): void;
}

export const createBrowserTab = (from = 0): BrowserTab => {
  const events: LiveAlertEvent[] = [];
  const faults: string[] = [];
  const heard = createSignal<LiveAlertEvent>();
  let last = from;
  let socket: WebSocket | null = null;
  const hear = (message: LiveMessage) => {
    if (message.kind === 'gap' || message.kind === 'error') faults.push(JSON.stringify(message));
    if (message.kind !== 'alert') return;
    const { number } = message.event;
    if (number !== last + 1) faults.push(`event ${number} came after ${last}`);
    if (number !== null) last = number;
    events.push(message.event);
    heard.emit(message.event);
  };
  return {
    events,
    faults,
    heard,
    connect({ url, token }) {
      socket?.terminate();
      const next = new WebSocket(`${url.replace(/^http/, 'ws')}/api/v1/live`, { headers: { authorization: `Bearer ${token}` } });
      socket = next;
      next.on('error', () => {});
      next.on('open', () => next.send(JSON.stringify({ kind: 'subscribe', channels: ['alerts'], after: last })));
      // What an earlier socket still has to say does not count: a browser has one.
      next.on('message', (data) => next === socket && hear(JSON.parse(String(data)) as LiveMessage));
    },
    close: () => socket?.terminate(),
  };
};
