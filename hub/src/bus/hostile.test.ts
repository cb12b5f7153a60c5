import { createSystemClock } from '@muster/shared/clock';
import { silentLog } from '@muster/shared/log';
import { topicOf } from '@muster/shared/wire/topics';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bus } from './bus.js';
import { createEmbeddedBus } from './embedded.js';
import type { BusLimits } from './limits.js';
import { connectAgent, connectRaw, createRecorder, keyOf, type RawClient, type Recorder, raw, until } from './testing.js';

/** One hostile connection must not hurt the rest: after each of these an honest client is served on. */
describe('hostile clients of the embedded bus', () => {
  let bus: Bus;
  let hub: Recorder;
  let url: string;
  const faults: unknown[] = [];
  const fault = (error: unknown) => void faults.push(error);

  const start = async (limits: Partial<BusLimits> = {}) => {
    bus = createEmbeddedBus(
      { handlers: hub, log: silentLog, clock: createSystemClock(), tls: null },
      { mqtt: { host: '127.0.0.1', port: 0 }, mqtts: null, limits },
    );
    await bus.start();
    url = bus.addresses().mqtt ?? '';
  };

  beforeEach(() => {
    hub = createRecorder(['rig', 'evil', 'constructor']);
    faults.length = 0;
    process.on('uncaughtException', fault);
    process.on('unhandledRejection', fault);
  });
  afterEach(async () => {
    const honest = await connectAgent(url, 'rig');
    await honest.publishAsync(topicOf('rig', 'report'), 'honest', { qos: 1 });
    honest.end(true);
    await bus.stop();
    process.off('uncaughtException', fault);
    process.off('unhandledRejection', fault);
    expect(faults).toEqual([]);
  });

  const send = async (...parts: Uint8Array[]): Promise<RawClient> => {
    const client = await connectRaw(url);
    client.send(...parts);
    return client;
  };
  const login = async (): Promise<RawClient> => {
    const client = await send(raw.connect('evil'));
    await until(() => client.replies.includes('connack 0'));
    return client;
  };
  const reasons = () => hub.refusals.map((refusal) => refusal.reason);

  it('closes a connection whose first bytes are not MQTT', async () => {
    await start();
    const client = await send(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    await until(client.closed);
    expect(reasons()).toEqual(['malformed']);
    expect(hub.refusals[0]).toMatchObject({ agent: null, remote: '127.0.0.1' });
  });

  it('closes a connection that begins with another packet than CONNECT', async () => {
    await start();
    const client = await send(raw.publish(topicOf('rig', 'report'), 'x', 1));
    await until(client.closed);
    expect(reasons()).toEqual(['malformed']);
  });

  it('closes a CONNECT of more than 4 kB at its header', async () => {
    await start();
    const client = await send(raw.header(0x10, 5_000));
    await until(client.closed);
    expect(reasons()).toEqual(['oversize']);
  });

  it('closes a packet that announces 200 MB at its header, logged in or not, and buffers none of it', async () => {
    await start();
    const before = process.memoryUsage().rss;
    const client = await login();
    const flood = Buffer.alloc(1_000_000);
    client.send(raw.header(0x32, 200_000_000));
    for (let n = 0; n < 20 && !client.closed(); n++) client.socket.write(flood);
    await until(client.closed);
    const stranger = await send(raw.header(0x10, 200_000_000));
    await until(stranger.closed);
    expect(reasons()).toEqual(['oversize', 'oversize']);
    expect(hub.ends).toMatchObject([{ agent: 'evil', reason: 'hub' }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  it('closes a connection that sends nothing, or drips its CONNECT, after the login deadline', async () => {
    await start({ connect_ms: 300 });
    const silent = await connectRaw(url);
    const slow = await send(raw.connect('evil').subarray(0, 9));
    await until(() => silent.closed() && slow.closed());
    expect(reasons()).toEqual(['too_slow', 'too_slow']);
  });

  it('closes a connection that holds half a packet for too long', async () => {
    await start({ unfinished_ms: 300 });
    const client = await login();
    client.send(raw.publish(topicOf('evil', 'report'), 'x'.repeat(500), 1).subarray(0, 100));
    await until(client.closed);
    expect(hub.refusals).toMatchObject([{ reason: 'too_slow', agent: 'evil' }]);
    expect(hub.messages).toEqual([]);
  });

  it('refuses MQTT 5 by its CONNACK code, keepalive 0 and above the limit, and a session that shall last', async () => {
    await start();
    const five = await send(raw.connect('evil', { level: 5 }));
    await until(() => five.replies.length === 1 && five.closed());
    expect(five.replies).toEqual(['connack 1']);
    for (const keepalive of [0, 121]) {
      const client = await send(raw.connect('evil', { keepalive }));
      await until(client.closed);
    }
    await expect(connectAgent(url, 'evil', { clean: false })).rejects.toThrow();
    expect(reasons()).toEqual(['malformed', 'malformed', 'malformed', 'malformed']);
    expect(hub.links).toEqual([]);
  });

  it('refuses ids that are names of the language, or no device ids', async () => {
    await start();
    for (const id of ['__proto__', 'hasOwnProperty', '', '#', 'a/b', 'x'.repeat(64), '-a', 'Ä']) {
      const client = await send(raw.connect(id, { id, key: keyOf(id) }));
      await until(client.closed);
    }
    expect(hub.links).toEqual([]);
    const odd = await connectAgent(url, 'constructor');
    await odd.publishAsync(topicOf('constructor', 'report'), 'x', { qos: 1 });
    expect(hub.messages[0]?.device).toBe('constructor');
    await odd.endAsync();
  });

  it('stops looking at keys from an address or for an id that failed too often, and lets a known pair in', async () => {
    await start({ tries_per_address: 5, tries_per_address_per_s: 0.001 });
    const honest = await connectAgent(url, 'rig');
    for (let n = 0; n < 5; n++) await expect(connectAgent(url, 'evil', { password: `${n}` })).rejects.toThrow();
    await expect(connectAgent(url, 'evil')).rejects.toThrow();
    expect(reasons()).toEqual([...Array(5).fill('wrong_key'), 'too_many_tries']);
    await honest.endAsync();
    const again = await connectAgent(url, 'rig');
    await again.endAsync();
  });

  it('takes no more connections from one address than its cap, and takes new ones when old ones end', async () => {
    await start({ sockets_from_loopback: 2 });
    const [a, b] = [await connectRaw(url), await connectRaw(url)];
    const third = await connectRaw(url);
    await until(third.closed);
    expect(reasons()).toEqual(['too_many_tries']);
    a.socket.destroy();
    b.socket.destroy();
    await vi.waitFor(() => connectAgent(url, 'rig').then((client) => client.endAsync()), { timeout: 10_000 });
  });

  it('survives deep topics, empty topics, wildcards and broken UTF-8 in topics', async () => {
    await start();
    const topics = ['', '/'.repeat(200), '/'.repeat(30_000), 'muster/v1/+/report', '#', '\u0000', '__proto__'];
    for (const topic of topics) {
      const client = await login();
      client.send(raw.publish(topic, 'x', 1));
      await until(client.closed);
    }
    const client = await login();
    client.send(Buffer.from([0x32, 6, 0, 2, 0xc3, 0x28, 0, 1]));
    await until(client.closed);
    expect(hub.messages).toEqual([]);
  });

  it('closes a second CONNECT, and packets that only a server sends', async () => {
    await start();
    for (const bytes of [raw.connect('evil'), Buffer.from([0x20, 2, 0, 0]), Buffer.from([0x00, 0]), Buffer.from([0xd0, 0])]) {
      const client = await login();
      client.send(bytes);
      await until(client.closed);
    }
    expect(reasons()).toEqual(Array(4).fill('malformed'));
  });

  it('takes nothing after a forbidden topic, even from the same bytes', async () => {
    await start();
    const client = await login();
    const own = topicOf('evil', 'report');
    client.send(raw.publish(own, 'a', 1), raw.publish(topicOf('rig', 'report'), 'b', 2), raw.publish(own, 'c', 3));
    await until(client.closed);
    await until(() => hub.ends.length === 1);
    expect(hub.messages.map((message) => message.text)).toEqual(['a']);
  });

  it('is not hurt by a client that never reads what it asks for', async () => {
    await start();
    const client = await login();
    client.socket.pause();
    const pings = Buffer.concat(Array(50_000).fill(raw.ping));
    client.socket.on('error', () => {});
    for (let n = 0; n < 40; n++) client.socket.write(pings);
    await until(() => hub.ends.length === 1 || client.socket.writableLength === 0, 15_000);
    client.socket.destroy();
    await until(() => hub.ends.length === 1);
  });

  it('outlives thousands of mutated packets while an honest client goes on', async () => {
    await start({ tries_per_address: 100_000, tries_per_id: 100_000 });
    const random = seeded(20_260_801);
    const honest = await connectAgent(url, 'rig');
    const seeds = [
      raw.connect('evil'),
      raw.publish(topicOf('evil', 'report'), '{"metrics":{}}', 7),
      raw.publish(topicOf('evil', 'event'), 'x', 8, { qos: 2 }),
      raw.pubrel(8),
      Buffer.from([0x82, 9, 0, 1, 0, 4, 0x61, 0x2f, 0x62, 0x23, 1]),
      Buffer.from([0xa2, 6, 0, 1, 0, 2, 0x61, 0x62]),
      raw.ping,
    ];
    for (let round = 0; round < 60; round++) {
      const clients = await Promise.all(Array.from({ length: 5 }, () => send(raw.connect('evil'))));
      for (const client of clients)
        for (let n = 0; n < 10; n++) client.send(mutate(seeds[Math.floor(random() * seeds.length)] ?? raw.ping, random));
      if (round % 10 === 0) await honest.publishAsync(topicOf('rig', 'report'), `${round}`, { qos: 1 });
      for (const client of clients) client.socket.end();
      await until(() => clients.every((client) => client.closed()));
    }
    expect(honest.connected).toBe(true);
    expect(hub.messages.filter((message) => message.device === 'rig')).toHaveLength(6);
    expect(hub.messages.every((message) => message.device === 'rig' || message.device === 'evil')).toBe(true);
    await honest.endAsync();
  });
});

/** Mulberry32: the same bytes in every run. */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
};

const mutate = (seed: Uint8Array, random: () => number): Buffer => {
  const bytes = Buffer.from(seed);
  for (let n = 0; n < 1 + random() * 3; n++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  return random() < 0.3 ? bytes.subarray(0, Math.ceil(random() * bytes.length)) : bytes;
};
