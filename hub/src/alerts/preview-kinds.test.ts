import type { PresenceState } from '@muster/shared/wire/live';
import { describe, expect, test } from 'vitest';
import type { RuleSetting } from '../parts.js';
import type { Json, Point, Reader } from '../store/store.js';
import { createHarness, rules } from './testing/harness.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Past {
  config?: Json;
  /** By series: what it was, by minutes before now. */
  series?: Record<string, (ago: number) => number>;
  stays?: [PresenceState, number, number][];
  step?: number;
  devices?: number;
}

/** A hub whose devices have a past of a day, made up of functions. */
const previewed = async (kind: string, { config = {}, series = {}, stays, step = 5, devices = 1 }: Past) => {
  let now = 0;
  const presence = { get: () => ({ state: 'online' as const, since: 0, last_seen: 0, boot: null }) };
  const availability = async () =>
    (stays ?? [['online', 1_440, 0] as const]).map(([state, from, to]) => ({
      state,
      from: now - from * MINUTE,
      to: now - to * MINUTE,
    }));
  const hub = createHarness(rules, { presence: { ...presence, availability } });
  hub.store.automatic(true);
  for (let index = 0; index < devices; index++) hub.device(`pi-${index}`, { name: 'Attic Pi' });
  await hub.start();
  now = hub.clock.now();
  for (const id of hub.devices.keys())
    hub.report(id, Object.fromEntries(Object.entries(series).map(([key, of]) => [key, of(0)])));
  const reader: Pick<Reader, 'series'> = {
    async series({ series: key }) {
      const points: Point[] = [];
      for (let ago = 1_440; ago > 0; ago -= step) {
        const value = series[key]?.(ago) ?? 0;
        points.push([now - ago * MINUTE, value, value, value]);
      }
      return { tier: '5m', points };
    },
  };
  const setting: RuleSetting = {
    ...{ id: kind, rule: kind, title: 'Tried', enabled: true, severity: 'warning', scope: { all: true }, config },
  };
  return { hub, now, found: await hub.alerts.preview(setting, { days: 1, reader }) };
};

/** High between four and three hours ago. */
const bump = (low: number, high: number) => (ago: number) => (ago <= 240 && ago > 180 ? high : low);

const CASES: Record<string, Past> = {
  threshold: { config: { metric: 'a.load', above: 5 }, series: { 'a.load': bump(1, 9) } },
  rate: {
    config: { metric: 'a.size', above: 50, per: 'hour' },
    series: { 'a.size': (ago) => (ago > 300 ? 0 : (300 - ago) * 2) },
  },
  disk_full: { series: { 'system.filesystem.utilization{mountpoint=/}': bump(0.5, 0.97) } },
  temperature: { series: { 'hw.temperature{zone=cpu-thermal}': bump(50, 84) } },
  clock_skew: { series: { 'system.clock.offset': bump(0, 30) } },
  offline: {
    stays: [
      ['online', 1_440, 300],
      ['lost', 300, 200],
      ['online', 200, 0],
    ],
  },
  not_reporting: {
    stays: [
      ['online', 1_440, 300],
      ['quiet', 300, 200],
      ['online', 200, 0],
    ],
  },
  restart_loop: { series: { 'system.uptime': (ago) => (ago < 240 ? ((240 - ago) % 10) * 60 : 90_000 - ago) }, step: 2 },
};

describe('a preview of', () => {
  test.each(Object.entries(CASES))('%s finds what its past holds, once', async (kind, past) => {
    const { found, now } = await previewed(kind, past);
    expect(found.items.map(({ device }) => device)).toEqual(['pi-0']);
    const [item] = found.items;
    expect(item?.why).toContain('Attic Pi');
    expect(item?.from).toBeGreaterThanOrEqual(now - 5 * HOUR);
    expect(found).toMatchObject({ complete: true, looked_at: 1 });
  });

  test.each(['not_earning', 'earning_drop', 'agent_outdated'])('%s says that it shows nothing', async (kind) => {
    const { found } = await previewed(kind, {});
    expect([found.items, found.unseen?.[0]]).toEqual([[], expect.stringContaining('shows nothing')]);
  });

  test('a rule about values does not take what is unknown while the device is away for an end', async () => {
    const past = {
      ...CASES['threshold'],
      stays: [
        ['online', 1_440, 220],
        ['lost', 220, 100],
        ['online', 100, 0],
      ],
    } as Past;
    const { found, now } = await previewed('threshold', past);
    expect(found.items.map(({ to }) => to !== null && to >= now - 100 * MINUTE)).toEqual([true]);
  });

  test.each([
    ['stopped', 0],
    ['lost', 1],
  ] as const)('a machine that is back five times within an hour, each time after it was %s: %i alerts', async (away, alerts) => {
    // Ten minutes each: five there, five away, between five and four hours ago.
    const cycles = [300, 290, 280, 270, 260, 250];
    const stays: Past['stays'] = [['online', 1_440, 300]];
    for (const ago of cycles) stays.push([away, ago, ago - 5], ['online', ago - 5, ago - 10]);
    const uptime = (ago: number) =>
      ago > 300 ? 100_000 - ago * 60 : ago > 240 ? 600 - ((ago - 1) % 10) * 60 : 20_000 - ago * 60;
    const { found } = await previewed('restart_loop', { series: { 'system.uptime': uptime }, stays });
    expect(found.items).toHaveLength(alerts);
  });

  test('a rule that a narrower one overrides looks only where it would hold', async () => {
    const { hub } = await previewed('temperature', { devices: 2 });
    const setting = (id: string, scope: RuleSetting['scope']): RuleSetting => ({
      ...{ id, rule: 'temperature', title: id, enabled: true, severity: 'warning', scope, config: {} },
    });
    await hub.alerts.setRules([setting('mine', { device: 'pi-1' })], 'ada');
    const reader = { series: async () => ({ tier: '5m' as const, points: [] }) };
    const all = await hub.alerts.preview(setting('all', { all: true }), { days: 1, reader });
    expect([all.devices, all.unseen?.join(' ')]).toEqual([1, expect.stringContaining('Of 1 devices another rule')]);
    expect((await hub.alerts.preview(setting('mine', { all: true }), { days: 1, reader })).devices).toBe(2);
  });

  test('a fleet of thousands lets others work, ends within its bounds and says so', async () => {
    let turns = 0;
    let counting = true;
    const count = () => {
      turns++;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    const { found } = await previewed('threshold', { ...CASES['threshold'], devices: 3_000, step: 300 });
    counting = false;
    expect(found).toMatchObject({ complete: false, devices: 3_000 });
    expect(found.items.length).toBeLessThanOrEqual(500);
    expect(found.unseen?.join(' ')).toContain('ended early');
    expect(turns).toBeGreaterThan(10);
  });
});
