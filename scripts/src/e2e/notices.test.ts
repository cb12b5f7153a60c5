import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../sim/random.js';
import { makeFolder, type RunningHub, samePorts, startHub, until } from '../testing/processes.js';

/** A real hub that is killed at random moments while alerts start, are taken and end; a real receiver of its notices. */
const KILLS = 20;
const DEVICES = 6;
const folder = makeFolder();
const random = createRandom(20_260_122);
let hub: RunningHub;
let receiver: Server;

interface Received {
  key: string;
  event: number;
  body: string;
}
const received: Received[] = [];

interface Event {
  number: number;
  change: string;
  alert: { id: string; title: string; device: string; device_name: string; severity: string; state: string };
}

const ENV = { MUSTER_STORE_COMMIT_MS: '20' };

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    // A receiver that takes its time, and fails now and then: what it answered last is what counts.
    await new Promise((resolve) => setTimeout(resolve, random.next() * 60));
    if (random.next() < 0.1) return response.writeHead(503).end();
    const key = String(request.headers['idempotency-key']);
    received.push({ key, event: Number(request.headers['muster-event']), body });
    return response.end('{}');
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  hub = await startHub(folder.path, ENV);
  const { port } = receiver.address() as AddressInfo;
  const config = { url: `http://127.0.0.1:${port}/hook`, secret: 'hush-hush-hush-hush' };
  await hub.api.put('/notifiers/hook', { kind: 'webhook', config, per_minute: 600 });
  const rule = { rule: 'threshold', enabled: true, severity: 'critical', scope: { all: true } };
  // A rule for each alert: one that comes back at once is flapping, which is another test.
  const items = Array.from({ length: KILLS }, (_, index) => {
    const config = { metric: `test.value_${index}`, above: 10, clear: 5, for_ms: 0 };
    return { ...rule, id: `high-${index}`, title: `Value ${index} is high`, config };
  });
  await hub.api.put('/rules', { items });
  await hub.api.put('/routes', { items: [{ id: 'default', match: {}, group_by: 'none', wait_ms: 50, repeat_ms: null }] });
}, 60_000);

afterAll(async () => {
  await hub?.stop();
  receiver?.closeAllConnections();
  receiver?.close();
  folder.remove();
});

const devices = Array.from({ length: DEVICES }, (_, index) => `probe-${index}`);
const keys = new Map<string, string>();

/** Named values by a script's way; it stays connected until the hub dies, as a device that is away is told of otherwise. */
const connect = (device: string) =>
  mqtt.connectAsync(hub.addresses.mqtt, {
    ...{ clientId: device, username: device, password: keys.get(device) ?? '', reconnectPeriod: 0, keepalive: 60 },
  });

const listed = async (): Promise<Event[]> => {
  const events: Event[] = [];
  for (let after = 0; ; ) {
    const { items, next } = await hub.api.get<{ items: Event[]; next?: string }>(`/alerts/events?after=${after}`);
    events.push(...items);
    if (next === undefined) return events;
    after = Number(next);
  }
};

/** Alerts of a round start; some are taken, some end, until the hub is killed. */
const round = async (index: number, clients: MqttClient[]) => {
  const value = (level: number) => ({ [`test.value_${index}`]: level });
  for (const device of devices) {
    const client = await connect(device);
    client.on('error', () => {});
    clients.push(client);
    const report = (level: number) =>
      client.publishAsync(`muster/v1/${device}/report`, JSON.stringify({ metrics: value(level) }), { qos: 1 });
    await report(50);
    if (random.next() < 0.5) await report(1);
    if (random.next() < 0.3) {
      const { items } = await hub.api.get<{ items: { id: string }[] }>('/alerts?state=firing');
      const ids = items.slice(0, 2).map(({ id }) => id);
      if (ids.length > 0) await hub.api.post('/alerts/acknowledge', { ids });
    }
  }
};

it(`loses no alert event and no notice over ${KILLS} kills, and sends none twice under another key`, {
  timeout: 400_000,
}, async () => {
  for (const device of devices) {
    const { token } = await hub.api.post<{ token: string }>('/invites', { device });
    keys.set(device, (await hub.api.post<{ key: string }>('/join', { token, device })).key);
  }
  let before: Event[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    const clients: MqttClient[] = [];
    const running = round(kill, clients).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50 + random.next() * 600));
    hub.signal('SIGKILL');
    await hub.ended;
    await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    for (const client of clients) client.end(true);
    hub = await startHub(folder.path, { ...ENV, ...samePorts(hub) });
    const after = await listed();
    // What was stored stays as it was, under its number.
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.map(({ number }) => number)).toEqual(after.map((_, index) => index + 1));
    before = after;
  }
  const waiting = async () => (await hub.api.get<{ items: { waiting: number }[] }>('/notifiers')).items[0]?.waiting;
  const told = (state: string) => new Set(received.filter(({ body }) => isOf(body, state)).map(({ key }) => key.split('-')[0]));
  const events = (await listed()).filter(({ alert }) => alert.device !== '');
  const fired = events.filter(({ change }) => change === 'firing').map(({ alert }) => alert.id);
  await until('the outbox to be empty', async () => (await waiting()) === 0, 120_000);
  expect(fired.filter((id) => !told('firing').has(id))).toEqual([]);
  const ended = events.filter(({ change }) => change === 'resolved').map(({ alert }) => alert.id);
  expect(ended.filter((id) => !told('resolved').has(id))).toEqual([]);
  const distinct = new Map<string, Received>();
  for (const one of received) distinct.set(one.key, one);
  const firstKeys = [...distinct.keys()].filter((key) => key.includes('-firing-'));
  expect(new Set(firstKeys.map((key) => key.split('-')[0])).size).toBe(firstKeys.length);
  const again = received.length - distinct.size;
  console.log(
    `figure: ${events.length} events, ${fired.length} fired, ${received.length} notices (${again} again under their key), ${KILLS} kills`,
  );
  expect(fired.length).toBeGreaterThan(KILLS);
});

const isOf = (body: string, state: string): boolean => {
  const { resolved } = JSON.parse(body) as { resolved: boolean };
  return resolved === (state === 'resolved');
};
