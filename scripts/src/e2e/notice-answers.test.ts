import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHubApi, type HubApi } from '../api.js';
import { makeFolder, type RunningHub, startHub, until } from '../testing/processes.js';

/** A real hub, a real receiver of its webhooks, and a second hub that watches the first. */
const [folder, other] = [makeFolder(), makeFolder()];
let hub: RunningHub;
let watcher: RunningHub | null = null;
let receiver: Server;
let viewer: HubApi;
let device: MqttClient;

interface Body {
  event: number;
  title: string;
  resolved: boolean;
  acknowledge?: string;
}
interface Event {
  number: number;
  change: string;
  by: string;
  alert: { id: string; rule: string; why: string; acknowledged: { by: string; comment: string | null } | null };
}
const received: Body[] = [];
/** The receiver is away: it takes nothing. */
let away = false;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    if (!away) received.push(JSON.parse(text) as Body);
    response.writeHead(away ? 404 : 204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '20', MUSTER_PUBLIC_URL: 'https://muster.example.org' });
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  const templates = { title: '{{#if resolved}}over: {{/if}}{{device_name}} {{what}}' };
  await hub.api.post('/notifiers', { id: 'hook', kind: 'webhook', config: { url }, templates });
  const rule = { rule: 'threshold', enabled: true, severity: 'critical', scope: { all: true } };
  const names = ['heat', 'load'];
  const items = names.map((id) => ({ ...rule, id, title: id, config: { metric: `test.${id}`, above: 10, clear: 5, for_ms: 0 } }));
  await hub.api.put('/rules', { items });
  await hub.api.put('/routes', { items: [{ id: 'default', match: {}, group_by: 'none', wait_ms: 0 }] });
  const { token } = await hub.api.post<{ token: string }>('/tokens', { title: 'receiver', role: 'viewer' });
  viewer = createHubApi({ url: hub.access.url, token });
  const { token: invite } = await hub.api.post<{ token: string }>('/invites', { device: 'probe' });
  const { key } = await hub.api.post<{ key: string }>('/join', { token: invite, device: 'probe' });
  const login = { clientId: 'probe', username: 'probe', password: key, reconnectPeriod: 0, keepalive: 60 };
  device = await mqtt.connectAsync(hub.addresses.mqtt, login);
}, 60_000);

afterAll(async () => {
  device?.end(true);
  await watcher?.stop();
  await hub?.stop();
  receiver?.closeAllConnections();
  receiver?.close();
  for (const one of [folder, other]) one.remove();
});

const report = (metric: string, value: number) =>
  device.publishAsync('muster/v1/probe/report', JSON.stringify({ metrics: { [`test.${metric}`]: value } }), { qos: 1 });
const eventsAfter = (number: number) => viewer.get<{ items: Event[]; next?: string }>(`/alerts/events?after=${number}`);

describe('a notice of a running hub', () => {
  it('is worded by its template, and its link acknowledges without a session: a page by GET, done by POST', async () => {
    await report('heat', 50);
    const notice = await until('the notice', () => received.find(({ title }) => title === 'probe heat'));
    const link = new URL(notice.acknowledge ?? '');
    expect(link.origin).toBe('https://muster.example.org');
    const here = new URL(link.pathname + link.search, hub.access.url);
    const page = await fetch(here);
    expect([page.status, (await page.text()).includes('<form method="post"')]).toEqual([200, true]);
    expect((await eventsAfter(notice.event)).items.filter(({ change }) => change === 'acknowledged')).toEqual([]);
    expect((await fetch(here, { method: 'POST', body: new URLSearchParams() })).status).toBe(200);
    const { items } = await eventsAfter(notice.event);
    expect(items).toMatchObject([
      { change: 'acknowledged', by: 'notice:hook', alert: { acknowledged: { comment: 'Acknowledged from the notice' } } },
    ]);
    expect((await fetch(`${here.href}x`, { method: 'POST' })).status).toBe(404);
  });

  it('carries its event number: a receiver that missed three events takes up from the last it knows, with a viewer token', async () => {
    const last = Math.max(...received.map(({ event }) => event));
    const known = (await eventsAfter(last)).items.at(-1)?.number ?? last;
    away = true;
    await report('load', 50);
    const fired = await until('the second alert', async () =>
      (await eventsAfter(known)).items.find(({ change, alert }) => change === 'firing' && alert.rule === 'load'),
    );
    await hub.api.post(`/alerts/${fired.alert.id}/acknowledge`, { comment: 'on my way' });
    await report('load', 1);
    const about = (items: Event[]) => items.filter(({ alert }) => alert.rule === 'load' && alert.id === fired.alert.id);
    await until('its end', async () => about((await eventsAfter(known)).items).some(({ change }) => change === 'resolved'));
    expect(received.every(({ event }) => event <= known)).toBe(true);
    away = false;
    // Page by page, as a receiver with little room would.
    const missed: Event[] = [];
    for (let after: string | undefined = String(known); after !== undefined; ) {
      const page: { items: Event[]; next?: string } = await viewer.get(`/alerts/events?after=${after}&limit=2`);
      missed.push(...page.items);
      after = page.next;
    }
    expect(missed.map(({ number }) => number)).toEqual(missed.map((_, index) => known + 1 + index));
    expect(about(missed).map(({ change }) => change)).toEqual(
      ['pending', 'firing', 'acknowledged', 'resolved'].slice(-about(missed).length),
    );
    expect(about(missed).length).toBeGreaterThanOrEqual(3);
    await expect(viewer.post(`/alerts/${fired.alert.id}/acknowledge`, {})).rejects.toThrow();
  });
});

it('a hub that dies is an alert on the hub that watches it, and so is one that falls silent', { timeout: 120_000 }, async () => {
  watcher = await startHub(other.path, { MUSTER_STORE_COMMIT_MS: '20' });
  const { api } = watcher;
  await api.post('/watches', { title: 'Barn', url: hub.addresses.http, every_s: 10 });
  const { heartbeat } = await api.post<{ heartbeat: string }>('/watches', { title: 'Attic', every_s: 10 });
  await hub.api.put('/notifiers/heartbeat', { url: heartbeat.replace(/^https:\/\/[^/]+/, watcher.addresses.http), every_s: 10 });
  const states = async () => (await api.get<{ items: { state: string }[] }>('/watches')).items.map(({ state }) => state);
  await until('both are well', async () => (await states()).join() === 'ok,ok');
  hub.signal('SIGKILL');
  const alerts = async () => (await api.get<{ items: { why: string; severity: string }[] }>('/alerts?state=firing')).items;
  await until(
    'both are alerts',
    async () => (await alerts()).filter(({ why }) => /^The hub (Barn|Attic)/.test(why)).length === 2,
    90_000,
  );
  expect((await alerts()).map(({ severity }) => severity)).toEqual(['critical', 'critical']);
  expect(await states()).toEqual(['away', 'away']);
});
