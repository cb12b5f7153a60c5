/** Devices of a fleet whose values cross a level now and then, and the WebSocket on which that is heard. */
import { AppError } from '@muster/shared/errors';
import { bootIdFrom, idOfColumns } from '@muster/shared/wire/codec';
import type { LiveAlertEvent } from '@muster/shared/wire/live';
import { topicOf } from '@muster/shared/wire/topics';
import WebSocket from 'ws';
import { connectSim, type SimClient } from '../sim/client.js';
import { AGENT_VERSION } from '../sim/device.js';
import { createMachine, type Machine } from '../sim/machine.js';
import { createRandom } from '../sim/random.js';
import { type RunningHub, until } from '../testing/processes.js';
import { METRICS } from './packets.js';

export interface Probes {
  /** Every level is crossed once and left again; milliseconds from the publish to the frame. */
  cross(): Promise<{ firing: number[]; resolved: number[] }>;
  end(): void;
}

const METRIC = 'bench.level';
export const LEVEL_RULE = {
  ...{ id: 'bench-level', rule: 'threshold', title: 'Level is high', enabled: true, severity: 'warning', scope: { all: true } },
  config: { metric: METRIC, above: 10, clear: 5, for_ms: 0 },
};
const HIGH = 50;
const LOW = 1;
/** Between one crossing and the next, on average; never in step with the load. */
const APART_MS = 40;
/** A level is left so many crossings later. */
const LATER = 40;

interface Probe {
  id: string;
  client: SimClient;
  boot: string;
  seq: number;
  machine: Machine;
  columns: readonly string[];
}
/** What waits to be heard of, by device and series: when it was published. */
type Open = Map<string, number>;

export const connectProbes = async (
  hub: RunningHub,
  credentials: readonly { id: string; key: string }[],
  crossings: number,
): Promise<Probes> => {
  const levels = Math.ceil(crossings / credentials.length);
  const { hostname: host, port } = new URL(hub.addresses.mqtt);
  const probes = await Promise.all(credentials.map((one) => connectOne({ ...one, host, port: Number(port) }, levels)));
  const open: Record<'firing' | 'resolved', Open> = { firing: new Map(), resolved: new Map() };
  const times: Record<'firing' | 'resolved', number[]> = { firing: [], resolved: [] };
  const socket = await listen(hub, ({ change, alert }, at) => {
    if (change !== 'firing' && change !== 'resolved') return;
    const key = `${alert.device} ${alert.subject}`;
    const since = open[change].get(key);
    if (since === undefined) return;
    open[change].delete(key);
    times[change].push(at - since);
  });
  const publish = (index: number, change: 'firing' | 'resolved') => {
    const probe = probes[index % probes.length];
    if (!probe) throw new AppError('internal', 'there are no probes');
    const level = Math.floor(index / probes.length);
    open[change].set(`${probe.id} ${seriesOf(level)}`, performance.now());
    send(probe, { level, value: change === 'firing' ? HIGH : LOW });
  };
  return {
    async cross() {
      const random = createRandom(1);
      for (let index = 0; index < crossings + LATER; index++) {
        await new Promise((resolve) => setTimeout(resolve, random.next() * 2 * APART_MS));
        if (index < crossings) publish(index, 'firing');
        if (index >= LATER) publish(index - LATER, 'resolved');
      }
      await until('all to be heard of', () => open.firing.size === 0 && open.resolved.size === 0, 30_000);
      return times;
    },
    end() {
      socket.terminate();
      for (const { client } of probes) client.kill();
    },
  };
};

const seriesOf = (level: number): string => `${METRIC}{n=${level}}`;

const connectOne = async (
  { id, key, host, port }: { id: string; key: string; host: string; port: number },
  levels: number,
): Promise<Probe> => {
  const machine = createMachine('gpu', createRandom(1).fork(id));
  const boot = bootIdFrom(crypto.getRandomValues(new Uint8Array(8)));
  const columns = [...machine.columns, ...Array.from({ length: levels }, (_, level) => seriesOf(level))];
  const will = { topic: topicOf(id, 'status'), payload: JSON.stringify({ boot, session: 1, state: 'lost' }) };
  const client = await connectSim({ host, port, id, key, keepalive_s: 5, will });
  const birth = {
    ...{ boot, session: 1, agent_version: AGENT_VERSION, interval_ms: 10_000, about: {}, metrics: METRICS },
    columns: [{ id: idOfColumns(columns), list: columns }],
  };
  await client.publish(topicOf(id, 'birth'), JSON.stringify(birth));
  return { id, client, boot, seq: 0, machine, columns };
};

/** A usual row of 30 metrics with one more. */
const send = (probe: Probe, { level, value }: { level: number; value: number }): void => {
  const { id, boot, machine, columns } = probe;
  const levels = columns.slice(machine.columns.length).map((_, at) => (at === level ? value : null));
  const row = [++probe.seq, Date.now(), ...machine.step(1, false), ...levels];
  const report = JSON.stringify({ boot, columns: idOfColumns(columns), rows: [row] });
  probe.client.publish(topicOf(id, 'report'), report).catch(() => {});
};

const ALERT = Buffer.from('{"kind":"alert"');

/** As a dashboard listens; what is no alert is not read, so that reading it delays none. */
const listen = async (hub: RunningHub, hear: (event: LiveAlertEvent, at: number) => void): Promise<WebSocket> => {
  const { url, token } = hub.access;
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/api/v1/live`, { headers: { authorization: `Bearer ${token}` } });
  socket.on('message', (data: Buffer) => {
    const at = performance.now();
    if (ALERT.equals(data.subarray(0, ALERT.length))) hear((JSON.parse(String(data)) as { event: LiveAlertEvent }).event, at);
  });
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  socket.send(JSON.stringify({ kind: 'subscribe', channels: ['fleet', 'alerts'] }));
  return socket;
};
