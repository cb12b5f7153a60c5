import { bootIdFrom, idOfColumns } from '@muster/shared/wire/codec';
import { topicOf } from '@muster/shared/wire/topics';
import { connectSim, type SimClient } from '../../sim/client.js';
import { type RunningHub, startHub, until } from '../../testing/processes.js';

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

export const join = async (hub: RunningHub, device: string): Promise<Credential> => {
  const { token } = await hub.api.post<{ token: string }>('/invites', { device });
  const { key } = await hub.api.post<{ key: string }>('/join', { token, device });
  return { device, key };
};

export const restart = async (data: string, credential: Credential): Promise<Restart> => {
  const from = performance.now();
  const hub = await startHub(data, { MUSTER_STORE_COMMIT_MS: '0' });
  const started_ms = performance.now() - from;
  const boot = bootIdFrom(crypto.getRandomValues(new Uint8Array(8)));
  const client = await until('the broker', () => connect(hub, credential, boot).catch(() => null));
  const columns = idOfColumns(COLUMNS);
  const birth = { ...{ boot, session: 1, agent_version: 'bench', interval_ms: 10_000, about: {}, metrics: [] } };
  await client.publish(
    topicOf(credential.device, 'birth'),
    JSON.stringify({ ...birth, columns: [{ id: columns, list: COLUMNS }] }),
  );
  await client.publish(topicOf(credential.device, 'report'), JSON.stringify({ boot, columns, rows: [[1, Date.now(), 1]] }));
  return { first_puback_ms: performance.now() - from, started_ms, hub };
};

const connect = (hub: RunningHub, { device, key }: Credential, boot: string): Promise<SimClient> => {
  const { hostname: host, port } = new URL(hub.addresses.mqtt);
  const will = { topic: topicOf(device, 'status'), payload: JSON.stringify({ boot, session: 1, state: 'lost' }) };
  return connectSim({ host, port: Number(port), id: device, key, keepalive_s: 60, will });
};
