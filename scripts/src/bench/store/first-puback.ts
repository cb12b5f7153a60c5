import { type AddressInfo, createServer } from 'node:net';
import { bootIdFrom, idOfColumns } from '@muster/shared/wire/codec';
import { topicOf } from '@muster/shared/wire/topics';
import { connectSim, type SimClient } from '../../sim/client.js';
import { SERIES } from '../../sim/machine.js';
import { type RunningHub, startHub, until } from '../../testing/processes.js';
import { birthText } from '../packets.js';

/** How long a killed hub takes to acknowledge again: from the start of its process to a PUBACK. */
export interface Credential {
  device: string;
  key: string;
}

export interface Restart {
  first_puback_ms: number;
  /** From the same moment until the hub's start-up line. */
  started_ms: number;
  hub: RunningHub;
}

const COLUMNS = ['system.uptime'];
const FLEET_COLUMNS = SERIES.map(([key]) => key);

export const join = async (hub: RunningHub, device: string): Promise<Credential> => {
  const { token } = await hub.api.post<{ token: string }>('/invites', { device });
  const { key } = await hub.api.post<{ key: string }>('/join', { token, device });
  return { device, key };
};

/** Connects a device that tells what it is and what it measures. */
export const bear = async (hub: RunningHub, credential: Credential): Promise<SimClient> => {
  const boot = bootIdFrom(crypto.getRandomValues(new Uint8Array(8)));
  const client = await connect(Number(new URL(hub.addresses.mqtt).port), credential, boot);
  const columns = { id: idOfColumns(FLEET_COLUMNS), list: FLEET_COLUMNS };
  await client.publish(topicOf(credential.device, 'birth'), birthText(columns, boot, 10_000));
  return client;
};

export const restart = async (data: string, credential: Credential): Promise<Restart> => {
  const port = await freePort();
  const from = performance.now();
  const starting = startHub(data, { MUSTER_STORE_COMMIT_MS: '0', MUSTER_MQTT_PORT: String(port) });
  const up = starting.then(() => performance.now() - from);
  const first_puback_ms = (await Promise.race([acknowledged(port, credential), starting.then(() => never)])) - from;
  return { first_puback_ms, started_ms: await up, hub: await starting };
};

const never = new Promise<never>(() => {});

/** As an agent does: it knows the port, and tries until it is let in. Answers when its report is acknowledged. */
const acknowledged = async (port: number, credential: Credential): Promise<number> => {
  const boot = bootIdFrom(crypto.getRandomValues(new Uint8Array(8)));
  const client = await until('the broker', () => connect(port, credential, boot).catch(() => null));
  const columns = idOfColumns(COLUMNS);
  const birth = { ...{ boot, session: 1, agent_version: 'bench', interval_ms: 10_000, about: {}, metrics: [] } };
  await client.publish(
    topicOf(credential.device, 'birth'),
    JSON.stringify({ ...birth, columns: [{ id: columns, list: COLUMNS }] }),
  );
  await client.publish(topicOf(credential.device, 'report'), JSON.stringify({ boot, columns, rows: [[1, Date.now(), 1]] }));
  const now = performance.now();
  client.kill();
  return now;
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

const connect = (port: number, { device, key }: Credential, boot: string): Promise<SimClient> => {
  const will = { topic: topicOf(device, 'status'), payload: JSON.stringify({ boot, session: 1, state: 'lost' }) };
  return connectSim({ host: '127.0.0.1', port, id: device, key, keepalive_s: 60, will });
};
