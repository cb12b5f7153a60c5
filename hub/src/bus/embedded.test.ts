import { createServer } from 'node:net';
import { createSystemClock } from '@muster/shared/clock';
import { silentLog } from '@muster/shared/log';
import { topicOf } from '@muster/shared/wire/topics';
import { afterEach, describe, expect, it } from 'vitest';
import type { Bus, BusHandlers } from './bus.js';
import { describeBus } from './conformance.js';
import { createEmbeddedBus } from './embedded.js';
import type { BusLimits } from './limits.js';
import { connectAgent, connectRaw, createRecorder, raw, until } from './testing.js';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
const open = async (handlers: BusHandlers, limits: Partial<BusLimits> = {}) => {
  const bus = createEmbeddedBus(
    { handlers, log: silentLog, clock: createSystemClock(), tls: null },
    { mqtt: LOOPBACK, mqtts: null, limits },
  );
  await bus.start();
  return { bus, url: bus.addresses().mqtt ?? '' };
};

describeBus('embedded', open);

describe('embedded bus', () => {
  let running: Bus[] = [];
  afterEach(async () => {
    await Promise.all(running.map((bus) => bus.stop()));
    running = [];
  });
  const start = async (limits: Partial<BusLimits> = {}) => {
    const hub = createRecorder(['rig', 'other']);
    const opened = await open(hub, limits);
    running.push(opened.bus);
    return { hub, ...opened };
  };
  const login = async (url: string, agent = 'rig') => {
    const client = await connectRaw(url);
    client.send(raw.connect(agent));
    await until(() => client.replies.includes('connack 0'));
    return client;
  };

  it('says which setting to change when its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const bus = createEmbeddedBus(
      { handlers: createRecorder([]), log: silentLog, clock: createSystemClock(), tls: null },
      { mqtt: { host: '127.0.0.1', port }, mqtts: null },
    );
    await expect(bus.start()).rejects.toMatchObject({
      code: 'bad_settings',
      message: expect.stringMatching(new RegExp(`${port}.*in use.*mqtt\\.port \\(MUSTER_MQTT_PORT\\).*0 for any free one`)),
    });
    await new Promise((resolve) => other.close(resolve));
  });

  it('names the host setting when the address is not of this machine', async () => {
    const bus = createEmbeddedBus(
      { handlers: createRecorder([]), log: silentLog, clock: createSystemClock(), tls: null },
      { mqtt: { host: '192.0.2.1', port: 0 }, mqtts: null },
    );
    await expect(bus.start()).rejects.toMatchObject({ code: 'bad_settings', details: { path: 'mqtt.host' } });
  });

  it('answers pings while two PUBACKs are held for far longer than the keepalive', async () => {
    const { hub, url } = await start();
    hub.answer = 'hold';
    const client = await connectAgent(url, 'rig', { keepalive: 1, reschedulePings: false });
    let pings = 0;
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'pingresp') pings += 1;
    });
    const sent = [0, 1].map((n) => client.publishAsync(topicOf('rig', 'report'), `${n}`, { qos: 1 }));
    await until(() => pings >= 3);
    expect(hub.ends).toEqual([]);
    for (const message of hub.messages) message.done('ack');
    await Promise.all(sent);
    client.end(true);
  });

  it('answers pings while fifty messages are held', async () => {
    const { hub, url } = await start();
    hub.answer = 'hold';
    const client = await login(url);
    for (let n = 1; n <= 50; n++) client.send(raw.publish(topicOf('rig', 'report'), `${n}`, n));
    await until(() => hub.messages.length === 50);
    for (let n = 1; n <= 5; n++) {
      client.send(raw.ping);
      await until(() => client.replies.filter((reply) => reply === 'pingresp').length === n);
    }
    for (const message of [...hub.messages].reverse()) message.done('ack');
    await until(() => client.replies.length === 56);
    expect(client.replies.slice(6)).toEqual(Array.from({ length: 50 }, (_, n) => `puback ${n + 1}`));
    client.socket.destroy();
  });

  it('stops reading a client at its cap of held messages, and reads on as they are done with', async () => {
    const { hub, url } = await start({ held_messages: 10 });
    hub.answer = 'hold';
    const client = await login(url);
    // 64 kB each, so that a read holds one packet and the cap is met between two reads.
    const payload = 'x'.repeat(64_000);
    for (let n = 1; n <= 25; n++) client.send(raw.publish(topicOf('rig', 'report'), payload, n));
    await until(() => hub.messages.length >= 10);
    client.send(raw.ping);
    const most = hub.messages.length;
    expect(most).toBeLessThan(14);
    let next = 0;
    while (next < 25) {
      await until(() => hub.messages.length > next);
      hub.messages[next++]?.done('ack');
    }
    await until(() => client.replies.includes('pingresp') && client.replies.includes('puback 25'));
    client.socket.destroy();
  });

  it('stops reading who holds messages while all together hold too much, serves the others, and reads on after', async () => {
    const { hub, url } = await start({ held_bytes_total: 100_000 });
    hub.answer = 'hold';
    const [greedy, modest] = [await login(url), await login(url, 'other')];
    const payload = 'x'.repeat(64_000);
    for (let n = 1; n <= 6; n++) greedy.send(raw.publish(topicOf('rig', 'report'), payload, n));
    await until(() => hub.messages.length >= 2);
    modest.send(raw.ping, raw.publish(topicOf('other', 'report'), 'small', 1));
    await until(() => modest.replies.includes('pingresp') && hub.messages.some((message) => message.device === 'other'));
    expect(hub.messages.length).toBeLessThan(6);
    hub.answer = 'ack';
    for (const message of [...hub.messages]) message.done('ack');
    await until(() => greedy.replies.includes('puback 6') && modest.replies.includes('puback 1'));
    for (const client of [greedy, modest]) client.socket.destroy();
  });

  it('takes every message once and in order, however its bytes are cut and whatever stands between them', async () => {
    const { hub, url } = await start();
    const client = await login(url);
    const [own, event] = [topicOf('rig', 'report'), topicOf('rig', 'event')];
    const packets: Buffer[] = [];
    for (let n = 1; n <= 300; n++) {
      packets.push(raw.publish(n % 7 === 0 ? event : own, `${n} ${'x'.repeat((n * 37) % 400)}`, n));
      if (n % 5 === 0) packets.push(raw.ping);
    }
    const bytes = Buffer.concat(packets);
    for (let at = 0, size = 1; at < bytes.length; at += size, size = ((size * 31) % 900) + 1) {
      client.send(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => client.replies.filter((reply) => reply.startsWith('puback')).length === 300);
    expect(hub.messages.map(({ text }) => Number.parseInt(text, 10))).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
    expect(client.replies.filter((reply) => reply.startsWith('puback'))).toEqual(
      Array.from({ length: 300 }, (_, n) => `puback ${n + 1}`),
    );
    expect(client.replies.filter((reply) => reply === 'pingresp')).toHaveLength(60);
    client.socket.destroy();
  });

  it('while the store is behind, reads on who holds what an agent has in flight, and nobody beyond', async () => {
    const { hub, bus, url } = await start();
    hub.answer = 'hold';
    const [greedy, honest] = [await login(url), await login(url, 'other')];
    bus.press(true);
    for (let n = 1; n <= 3; n++) greedy.send(raw.publish(topicOf('rig', 'report'), 'x', n));
    await until(() => hub.messages.length === 3);
    greedy.send(raw.publish(topicOf('rig', 'report'), 'later', 4));
    for (let n = 1; n <= 2; n++) honest.send(raw.publish(topicOf('other', 'report'), 'x', n));
    honest.send(raw.ping);
    await until(() => honest.replies.includes('pingresp') && hub.messages.length === 5);
    expect(hub.messages.some(({ text }) => text === 'later')).toBe(false);
    bus.press(false);
    hub.answer = 'ack';
    for (const message of [...hub.messages]) message.done('ack');
    await until(() => greedy.replies.includes('puback 4') && honest.replies.includes('puback 2'));
    for (const client of [greedy, honest]) client.socket.destroy();
  });

  it('closes a client that leaves its acknowledgements unread', async () => {
    const { hub, url } = await start({ unread_bytes: 1_000 });
    const client = await login(url);
    client.socket.pause();
    const pings = Buffer.concat(Array(50_000).fill(raw.ping));
    for (let n = 0; n < 400 && hub.ends.length === 0; n++) {
      client.socket.write(pings);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => hub.ends.length === 1);
    expect(hub.refusals).toMatchObject([{ reason: 'too_slow', agent: 'rig' }]);
    client.socket.destroy();
  });

  it('slows a client down to its byte rate and loses nothing', async () => {
    const { hub, url } = await start({ burst_bytes: 100_000, bytes_per_s: 400_000 });
    const client = await login(url);
    const payload = 'x'.repeat(20_000);
    const started = performance.now();
    for (let n = 1; n <= 20; n++) client.send(raw.publish(topicOf('rig', 'report'), payload, n));
    await until(() => client.replies.includes('puback 20'));
    expect(hub.messages).toHaveLength(20);
    expect(performance.now() - started).toBeGreaterThan(300);
    client.socket.destroy();
  });

  it('hands a duplicate over like any other message: the store knows its key', async () => {
    const { hub, url } = await start();
    const client = await login(url);
    const topic = topicOf('rig', 'report');
    client.send(raw.publish(topic, 'a', 1), raw.publish(topic, 'a', 1, { dup: true }));
    await until(() => hub.messages.length === 2);
    await until(() => client.replies.filter((reply) => reply === 'puback 1').length === 2);
    client.socket.destroy();
  });

  it('serves QoS 2 with PUBREC after the message is done with, for more messages than a window holds', async () => {
    const { hub, url } = await start();
    const client = await login(url);
    for (let n = 1; n <= 1_500; n++) {
      client.send(raw.publish(topicOf('rig', 'report'), `${n}`, n, { qos: 2 }), raw.pubrel(n));
      if (n % 500 === 0) await until(() => client.replies.includes(`pubcomp ${n}`));
    }
    expect(hub.messages).toHaveLength(1_500);
    client.socket.destroy();
  });

  it('keeps no retained message', async () => {
    const { hub, bus, url } = await start();
    const client = await connectAgent(url, 'rig');
    await client.publishAsync(topicOf('rig', 'report'), 'x', { qos: 1, retain: true });
    expect(hub.messages).toHaveLength(1);
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    await client.subscribeAsync(topicOf('rig', 'command'), { qos: 1 });
    bus.command('rig', { id: '1', command: 'time' });
    await until(() => heard.length === 1);
    expect(heard).toEqual([topicOf('rig', 'command')]);
    client.end(true);
  });

  it('tells a silent connection from a lost one', async () => {
    const { hub, url } = await start();
    const client = await connectRaw(url);
    client.send(raw.connect('rig', { keepalive: 1 }));
    await until(() => hub.ends.length === 1);
    expect(hub.ends[0]?.reason).toBe('keepalive');
    expect(client.closed() || client.socket.readableEnded).toBe(true);
  });

  it('does not let a handler that throws end anything but that connection', async () => {
    const { hub, url } = await start();
    const received = hub.received;
    hub.received = (link, message, done) => {
      if (link.grant.agent === 'other') throw new Error('handler');
      received(link, message, done);
    };
    const [rig, other] = [await connectAgent(url, 'rig'), await connectAgent(url, 'other')];
    other.publish(topicOf('other', 'report'), 'x', { qos: 1 }, () => {});
    await until(() => hub.ends.length === 1);
    await rig.publishAsync(topicOf('rig', 'report'), 'x', { qos: 1 });
    expect(hub.ends).toMatchObject([{ agent: 'other', reason: 'hub' }]);
    rig.end(true);
  });

  it('may be started again after a stop', async () => {
    const { bus, hub } = await start();
    await bus.stop();
    await bus.start();
    const client = await connectAgent(bus.addresses().mqtt ?? '', 'rig');
    await client.publishAsync(topicOf('rig', 'report'), 'x', { qos: 1 });
    expect(hub.messages).toHaveLength(1);
    client.end(true);
  });
});
