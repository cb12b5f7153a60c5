import { AppError } from '@muster/shared/errors';
import { expect, test } from 'vitest';
import type { RuleSetting } from '../parts.js';
import type { Point, Reader } from '../store/store.js';
import { createHarness } from './testing/harness.js';

const MINUTE = 60_000;
const rule = (more: Partial<RuleSetting> = {}): RuleSetting => ({
  ...{ id: 'hot', rule: 'threshold', title: 'Hot', enabled: false, severity: 'warning', scope: { all: true } },
  config: { metric: 'hw.temperature', above: 80, for_ms: 2 * MINUTE },
  ...more,
});
const point = (ts: number, value: number): Point => [ts, value, value, value];

const asked = async (points: (now: number) => Point[]) => {
  const hub = createHarness();
  hub.store.automatic(true);
  hub.device('attic-pi');
  hub.device('cellar-pi');
  await hub.start();
  for (const id of ['attic-pi', 'cellar-pi']) {
    hub.presence(id, 'online');
    hub.report(id, { 'hw.temperature{zone=cpu}': 50 });
  }
  hub.heard();
  const queries: string[] = [];
  const reader: Pick<Reader, 'series'> = {
    async series({ device, series }) {
      queries.push(`${device} ${series}`);
      return { tier: 'raw', points: device === 'attic-pi' ? points(hub.clock.now()) : [] };
    },
  };
  return { hub, reader, queries };
};

test('a preview tells when a rule would have fired and ended, and changes nothing', async () => {
  const heat = [50, 85, 86, 87, 60];
  const { hub, reader, queries } = await asked((now) => heat.map((value, index) => point(now - (60 - index) * MINUTE, value)));
  const now = hub.clock.now();
  const before = hub.alerts.rules();
  const { items, ...found } = await hub.alerts.preview(rule(), { days: 1, reader });
  expect(found).toEqual({ from: now - 86_400_000, to: now, devices: 2, looked_at: 2, complete: true, unseen: [] });
  expect(items.map(({ device, subject, from, to }) => [device, subject, from, to])).toEqual([
    ['attic-pi', 'hw.temperature{zone=cpu}', now - 57 * MINUTE, now - 56 * MINUTE],
  ]);
  expect(items[0]?.why).toContain('Name of attic-pi');
  expect(queries).toEqual(['attic-pi hw.temperature{zone=cpu}', 'cellar-pi hw.temperature{zone=cpu}']);
  expect(hub.alerts.rules()).toEqual(before);
  expect(hub.alerts.open()).toEqual([]);
  expect(hub.heard()).toEqual([]);
});

test('a preview keeps to the scope of the rule, and what is still beyond the level has no end', async () => {
  const { hub, reader } = await asked((now) => [point(now - 10 * MINUTE, 90), point(now - MINUTE, 90)]);
  const { items, devices } = await hub.alerts.preview(rule({ scope: { device: 'attic-pi' } }), { days: 7, reader });
  expect(devices).toBe(1);
  expect(items.map(({ to }) => to)).toEqual([null]);
});

test('a rule that could not be set is refused in a preview too', async () => {
  const { hub, reader } = await asked(() => []);
  const refusal = await hub.alerts.preview(rule({ config: { metric: 7 } }), { days: 1, reader }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(AppError);
});

test('a preview says what history does not tell', async () => {
  const { hub, reader } = await asked(() => []);
  const unseen = async (of: string, config: object) =>
    (await hub.alerts.preview(rule({ rule: of, config: { ...config } }), { days: 1, reader })).unseen;
  expect(await unseen('not_earning', {})).toEqual(['income']);
  expect(await unseen('agent_outdated', {})).toEqual(['versions']);
  expect(await unseen('offline', {})).toEqual([]);
});
