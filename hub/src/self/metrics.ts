import { monitorEventLoopDelay } from 'node:perf_hooks';
import { PRESENCE_STATES } from '@muster/shared/wire/live';
import type { Parts } from '../parts.js';
import { type Family, headOf, type PrometheusType, sampleLine, textOf } from './prometheus.js';

/** What the process says of itself; an argument, so that a test can fix it. */
export interface ProcessView {
  cpu_s(): number;
  rss_bytes(): number;
  /** Longest stall of the event loop since the last ask, in s. */
  stall_s(): number;
  stop(): void;
}

export interface MetricsNeeds {
  parts: Pick<Parts, 'now' | 'self' | 'registry' | 'presence' | 'latest' | 'alerts' | 'reader'>;
  process: ProcessView;
  /** Counters of parts that have no place in `Parts`, such as commits. */
  more?: (() => Family[]) | undefined;
}

export const createProcessView = (): ProcessView => {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  return {
    cpu_s: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    rss_bytes: () => process.memoryUsage.rss(),
    stall_s: () => {
      const longest = delay.max / 1e9;
      delay.reset();
      return longest;
    },
    stop: () => void delay.disable(),
  };
};

/** Devices written at a time; 10,000 of them are 30 MB of text that must not stall the loop. */
const PIECE = 50;

/** Prometheus text in pieces: the hub first, then the newest values of the fleet. */
export async function* metricsText(needs: MetricsNeeds): AsyncGenerator<string> {
  for (const family of [...hubFamilies(needs), ...(await storeFamilies(needs)), ...fleetFamilies(needs)]) yield textOf(family);
  yield* deviceLines(needs, UP, (device, { presence }) => {
    const { state } = presence.get(device);
    return sampleLine(UP.name, { device }, state === 'online' || state === 'quiet' ? 1 : 0);
  });
  yield* deviceLines(needs, VALUE, (device, { latest }) =>
    latest
      .of(device)
      .map(({ metric, labels, value }) => sampleLine(VALUE.name, { device, metric, ...labels }, value))
      .join(''),
  );
}

const UP = { name: 'muster_device_up', help: '1 while a device is connected', type: 'gauge' } as const;
const VALUE = { name: 'muster_device_metric', help: 'Newest value of a series of a device', type: 'gauge' } as const;

type Lines = (device: string, parts: MetricsNeeds['parts']) => string;

async function* deviceLines({ parts }: MetricsNeeds, head: Omit<Family, 'samples'>, linesOf: Lines): AsyncGenerator<string> {
  yield headOf(head);
  const ids = Array.from(parts.registry.all(), (device) => device.id);
  for (let i = 0; i < ids.length; i += PIECE) {
    yield ids
      .slice(i, i + PIECE)
      .map((id) => linesOf(id, parts))
      .join('');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const one = (name: string, type: PrometheusType, help: string, value: number): Family => ({
  name,
  help,
  type,
  samples: [{ value }],
});

const byLabel = (name: string, { help, label }: { help: string; label: string }, counts: Record<string, number>): Family => ({
  name,
  help,
  type: 'counter',
  samples: Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value })),
});

const hubFamilies = ({ parts, process, more }: MetricsNeeds): Family[] => {
  const self = parts.self();
  return [
    one('process_cpu_seconds_total', 'counter', 'Processor time of the hub', process.cpu_s()),
    one('process_resident_memory_bytes', 'gauge', 'Memory of the hub', process.rss_bytes()),
    one('process_start_time_seconds', 'gauge', 'When the hub started', self.started_at / 1000),
    one('muster_loop_stall_seconds', 'gauge', 'Longest stall of the event loop since the last scrape', process.stall_s()),
    one('muster_store_healthy', 'gauge', '1 while the store can commit', self.store_healthy ? 1 : 0),
    one('muster_connections', 'gauge', 'Agents connected by MQTT', self.connections),
    one('muster_messages_total', 'counter', 'Messages received by MQTT', self.bus.received),
    byLabel('muster_refused_total', { help: 'What the broker refused', label: 'reason' }, self.bus.refused),
    byLabel('muster_quarantined_total', { help: 'Messages kept in quarantine', label: 'reason' }, self.quarantined),
    ...(more?.() ?? []),
  ];
};

const storeFamilies = async ({ parts }: MetricsNeeds): Promise<Family[]> => {
  const { bytes, rows, samples, damaged = 0, forecast } = await parts.reader.stats();
  const after = (forecast?.after ?? []).map((one) => ({ labels: { days: String(one.days) }, value: one.bytes }));
  return [
    one('muster_store_bytes', 'gauge', 'Size of the store on disk', bytes),
    one('muster_store_rows', 'gauge', 'Rows in the store', rows),
    one('muster_store_samples', 'gauge', 'Samples in the store', samples),
    one('muster_store_damaged_chunks', 'gauge', 'Damaged chunks that were met', damaged),
    {
      name: 'muster_store_forecast_bytes',
      type: 'gauge',
      help: 'Size of the store after so many days like the last one',
      samples: after,
    },
  ];
};

const fleetFamilies = ({ parts }: MetricsNeeds): Family[] => {
  const states = new Map<string, number>(PRESENCE_STATES.map((state) => [state, 0]));
  for (const { id } of parts.registry.all()) {
    const { state } = parts.presence.get(id);
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  const alerts = { pending: 0, firing: 0, resolved: 0 };
  for (const { state } of parts.alerts.open()) alerts[state]++;
  const samples = (counts: Iterable<[string, number]>) => Array.from(counts, ([state, value]) => ({ labels: { state }, value }));
  return [
    { name: 'muster_devices', help: 'Devices by presence', type: 'gauge', samples: samples(states) },
    {
      name: 'muster_alerts',
      help: 'Open alerts by state',
      type: 'gauge',
      samples: samples([
        ['pending', alerts.pending],
        ['firing', alerts.firing],
      ]),
    },
  ];
};
