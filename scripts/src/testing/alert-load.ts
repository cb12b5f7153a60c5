import mqtt, { type MqttClient } from 'mqtt';
import type { Random } from '../sim/random.js';
import type { RunningHub } from './processes.js';

/** Scripts whose values cross a level and come back, and people who take the alerts: with what the hub answered to each. */
export interface AlertLoad {
  /** Until the hub is gone. */
  run(hub: RunningHub): Promise<void>;
  /** Nothing more of this hub. */
  end(): void;
  /** Every device is there again, and quiet. */
  settle(hub: RunningHub): Promise<void>;
  /** By `device subject`. */
  series: ReadonlyMap<string, Levels>;
  /** Comments whose acknowledgement was answered, and the alerts that the answer named. */
  taken: ReadonlyMap<string, readonly string[]>;
}
export type Level = 'high' | 'low';
export interface Levels {
  /** It fires at once, or is pending for a while. */
  metric: 'test.value' | 'test.slow';
  /** Which of them the hub acknowledged. */
  stored: Level[];
  sent: Level[];
}

const SLOW_MS = 300;
const ruleOf = (metric: Levels['metric'], for_ms: number) => ({
  ...{ id: metric.replace('.', '-'), rule: 'threshold', title: 'Value is high', enabled: true, severity: 'critical' },
  ...{ scope: { all: true }, config: { metric, above: 10, clear: 5, for_ms } },
});
export const LEVEL_RULES = [ruleOf('test.value', 0), ruleOf('test.slow', SLOW_MS)];
const VALUES = { high: 50, low: 1 };
const PAUSE_MS = 200;

interface State {
  random: Random;
  keys: ReadonlyMap<string, string>;
  series: Map<string, Levels>;
  taken: Map<string, readonly string[]>;
  next: number;
  alive: boolean;
  clients: MqttClient[];
}

/** `keys`: of devices that have joined. */
export const createAlertLoad = (random: Random, keys: ReadonlyMap<string, string>): AlertLoad => {
  const state: State = { random, keys, series: new Map(), taken: new Map(), next: 1, alive: false, clients: [] };
  return {
    series: state.series,
    taken: state.taken,
    async run(hub) {
      state.alive = true;
      await Promise.allSettled([...keys.keys()].map((device) => play(state, hub, device)));
    },
    async settle(hub) {
      for (const device of keys.keys()) {
        const client = await connect(state, hub, device);
        await publish(client, device, { 'test.calm': 1 });
      }
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
    if (dice < 0.35) await raise(state, client, device);
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

const publish = (client: MqttClient, device: string, metrics: Record<string, number>) =>
  client.publishAsync(`muster/v1/${device}/report`, JSON.stringify({ metrics }), { qos: 1 });

const raise = (state: State, client: MqttClient, device: string): Promise<void> => {
  const n = state.next++;
  const metric = n % 3 === 0 ? 'test.slow' : 'test.value';
  const key = `${device} ${metric}{n=${n}}`;
  state.series.set(key, { metric, stored: [], sent: [] });
  return send(state, client, { key, level: 'high' });
};

const send = async ({ series }: State, client: MqttClient, { key, level }: { key: string; level: Level }) => {
  const [device = '', subject = ''] = key.split(' ');
  const levels = series.get(key);
  levels?.sent.push(level);
  await publish(client, device, { [subject]: VALUES[level] });
  levels?.stored.push(level);
};

/** Each series rises once: what comes back again and again flaps, which is another test. */
const clear = async (state: State, client: MqttClient, device: string): Promise<void> => {
  const isHigh = ({ stored, sent }: Levels) => stored.length === 1 && sent.length === 1;
  const high = [...state.series].filter(([key, levels]) => key.startsWith(`${device} `) && isHigh(levels));
  if (high.length > 0) await send(state, client, { key: state.random.pick(high)[0], level: 'low' });
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
