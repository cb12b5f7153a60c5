import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@muster/shared/log';
import { createSignal } from '@muster/shared/signal';
import { createTestClock, type TestClock } from '@muster/shared/testing/clock';
import type { LiveAlert, LiveAlertEvent, LiveDevice, LiveMessage, LiveValue } from '@muster/shared/wire/live';
import { vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Identity, PresenceChange } from '../parts.js';
import type { LiveLimits } from './limits.js';
import { createLive, type Live, type LiveNeeds } from './live.js';

export const device = (id: string, change: Partial<LiveDevice> = {}): LiveDevice => ({
  id,
  name: id,
  state: 'online',
  since: 0,
  last_seen: 0,
  boot: null,
  site: null,
  tags: [],
  carried_by: null,
  main: {},
  earnings_today: [],
  alerts: { firing: 0, pending: 0 },
  ...change,
});
export const value = (metric: string, number: number): LiveValue => ({ metric, labels: {}, value: number, ts: 1 });
const alert = (id: string, event: number): LiveAlert => ({
  id,
  rule: 'offline',
  device: 'a',
  device_name: 'a',
  title: 'Offline',
  why: '',
  severity: 'critical',
  state: 'firing',
  value: null,
  since: 0,
  fired_at: 0,
  resolved_at: null,
  acknowledged: null,
  event,
});
export const event = (number: number): LiveAlertEvent => ({
  number,
  ts: number,
  change: 'firing',
  by: 'rule',
  alert: alert(`x${number}`, number),
});

/** The hub behind the channel, moved by hand. */
const createHub = (clock: TestClock) => {
  const fleet = new Map<string, LiveDevice>([device('a'), device('b')].map((one) => [one.id, one]));
  const log: LiveAlertEvent[] = [];
  const identities: Record<string, Identity> = {};
  for (const id of ['t1', 't2']) identities[id] = { kind: 'token', id, name: id, role: 'viewer' };
  const presence = createSignal<PresenceChange>();
  const hub = {
    fleet,
    log,
    /** Runs before each page of events is answered. */
    onPage: () => {},
    state(id: string, state: LiveDevice['state']) {
      fleet.set(id, device(id, { state }));
      presence.emit({ device: id, state, before: 'online', since: 0, last_seen: 0, boot: null });
    },
    fire(count = 1) {
      for (let n = 0; n < count; n++) {
        const next = event((log.at(-1)?.number ?? hub.base) + 1);
        log.push(next);
        needs.alerts.event.emit(next);
      }
    },
    /** Number of the newest event that is no longer kept. */
    base: 0,
    needs: null as unknown as LiveNeeds,
  };
  const needs: LiveNeeds = {
    identify: ({ session, bearer }) => identities[bearer ?? session ?? ''] ?? null,
    ended: createSignal<string>(),
    views: () => [...fleet.values()],
    view: (id) => fleet.get(id),
    latest: { of: (id) => [value(`of.${id}`, 1)], updated: createSignal() },
    presence: { changed: presence },
    registry: { changed: createSignal<string>(), removed: createSignal<string>() },
    alerts: {
      open: () => log.slice(-2).map((one) => one.alert),
      get: (id) => log.findLast((one) => one.alert.id === id)?.alert,
      touched: createSignal<readonly string[]>(),
      events: async (after, limit) => {
        const page = log.filter((one) => (one.number ?? 0) > after).slice(0, limit);
        hub.onPage();
        return page;
      },
      get newest() {
        return log.at(-1)?.number ?? hub.base;
      },
      event: createSignal<LiveAlertEvent>(),
    },
    earnings: {
      today: () => [{ network: 'n', token: 'T', decimals: 0, amount: '5', estimated: false }],
      changed: createSignal<string>(),
    },
    now: () => clock.now(),
    clock,
    log: silentLog,
  };
  hub.needs = needs;
  return hub;
};

export interface Browser {
  socket: WebSocket;
  heard: LiveMessage[];
  kinds(): string[];
  of<K extends LiveMessage['kind']>(kind: K): Extract<LiveMessage, { kind: K }>[];
  closed(): number | null;
  ask(channels: string[], after?: number): Promise<void>;
}

/** Waits for a condition with a deadline; never for a time. */
export const until = (condition: () => unknown): Promise<void> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error(`still waiting for: ${condition}`);
    },
    { timeout: 10_000, interval: 5 },
  );

/** All that was sent before has arrived once this has: frames keep their order. */
export const settle = async (browser: Browser): Promise<void> => {
  const before = browser.of('error').length;
  browser.socket.send('?');
  await until(() => browser.of('error').length > before);
};

export const numbers = (browser: Browser) => browser.of('alert').map((message) => message.event.number);

const browse = async (url: string, token: string): Promise<Browser> => {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  const heard: LiveMessage[] = [];
  let closed: number | null = null;
  socket.on('message', (data) => heard.push(JSON.parse(String(data)) as LiveMessage));
  socket.on('close', (code) => {
    closed = code;
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const of = <K extends LiveMessage['kind']>(kind: K) =>
    heard.filter((message): message is Extract<LiveMessage, { kind: K }> => message.kind === kind);
  return {
    socket,
    heard,
    of,
    kinds: () => heard.map((message) => message.kind),
    closed: () => closed,
    async ask(channels, after) {
      const before = of('snapshot').length;
      socket.send(JSON.stringify({ kind: 'subscribe', channels, after }));
      await until(() => of('snapshot').length > before);
    },
  };
};

/** A hub with its live channel on a free port, and browsers that it forgets about at the end. */
export const createBench = () => {
  const clock = createTestClock();
  const hub = createHub(clock);
  const server = createServer((_request, response) => response.end('page'));
  const browsers: Browser[] = [];
  const port = () => (server.address() as AddressInfo).port;
  let live: Live | null = null;
  return {
    clock,
    hub,
    server,
    port,
    live: (): Live => live ?? createLive(hub.needs),
    async start(limits: Partial<LiveLimits> = {}): Promise<void> {
      live = createLive(hub.needs, { limits });
      live.attach(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    },
    async open(token = 't1'): Promise<Browser> {
      const browser = await browse(`ws://127.0.0.1:${port()}/api/v1/live`, token);
      browsers.push(browser);
      return browser;
    },
    async stop(): Promise<void> {
      for (const { socket } of browsers) socket.terminate();
      live?.stop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
