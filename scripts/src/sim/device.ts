import { seriesKey } from '@muster/shared/metrics';
import { bootIdFrom, idOfColumns } from '@muster/shared/wire/codec';
import { topicOf } from '@muster/shared/wire/topics';
import { connectSim, type SimClient } from './client.js';
import type { Earner } from './earner.js';
import { type Machine, SERIES } from './machine.js';

/** One simulated device: an agent's behaviour on the wire with a simulated machine behind it. */
export interface SimDevice {
  readonly id: string;
  readonly connected: boolean;
  connect(): Promise<void>;
  /** One live row, and the rewards when they changed; resolves at the row's PUBACK with the milliseconds it took. */
  report(now: number): Promise<number | null>;
  setHot(hot: boolean): void;
  setEarning(on: boolean): void;
  kill(): void;
  freeze(): void;
  stop(now: number): Promise<void>;
  /** Called when the hub or a fault ended the connection. */
  onLost(listener: () => void): void;
}

export interface SimDeviceNeeds {
  id: string;
  key: string;
  host: string;
  port: number;
  interval_ms: number;
  keepalive_s: number;
  machine: Machine;
  earner: Earner | null;
  /** 8 random bytes. */
  boot: Uint8Array;
  now: () => number;
}

/** Newer than any hub: a simulated fleet is not outdated. */
export const AGENT_VERSION = '99.0.0-sim';

/** Unacknowledged rows kept for the next connection, as the agent's spool does. */
const SPOOL_ROWS = 500;

interface State {
  client: SimClient | null;
  boot: string;
  session: number;
  seq: number;
  unacknowledged: Map<number, (number | null)[]>;
  hot: boolean;
  earning: boolean;
  last_ms: number;
  lost: (() => void)[];
}

export const createSimDevice = (needs: SimDeviceNeeds): SimDevice => {
  const columns = idOfColumns(needs.machine.columns);
  const s: State = {
    client: null,
    boot: bootIdFrom(needs.boot),
    session: 0,
    seq: 0,
    unacknowledged: new Map(),
    hot: false,
    earning: true,
    last_ms: needs.now(),
    lost: [],
  };
  const drop = (how: 'kill' | 'freeze') => {
    s.client?.[how]();
    s.client = null;
  };
  return {
    id: needs.id,
    get connected() {
      return s.client !== null;
    },
    connect: () => connect(s, needs, columns),
    report: (now) => report(s, needs, { columns, now }),
    setHot: (hot) => {
      s.hot = hot;
    },
    setEarning: (on) => {
      s.earning = on;
    },
    kill: () => drop('kill'),
    freeze: () => drop('freeze'),
    async stop(now) {
      await s.client?.publish(
        topicOf(needs.id, 'event'),
        JSON.stringify({ boot: s.boot, seq: ++s.seq, ts: now, event: 'stopping' }),
      );
      s.client?.end();
      s.client = null;
    },
    onLost: (listener) => void s.lost.push(listener),
  };
};

const connect = async (s: State, needs: SimDeviceNeeds, columns: string) => {
  const { id, key, host, port, keepalive_s } = needs;
  s.session += 1;
  const will = { topic: topicOf(id, 'status'), payload: JSON.stringify({ boot: s.boot, session: s.session, state: 'lost' }) };
  const client = await connectSim({ host, port, id, key, keepalive_s, will });
  client.onClosed(() => {
    if (s.client !== client) return;
    s.client = null;
    for (const listener of s.lost) listener();
  });
  await client.subscribe(topicOf(id, 'command'));
  await client.publish(topicOf(id, 'birth'), JSON.stringify(birth(s, needs, columns)));
  s.client = client;
  if (s.unacknowledged.size) void send(s, needs, { columns, seqs: [...s.unacknowledged.keys()] }).catch(() => {});
};

const birth = (s: State, { id, interval_ms, machine }: SimDeviceNeeds, columns: string) => ({
  boot: s.boot,
  session: s.session,
  agent_version: AGENT_VERSION,
  interval_ms,
  about: { hostname: id, model: machine.model, os: 'Simulated', arch: 'sim64', memory_bytes: 4 * 1024 ** 3 },
  metrics: METRICS,
  columns: [{ id: columns, list: machine.columns }],
});

const METRICS = [...new Map(SERIES.map(([key, declaration]) => [key.split('{')[0] ?? key, declaration]))].map(
  ([id, declaration]) => ({
    id: seriesKey(id),
    ...declaration,
  }),
);

const report = async (
  s: State,
  needs: SimDeviceNeeds,
  { columns, now }: { columns: string; now: number },
): Promise<number | null> => {
  const values = needs.machine.step(Math.max(0.001, (now - s.last_ms) / 1_000), s.hot);
  s.last_ms = now;
  const seq = ++s.seq;
  s.unacknowledged.set(seq, [seq, now, ...values]);
  const oldest = s.unacknowledged.size > SPOOL_ROWS ? s.unacknowledged.keys().next().value : undefined;
  if (oldest !== undefined) s.unacknowledged.delete(oldest);
  if (s.client === null) return null;
  const started = performance.now();
  const rewards = sendRewards(s, needs, now);
  await send(s, needs, { columns, seqs: [seq] });
  const took = performance.now() - started;
  await rewards;
  return took;
};

const send = async (s: State, needs: SimDeviceNeeds, { columns, seqs }: { columns: string; seqs: number[] }) => {
  const rows = seqs.flatMap((seq) => s.unacknowledged.get(seq) ?? []).length ? seqs.map((seq) => s.unacknowledged.get(seq)) : [];
  const sent = s.client?.publish(
    topicOf(needs.id, 'report'),
    JSON.stringify({ boot: s.boot, columns, rows: rows.filter(Boolean) }),
  );
  await sent;
  if (sent) for (const seq of seqs) s.unacknowledged.delete(seq);
};

const sendRewards = async (s: State, { id, earner }: SimDeviceNeeds, now: number) => {
  const readings = s.earning ? earner?.read(now) : null;
  if (!readings?.length) return;
  await s.client?.publish(topicOf(id, 'rewards'), JSON.stringify({ boot: s.boot, seq: ++s.seq, ts: now, readings }));
};
