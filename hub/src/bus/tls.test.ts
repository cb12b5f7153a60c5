import { connect as connectTcp } from 'node:net';
import { createSystemClock } from '@muster/shared/clock';
import { silentLog } from '@muster/shared/log';
import { topicOf } from '@muster/shared/wire/topics';
import { generate } from 'selfsigned';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from './bus.js';
import { createEmbeddedBus } from './embedded.js';
import type { BusLimits } from './limits.js';
import { connectAgent, connectRaw, createRecorder, until } from './testing.js';

describe('TLS listener of the embedded bus', () => {
  let tls: { key: string; cert: string };
  let bus: Bus;
  const hub = createRecorder(['rig']);
  const trusting = { rejectUnauthorized: false };

  beforeAll(async () => {
    const made = await generate([{ name: 'commonName', value: 'hub' }], { keyType: 'ec', algorithm: 'sha256' });
    tls = { key: made.private, cert: made.cert };
  });
  afterEach(() => bus.stop());
  const start = async (limits: Partial<BusLimits> = {}): Promise<string> => {
    bus = createEmbeddedBus(
      { handlers: hub, log: silentLog, clock: createSystemClock(), tls },
      { mqtt: null, mqtts: { host: '127.0.0.1', port: 0 }, limits },
    );
    await bus.start();
    expect(Object.keys(bus.addresses())).toEqual(['mqtts']);
    return bus.addresses().mqtts ?? '';
  };

  it('serves agents over TLS, and tells of their end', async () => {
    const client = await connectAgent(await start(), 'rig', trusting);
    await client.publishAsync(topicOf('rig', 'report'), 'x', { qos: 1 });
    expect(hub.messages.at(-1)).toMatchObject({ device: 'rig', text: 'x', link: { remote: '127.0.0.1' } });
    await client.endAsync();
    await until(() => hub.ends.length === 1);
    expect(hub.ends[0]?.reason).toBe('clean');
  });

  it('outlives plain bytes, half handshakes and connections above the cap', async () => {
    const url = await start({ sockets_from_loopback: 3, connect_ms: 300 });
    const garbage = await connectRaw(url);
    garbage.send(Buffer.from('no TLS at all, and quite a lot of it'));
    const half = await connectRaw(url);
    half.send(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]));
    await until(() => garbage.closed() && half.closed());
    const { hostname, port } = new URL(url);
    const many = Array.from({ length: 10 }, () => connectTcp(Number(port), hostname).on('error', () => {}));
    await until(() => many.filter((socket) => socket.destroyed || socket.readableEnded).length >= 7);
    for (const socket of many) socket.destroy();
    await until(() => hub.refusals.some((refusal) => refusal.reason === 'too_many_tries'));
    await until(() => many.every((socket) => socket.destroyed));
    let client = null;
    while (!client) client = await connectAgent(url, 'rig', trusting).catch(() => null);
    await client.publishAsync(topicOf('rig', 'report'), 'y', { qos: 1 });
    client.end(true);
  });
});
