import { describe, expect, test } from 'vitest';
import type { Json } from '../store/store.js';
import { createHarness, rules } from './testing/harness.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ID = 'attic-pi';

const running = async (rule: string, config: Json = {}) => {
  const hub = createHarness(rules);
  hub.declare((metric) => ({ unit: '1', kind: /errors|xid|restarts/.test(metric) ? 'counter' : 'gauge', title: metric }));
  hub.store.automatic(true);
  hub.device(ID);
  await hub.start();
  await hub.alerts.setRules(
    [{ id: 'rule', rule, title: 'Rule', enabled: true, severity: 'warning', scope: { all: true }, config }],
    'test',
  );
  hub.presence(ID, 'online', 'boot-a');
  hub.heard();
  return hub;
};
type Hub = Awaited<ReturnType<typeof running>>;

/** A report a minute. */
const report = (hub: Hub, minutes: number, values: (minute: number) => Record<string, number>) => {
  for (let minute = 0; minute < minutes; minute++) {
    hub.report(ID, values(minute));
    hub.clock.advance(MINUTE);
  }
};
const restart = async (hub: Hub) => {
  await hub.restart(20_000);
  hub.presence(ID, 'online', 'boot-a');
};

interface Scene {
  rule: string;
  config?: Json;
  /** What is reported, by the minute. */
  values: (minute: number) => Record<string, number>;
  minutes: number;
}

/** What each rule of the past was told before the restart, and goes on being told. */
const SCENES: Scene[] = [
  {
    rule: 'rate',
    config: { metric: 'a.size', above: 50, per: 'hour', window_ms: HOUR },
    values: (minute) => ({ 'a.size': minute * 2 }),
    minutes: 90,
  },
  {
    rule: 'disk_full',
    values: (minute) => ({ 'system.filesystem.utilization{mountpoint=/}': 0.62 + minute * 0.0003 }),
    minutes: 400,
  },
  {
    rule: 'gpu_fault',
    values: (minute) => ({
      'hw.gpu.xid{gpu=0,xid=79}': minute < 5 ? 0 : 1,
      'hw.gpu.errors{gpu=0,type=ecc_uncorrected}': minute < 5 ? 0 : 2,
    }),
    minutes: 20,
  },
  {
    rule: 'storage_health',
    values: (minute) => ({
      'hw.physical_disk.sectors{disk=sda,type=pending}': minute < 5 ? 0 : 8,
      'hw.errors{disk=sda,type=read}': minute < 5 ? 0 : 9,
    }),
    minutes: 20,
  },
  {
    rule: 'restart_loop',
    values: (minute) => ({ 'container.restarts{container=miner}': minute < 3 ? 0 : Math.min(8, minute) }),
    minutes: 20,
  },
];

describe('a restart of the hub', () => {
  test.each(SCENES)(
    'ends nothing that $rule knows from the past, and tells it once',
    async ({ rule, config, values, minutes }) => {
      const hub = await running(rule, config);
      report(hub, minutes, values);
      const open = hub.alerts.open().map(({ id }) => id);
      expect(hub.heard().filter((word) => word.startsWith('firing')).length).toBeGreaterThan(0);
      expect(open.length).toBeGreaterThan(0);
      await restart(hub);
      report(hub, 30, (minute) => values(minutes + minute));
      expect(hub.heard()).toEqual([]);
      expect(hub.alerts.open().map(({ id }) => id)).toEqual(open);
    },
  );

  test('ends no alert of an agent that starts again and again, until the hub has watched it for as long', async () => {
    const hub = await running('restart_loop');
    for (const boot of ['b', 'c', 'd', 'e']) {
      hub.clock.advance(2 * MINUTE);
      hub.presence(ID, 'online', `boot-${boot}`);
    }
    expect(hub.heard()).toEqual(['firing rule attic-pi']);
    await hub.restart(10_000);
    hub.presence(ID, 'online', 'boot-e');
    hub.clock.advance(50 * MINUTE);
    expect(hub.heard()).toEqual([]);
    hub.clock.advance(15 * MINUTE);
    expect(hub.heard()).toEqual(['resolved rule attic-pi']);
  });

  test('forgets not that a machine had been shut down in order', async () => {
    const hub = await running('restart_loop');
    for (const boot of ['b', 'c', 'd', 'e', 'f']) {
      hub.report(ID, { 'system.uptime': 500 });
      hub.clock.advance(2 * MINUTE);
      hub.presence(ID, 'stopped', null);
      await hub.restart(MINUTE);
      hub.presence(ID, 'online', `boot-${boot}`);
      hub.report(ID, { 'system.uptime': 20 });
      hub.clock.advance(2 * MINUTE);
    }
    hub.clock.advance(10 * MINUTE);
    hub.report(ID, { 'system.uptime': 900 });
    expect(hub.heard()).toEqual([]);
  });

  test('forgets neither that an alert flaps nor how often it fired', async () => {
    const hub = await running('threshold', { metric: 'a.t', above: 80 });
    for (let times = 0; times < 2; times++) report(hub, 10, (minute) => ({ 'a.t': minute < 5 ? 90 : 50 }));
    expect(hub.heard().filter((word) => word.startsWith('firing'))).toHaveLength(2);
    await restart(hub);
    hub.report(ID, { 'a.t': 90 });
    expect(hub.alerts.open()).toMatchObject([{ state: 'firing', flapping: true }]);
    await restart(hub);
    report(hub, 29, () => ({ 'a.t': 50 }));
    expect(hub.alerts.open()).toHaveLength(1);
    report(hub, 3, () => ({ 'a.t': 50 }));
    expect(hub.heard()).toEqual(['firing rule attic-pi', 'resolved rule attic-pi']);
  });

  test('within the time in which an alert must stay well begins that time anew, and the alert ends once', async () => {
    const hub = await running('threshold', { metric: 'a.t', above: 80, recover_ms: 5 * MINUTE });
    report(hub, 2, () => ({ 'a.t': 90 }));
    report(hub, 4, () => ({ 'a.t': 50 }));
    await restart(hub);
    report(hub, 4, () => ({ 'a.t': 50 }));
    expect(hub.heard()).toEqual(['firing rule attic-pi']);
    report(hub, 3, () => ({ 'a.t': 50 }));
    expect(hub.heard()).toEqual(['resolved rule attic-pi']);
  });

  test.each(['before', 'after'] as const)(
    'misses nothing that happened while the hub was away: stored values come %s the first report',
    async (when) => {
      const hub = await running('gpu_fault');
      const series = 'hw.gpu.errors{gpu=0,type=ecc_uncorrected}';
      report(hub, 5, () => ({ [series]: 3 }));
      const stored = [{ device: ID, series, ts: hub.clock.now() - MINUTE, value: 3 }];
      await restart(hub);
      if (when === 'before') hub.alerts.recalled(stored);
      hub.report(ID, { [series]: 5 });
      if (when === 'after') hub.alerts.recalled(stored);
      expect(hub.heard()).toEqual(['firing rule attic-pi']);
      hub.alerts.recalled(stored);
      report(hub, 5, () => ({ [series]: 5 }));
      expect(hub.heard()).toEqual([]);
    },
  );

  test('takes stored values that are as they were for no news', async () => {
    const hub = await running('restart_loop');
    await restart(hub);
    const stored = { 'system.uptime': 5_000, 'container.restarts{container=miner}': 9 };
    hub.alerts.recalled(
      Object.entries(stored).map(([series, value]) => ({ device: ID, series, ts: hub.clock.now() - MINUTE, value })),
    );
    report(hub, 10, (minute) => ({ 'system.uptime': 5_100 + minute * 60, 'container.restarts{container=miner}': 9 }));
    expect(hub.heard()).toEqual([]);
  });

  test('shows alerts about values as unknown until the device is back', async () => {
    const hub = await running('threshold', { metric: 'a.t', above: 80 });
    hub.report(ID, { 'a.t': 90 });
    const unknown = () => hub.alerts.open().map(hub.alerts.isUnknown);
    expect(unknown()).toEqual([false]);
    await hub.restart();
    expect(unknown()).toEqual([true]);
    hub.presence(ID, 'online', 'boot-a');
    expect(unknown()).toEqual([false]);
    expect(hub.heard()).toEqual(['firing rule attic-pi']);
  });
});
