import mqtt, { type MqttClient } from 'mqtt';
import type { Random } from '../sim/random.js';
import type { RunningHub } from './processes.js';

/** Scripts whose values cross a level and come back, and people who take the alerts: with what the hub answered to each. */
export interface AlertLoad {
  /** Until the hub is gone. */
  run(hub: RunningHub): Promise<void>;
  /** Nothing more of this hub. */
  end(): void;
  /** `device subject` → the levels that the hub acknowledged, in order. */
  stored: ReadonlyMap<string, readonly Level[]>;
  /** Comments whose acknowledgement was answered, and the alerts that the answer named. */
  taken: ReadonlyMap<string, readonly string[]>;
}
export type Level = 'high' | 'low';

export const LEVEL_RULE = {
  ...{ id: 'high', rule: 'threshold', title: 'Value is high', enabled: true, severity: 'critical', scope: { all: true } },
  config: { metric: 'test.value', above: 10, clear: 5, for_ms: 0 },
};
const VALUES = { high: 50, low: 1 };
const PAUSE_MS = 200;

export const subjectOf = (n: number): string => `test.value{n=${n}}`;

interface State {
  random: Random;
  keys: ReadonlyMap<string, string>;
  stored: Map<string, Level[]>;
  taken: Map<string, readonly string[]>;
  next: number;
  alive: boolean;
  clients: MqttClient[];
}

/** `keys`: of devices that have joined. */
export const createAlertLoad = (random: Random, keys: ReadonlyMap<string, string>): AlertLoad => {
  const state: State = { random, keys, stored: new Map(), taken: new Map(), next: 1, alive: false, clients: [] };
  return {
    stored: state.stored,
    taken: state.taken,
    async run(hub) {
      state.alive = true;
      await Promise.allSettled([...keys.keys()].map((device) => play(state, hub, device)));
    },
    end() {
      state.alive = false;
      for (const client of state.clients.splice(0)) client.end(true);
    },
  };
};

const play = async (state: State, hub: RunningHub, device: string): Promise<void> => {
  const { random } = state;
  const client = await connect(state, hub, device);
  while (state.alive && client.connected) {
    await new Promise((resolve) => setTimeout(resolve, random.next() * PAUSE_MS));
    const dice = random.next();
    if (dice < 0.35) await send(state, client, { device, n: state.next++, level: 'high' });
    else if (dice < 0.6) await clear(state, client, device);
    else if (dice < 0.85) await take(state, hub);
  }
};

/** It stays connected until the hub dies: a device that is away is told of otherwise. */
const connect = async ({ keys, clients }: State, hub: RunningHub, device: string): Promise<MqttClient> => {
  const password = keys.get(device) ?? '';
  const options = { clientId: device, username: device, password, reconnectPeriod: 0, keepalive: 60 };
  const client = await mqtt.connectAsync(hub.addresses.mqtt, options);
  client.on('error', () => {});
  clients.push(client);
  return client;
};

const send = async (state: State, client: MqttClient, { device, n, level }: { device: string; n: number; level: Level }) => {
  const metrics = { [subjectOf(n)]: VALUES[level] };
  await client.publishAsync(`muster/v1/${device}/report`, JSON.stringify({ metrics }), { qos: 1 });
  const key = `${device} ${subjectOf(n)}`;
  state.stored.set(key, [...(state.stored.get(key) ?? []), level]);
};

/** Each series rises once: what comes back again and again flaps, which is another test. */
const clear = async (state: State, client: MqttClient, device: string): Promise<void> => {
  const high = [...state.stored].filter(([key, levels]) => key.startsWith(`${device} `) && levels.at(-1) === 'high');
  if (high.length === 0) return;
  const n = Number(/n=(\d+)/.exec(state.random.pick(high)[0])?.[1]);
  await send(state, client, { device, n, level: 'low' });
};

const take = async ({ random, taken }: State, hub: RunningHub): Promise<void> => {
  const { items } = await hub.api.get<{ items: { id: string }[] }>('/alerts?state=firing&limit=20');
  const ids = items.filter(() => random.next() < 0.15).map(({ id }) => id);
  if (ids.length === 0) return;
  const comment = `seen ${taken.size + 1} ${random.next()}`;
  const done = await hub.api.post<{ items: { id: string; acknowledged: { comment: string | null } | null }[] }>(
    '/alerts/acknowledge',
    { ids, comment },
  );
  const marked = done.items.filter(({ acknowledged }) => acknowledged?.comment === comment).map(({ id }) => id);
  taken.set(comment, marked);
};
