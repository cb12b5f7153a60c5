import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolder, type RunningHub, startHub, until } from '../testing/processes.js';

/** A script with any MQTT client and a device key. */
const folder = makeFolder();
const DEVICE = 'esp32';
let hub: RunningHub;
let key: string;

beforeAll(async () => {
  hub = await startHub(folder.path, { MUSTER_STORE_COMMIT_MS: '100' });
  const { token } = await hub.api.post<{ token: string }>('/invites', { device: DEVICE });
  key = (await hub.api.post<{ key: string }>('/join', { token, device: DEVICE })).key;
}, 60_000);

afterAll(async () => {
  await hub?.stop();
  folder.remove();
});

const connect = () =>
  mqtt.connectAsync(hub.addresses.mqtt, { clientId: DEVICE, username: DEVICE, password: key, keepalive: 5, reconnectPeriod: 0 });

const latest = async () =>
  (await hub.api.get<{ values: { metric: string; labels: object; value: number }[] }>(`/devices/${DEVICE}/latest`)).values;

it('posts a named report that shows', async () => {
  const client = await connect();
  await client.publishAsync(`muster/v1/${DEVICE}/report`, JSON.stringify({ metrics: { 'hw.temperature{zone=shed}': 21.5 } }), {
    qos: 1,
  });
  await client.endAsync();
  expect(await latest()).toMatchObject([{ metric: 'hw.temperature', labels: { zone: 'shed' }, value: 21.5 }]);
  const device = await hub.api.get<{ state: string }>(`/devices/${DEVICE}`);
  expect(device.state).toBe('online');
});

it.each([
  ['muster/v1/other/report'],
  [`muster/v1/${DEVICE}/command`],
  [`muster/v1/${DEVICE}/status`],
  ['$SYS/x/new/clients'],
  ['anything'],
])('cannot publish %s', async (topic) => {
  const client = await connect();
  client.on('error', () => {});
  const closed = new Promise((resolve) => client.on('close', () => resolve('closed')));
  client.publish(topic, '{}', { qos: 1 });
  expect(await closed).toBe('closed');
  client.end(true);
});

it.each([['muster/v1/+/report'], ['#'], ['$SYS/#'], ['muster/v1/other/command']])('cannot subscribe %s', async (topic) => {
  const client = await connect();
  client.on('error', () => {});
  const closed = new Promise((resolve) => client.on('close', () => resolve('refused')));
  const granted = client.subscribeAsync(topic, { qos: 0 }).then(
    (grants) => (grants.every(({ qos }) => qos === 128) ? 'refused' : 'granted'),
    () => 'refused',
  );
  expect(await Promise.race([granted, closed])).toBe('refused');
  client.end(true);
});

it('is refused with a wrong key, counted, and others are served on', async () => {
  const wrong = mqtt.connectAsync(hub.addresses.mqtt, {
    clientId: DEVICE,
    username: DEVICE,
    password: 'wrong',
    reconnectPeriod: 0,
  });
  await expect(wrong).rejects.toThrow();
  const reply = await fetch(`${hub.access.url}/metrics`, { headers: { authorization: `Bearer ${hub.access.token}` } });
  expect(await reply.text()).toMatch(/muster_refused_total\{reason="wrong_key"\} [1-9]/);
  const client = await connect();
  await client.endAsync();
});

it('sees a poison payload acknowledged and kept in quarantine', async () => {
  const client = await connect();
  await client.publishAsync(`muster/v1/${DEVICE}/report`, 'not json', { qos: 1 });
  await client.publishAsync(`muster/v1/${DEVICE}/report`, JSON.stringify({ metrics: { 'a.b': 1 } }), { qos: 1 });
  await client.endAsync();
  const items = await until('the quarantine', async () => {
    const page = await hub.api.get<{ items: { device: string; reason: string }[] }>('/quarantine');
    return page.items.length > 0 && page.items;
  });
  expect(items[0]).toMatchObject({ device: DEVICE, reason: 'not_json' });
});

it('says that a reward source fails, and what came of a command, where an operator sees it', async () => {
  const client = await connect();
  const say = (seq: number, event: string, detail: string) =>
    client.publishAsync(
      `muster/v1/${DEVICE}/event`,
      JSON.stringify({ boot: 'abcdefgh', seq, ts: Date.now() + seq, event, detail }),
      { qos: 1 },
    );
  const sources = async () => (await hub.api.get<{ items: { id: string }[] }>('/networks')).items;
  await say(1, 'source_failed', 'storj: it did not answer');
  const failed = { device: DEVICE, network: 'storj', state: 'failed', last_error: 'it did not answer' };
  expect(await sources()).toMatchObject([failed]);
  expect((await sources())[0]?.id).toMatch(/^[\w-]+$/);
  await say(2, 'source_recovered', 'storj');
  expect(await sources()).toEqual([]);
  await client.publishAsync(`muster/v1/${DEVICE}/result`, JSON.stringify({ id: 'c1', ok: false, detail: 'not allowed' }), {
    qos: 1,
  });
  await until('the result in the log', () => hub.output().includes('"detail":"not allowed"'));
  await client.endAsync();
});
