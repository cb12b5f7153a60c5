import { topicOf } from '@muster/shared/wire/topics';
import type { IClientOptions, MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, BusHandlers } from './bus.js';
import { connectAgent, createRecorder, type Recorder, until } from './testing.js';

type Open = (handlers: BusHandlers) => Promise<{ bus: Bus; url: string }>;

interface Bench {
  bus: Bus;
  url: string;
  hub: Recorder;
  clients: MqttClient[];
  agent(id: string, options?: IClientOptions): Promise<MqttClient>;
}

/** What every bus keeps to; `open` answers a started bus and the address of its plain listener. */
export const describeBus = (name: string, open: Open): void => {
  describe(`bus ${name}`, () => {
    const bench = {} as Bench;
    beforeEach(async () => {
      const hub = createRecorder(['rig', 'carrier', 'other']);
      const clients: MqttClient[] = [];
      const agent = async (id: string, options: IClientOptions = {}): Promise<MqttClient> => {
        const client = await connectAgent(bench.url, id, options);
        clients.push(client);
        return client;
      };
      Object.assign(bench, { ...(await open(hub)), hub, clients, agent });
    });
    afterEach(async () => {
      for (const client of bench.clients) client.end(true);
      await bench.bus.stop();
    });
    takesMessages(bench);
    sendsPubacks(bench);
    refusesStrangers(bench);
    keepsTopicsApart(bench);
    tellsOfEnds(bench);
  });
};

const takesMessages = (bench: Bench): void => {
  it('tells of the connection before its first message, and hands messages over as they came', async () => {
    const client = await bench.agent('rig', { keepalive: 7 });
    await client.publishAsync(topicOf('rig', 'birth'), '{"a":1}', { qos: 1 });
    await client.publishAsync(topicOf('rig', 'report'), Buffer.from([0, 255, 7]), { qos: 0 });
    await until(() => bench.hub.messages.length === 2);
    expect(bench.hub.story).toEqual(['opened rig', 'received rig birth', 'received rig report']);
    expect(bench.hub.messages[0]).toMatchObject({ device: 'rig', kind: 'birth', text: '{"a":1}' });
    expect([...(bench.hub.messages[1]?.payload ?? [])]).toEqual([0, 255, 7]);
    expect(bench.hub.links[0]).toMatchObject({ keepalive_s: 7, grant: { agent: 'rig' } });
    expect(bench.bus.counts()).toMatchObject({ connections: 1, received: 2 });
  });

  it('survives a client that is gone before its message is done with, and a message that is done with twice', async () => {
    bench.hub.answer = 'hold';
    const client = await bench.agent('rig');
    client.publish(topicOf('rig', 'report'), 'x', { qos: 1 }, () => {});
    await until(() => bench.hub.messages.length === 1);
    client.end(true);
    await until(() => bench.hub.ends.length === 1);
    bench.hub.messages[0]?.done('ack');
    bench.hub.messages[0]?.done('close');
    bench.hub.answer = 'ack';
    const next = await bench.agent('rig');
    await next.publishAsync(topicOf('rig', 'report'), 'y', { qos: 1 });
    expect(bench.hub.messages.map((message) => message.text)).toEqual(['x', 'y']);
  });
};

const sendsPubacks = (bench: Bench): void => {
  it('sends PUBACK only after the message is done with', async () => {
    bench.hub.answer = 'hold';
    const client = await bench.agent('rig');
    let acked = false;
    const sent = client.publishAsync(topicOf('rig', 'report'), 'x', { qos: 1 }).then(() => {
      acked = true;
    });
    await until(() => bench.hub.messages.length === 1);
    expect(acked).toBe(false);
    bench.hub.messages[0]?.done('ack');
    await sent;
  });

  it('sends PUBACKs in the order of arrival, however they are done', async () => {
    bench.hub.answer = 'hold';
    const client = await bench.agent('rig');
    const acked: number[] = [];
    const sent = [0, 1, 2].map((n) =>
      client.publishAsync(topicOf('rig', 'report'), `${n}`, { qos: 1 }).then(() => acked.push(n)),
    );
    await until(() => bench.hub.messages.length === 3);
    for (const n of [2, 1, 0]) bench.hub.messages[n]?.done('ack');
    await Promise.all(sent);
    expect(acked).toEqual([0, 1, 2]);
  });

  it('ends the connection without PUBACK when told to', async () => {
    bench.hub.answer = 'hold';
    const client = await bench.agent('rig');
    let acked = false;
    client.publish(topicOf('rig', 'report'), 'x', { qos: 1 }, (error) => {
      acked = !error;
    });
    await until(() => bench.hub.messages.length === 1);
    bench.hub.messages[0]?.done('close');
    await until(() => bench.hub.ends.length === 1 && !client.connected);
    expect(acked).toBe(false);
    expect(bench.hub.ends[0]?.reason).toBe('hub');
  });
};

const refusesStrangers = (bench: Bench): void => {
  it('refuses a wrong key and an unknown device, and counts both', async () => {
    await expect(connectAgent(bench.url, 'rig', { password: 'guess' })).rejects.toThrow();
    await expect(connectAgent(bench.url, 'nobody')).rejects.toThrow();
    expect(bench.hub.refusals.map(({ reason, agent }) => [reason, agent])).toEqual([
      ['wrong_key', 'rig'],
      ['wrong_key', 'nobody'],
    ]);
    expect(bench.bus.counts().refused.wrong_key).toBe(2);
    expect(bench.hub.story).toEqual([]);
  });

  it('refuses a good key under the client id of another, who stays connected', async () => {
    const victim = await bench.agent('rig');
    await expect(connectAgent(bench.url, 'other', { clientId: 'rig' })).rejects.toThrow();
    await victim.publishAsync(topicOf('rig', 'report'), 'still here', { qos: 1 });
    expect(bench.hub.ends).toEqual([]);
  });

  it('takes a will on the own status topic, and lets no will speak', async () => {
    const payload = Buffer.from('{"boot":"abcdefgh","session":1,"state":"lost"}');
    const client = await bench.agent('rig', { will: { topic: topicOf('rig', 'status'), payload, qos: 1 } });
    client.stream.destroy();
    await until(() => bench.hub.ends.length === 1);
    const bad = [
      { topic: topicOf('other', 'status'), payload },
      { topic: topicOf('rig', 'report'), payload },
      { topic: 'muster/v1/#', payload },
      { topic: topicOf('rig', 'status'), payload: Buffer.from('{') },
      { topic: topicOf('rig', 'status'), payload, retain: true },
    ];
    for (const will of bad) await expect(connectAgent(bench.url, 'rig', { will: { qos: 1, ...will } })).rejects.toThrow();
    expect(bench.hub.refusals.map((refusal) => refusal.reason)).toEqual(bad.map(() => 'bad_will'));
    expect(bench.hub.messages).toEqual([]);
    expect(bench.hub.ends).toHaveLength(1);
  });
};

const keepsTopicsApart = (bench: Bench): void => {
  const FOREIGN = [
    topicOf('other', 'report'),
    topicOf('rig', 'command'),
    topicOf('rig', 'status'),
    'muster/v1/rig/unheard-of',
    'muster/v1/rig/report/deeper',
    'muster/v1//report',
    'muster/v2/rig/report',
    '$SYS/x/new/clients',
    'anything',
  ];

  it.each(FOREIGN)('ends a connection that publishes %s, and reports it', async (topic) => {
    const client = await bench.agent('rig');
    client.publish(topic, 'rig', { qos: 1 }, () => {});
    await until(() => bench.hub.ends.length === 1);
    expect(bench.hub.messages).toEqual([]);
    expect(bench.hub.refusals).toMatchObject([{ reason: 'foreign_topic', agent: 'rig' }]);
    expect(bench.bus.counts().refused.foreign_topic).toBe(1);
  });

  it('takes reports of a carried device, and of its other kinds none', async () => {
    const client = await bench.agent('carrier');
    await client.publishAsync(topicOf('hotspot', 'report'), 'x', { qos: 1 });
    expect(bench.hub.messages[0]).toMatchObject({ device: 'hotspot', kind: 'report' });
    client.publish(topicOf('hotspot', 'birth'), 'x', { qos: 1 }, () => {});
    await until(() => bench.hub.ends.length === 1);
    expect(bench.hub.messages).toHaveLength(1);
  });

  it('grants the own command topic alone, and brings a command to that agent only', async () => {
    const [rig, other] = [await bench.agent('rig'), await bench.agent('other')];
    const heard: string[] = [];
    rig.on('message', (topic, payload) => heard.push(`rig ${topic} ${payload}`));
    other.on('message', (topic, payload) => heard.push(`other ${topic} ${payload}`));
    expect(bench.bus.command('rig', { id: '0' })).toBe(false);
    await rig.subscribeAsync(topicOf('rig', 'command'), { qos: 1 });
    for (const filter of ['#', '+/v1/rig/command', 'muster/v1/+/command', '$SYS/#', topicOf('rig', 'command')])
      await expect(other.subscribeAsync(filter)).rejects.toThrow();
    await other.subscribeAsync(topicOf('other', 'command'), { qos: 1 });
    expect(bench.bus.command('rig', { id: '1', command: 'time' })).toBe(true);
    await until(() => heard.length > 0);
    expect(bench.bus.command('nobody', {})).toBe(false);
    await other.publishAsync(topicOf('other', 'report'), 'x', { qos: 1 });
    expect(heard).toEqual([`rig ${topicOf('rig', 'command')} {"id":"1","command":"time"}`]);
    expect(bench.hub.refusals[0]).toMatchObject({ reason: 'foreign_subscription', agent: 'other' });
  });
};

const tellsOfEnds = (bench: Bench): void => {
  it('tells how a connection ended: said goodbye, lost, closed by the hub', async () => {
    await (await bench.agent('rig')).endAsync();
    await until(() => bench.hub.ends.length === 1);
    (await bench.agent('rig')).stream.destroy();
    await until(() => bench.hub.ends.length === 2);
    await bench.agent('rig');
    bench.bus.disconnect('rig');
    await until(() => bench.hub.ends.length === 3);
    expect(bench.hub.ends.map((end) => end.reason)).toEqual(['clean', 'lost', 'hub']);
    expect(new Set(bench.hub.links.map((link) => link.id)).size).toBe(3);
    expect(bench.bus.counts().connections).toBe(0);
  });

  it('lets the newer connection of an id take over, and tells of the older one first', async () => {
    const old = await bench.agent('rig');
    const fresh = await bench.agent('rig');
    await fresh.publishAsync(topicOf('rig', 'report'), 'x', { qos: 1 });
    await until(() => !old.connected);
    expect(bench.hub.story).toEqual(['opened rig', 'closed rig taken_over', 'opened rig', 'received rig report']);
    expect(bench.bus.counts().connections).toBe(1);
  });

  it('ends every connection as closed by the hub when it stops, and may be stopped twice', async () => {
    await bench.agent('rig');
    await bench.agent('other');
    await bench.bus.stop();
    await bench.bus.stop();
    expect(bench.hub.ends.map((end) => end.reason)).toEqual(['hub', 'hub']);
  });
};
