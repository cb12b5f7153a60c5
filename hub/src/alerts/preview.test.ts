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
  const { items, unseen, ...found } = await hub.alerts.preview(rule(), { days: 1, reader });
  expect(unseen?.join(' ')).toContain('Values are means over 1 min');
  expect(found).toEqual({ from: now - 86_400_000, to: now, devices: 2, looked_at: 2, complete: true });
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

test('a preview of many series lets others have their turn, and looks at no more than it may', async () => {
  const hub = createHarness();
  hub.store.automatic(true);
  hub.device('attic-pi');
  await hub.start();
  hub.report('attic-pi', Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`hw.temperature{zone=cpu-${at}}`, 50])));
  const count = async (moments: number) => {
    let [asked, turns, over] = [0, 0, false];
    const reader: Pick<Reader, 'series'> = {
      async series() {
        asked++;
        return {
          tier: 'raw',
          points: Array.from({ length: moments }, (_, at) => point(hub.clock.now() - at * MINUTE - asked, 50)),
        };
      },
    };
    const turn = () => {
      turns++;
      if (!over) setImmediate(turn);
    };
    setImmediate(turn);
    const found = await hub.alerts.preview(rule(), { days: 1, reader });
    over = true;
    return { found, turns };
  };
  const few = await count(2);
  expect(few.found).toMatchObject({ looked_at: 1, complete: true });
  expect(few.turns).toBeGreaterThan(10);
  expect((await count(200)).found).toMatchObject({ looked_at: 0, complete: false });
});
