import { createSignal } from '@muster/shared/signal';
import { describe, expect, it } from 'vitest';
import { noBusCounts } from '../bus/bus.js';
import type { Parts } from '../parts.js';
import { createProcessView, type MetricsNeeds, metricsText } from './metrics.js';

const refused = { ...noBusCounts().refused, wrong_key: 3 };
const ids = Array.from({ length: 120 }, (_, i) => `pi-${i}`);

/** Only what the text reads. */
const needs = {
  process: { cpu_s: () => 1.5, rss_bytes: () => 1000, stall_s: () => 0.02, stop: () => {} },
  parts: {
    now: () => 0,
    self: () => ({
      started_at: 5000,
      version: '0.1.0',
      store_healthy: true,
      store_since: 0,
      connections: 2,
      devices: ids.length,
      quarantined: { clock: 4 },
      bus: { connections: 2, received: 9, refused },
    }),
    registry: { all: () => ids.map((id) => ({ id })) } as unknown as Parts['registry'],
    presence: {
      get: (id: string) => ({ state: id === 'pi-1' ? 'lost' : 'online', since: 0, last_seen: 0, boot: null }),
      changed: createSignal(),
      availability: async () => [],
    },
    latest: {
      of: () => [{ metric: 'hw.temperature', labels: { zone: 'c"pu' }, value: 54.5, ts: 0 }],
    } as unknown as Parts['latest'],
    alerts: { open: () => [{ state: 'firing' }] } as unknown as Parts['alerts'],
    reader: { stats: async () => ({ bytes: 4096, rows: 1, samples: 30 }) } as unknown as Parts['reader'],
  },
} satisfies MetricsNeeds;

const read = async (): Promise<string> => {
  let text = '';
  for await (const piece of metricsText(needs)) text += piece;
  return text;
};

describe('the metrics of the hub', () => {
  it('count what it did and what it refused', async () => {
    const text = await read();
    expect(text).toContain('process_cpu_seconds_total 1.5\n');
    expect(text).toContain('muster_refused_total{reason="wrong_key"} 3\n');
    expect(text).toContain('muster_quarantined_total{reason="clock"} 4\n');
    expect(text).toContain('muster_devices{state="lost"} 1\n');
    expect(text).toContain('muster_alerts{state="firing"} 1\n');
    expect(text).toContain('muster_store_bytes 4096\n');
  });

  it('give every device its state and newest values, each family in one piece', async () => {
    const text = await read();
    expect(text).toContain('muster_device_up{device="pi-1"} 0\n');
    expect(text).toContain('muster_device_up{device="pi-119"} 1\n');
    expect(text).toContain('muster_device_metric{device="pi-0",metric="hw.temperature",zone="c\\"pu"} 54.5\n');
    const names = text
      .split('\n')
      .filter((line) => line && !line.startsWith('#'))
      .map((line) => line.split(/[{ ]/)[0]);
    const families = names.filter((name, index) => name !== names[index - 1]);
    expect(families).toEqual([...new Set(families)]);
    expect(names).toHaveLength(names.filter((name) => text.includes(`# TYPE ${name} `)).length);
  });

  it('read the real process', () => {
    const view = createProcessView();
    expect(view.rss_bytes()).toBeGreaterThan(1e6);
    expect(view.cpu_s()).toBeGreaterThan(0);
    expect(view.stall_s()).toBeGreaterThanOrEqual(0);
    view.stop();
  });
});
