import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { RuleSetting } from '../parts.js';
import { defineRule, type RuleDeclaration } from './rule.js';
import { createHarness, rules } from './testing/harness.js';

const running = async (given?: ReadonlyMap<string, RuleDeclaration>) => {
  const hub = createHarness(given);
  hub.store.automatic(true);
  await hub.start();
  hub.device('attic-pi');
  hub.presence('attic-pi', 'online');
  return hub;
};

const hot = (more: Partial<RuleSetting> = {}): RuleSetting => ({
  ...{ id: 'hot', rule: 'threshold', title: 'Too hot', enabled: true, severity: 'warning', scope: { all: true } },
  config: { metric: 'hw.temperature', above: 80 },
  ...more,
});

test('the end of an alert bears the name that its device has by then', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(30_000);
  hub.device('attic-pi', { name: 'Roof' });
  hub.presence('attic-pi', 'online');
  expect(hub.events.at(-1)).toMatchObject({ change: 'resolved', alert: { device_name: 'Roof' } });
});

test('an alert of a rule for a network lasts over a restart, though the networks of its device are not known at once', async () => {
  const known = new Set(['helium']);
  const hub = createHarness(undefined, { networks: () => known });
  hub.store.automatic(true);
  await hub.start();
  hub.device('attic-pi');
  hub.presence('attic-pi', 'online');
  await hub.alerts.setRules([hot({ id: 'lora', scope: { network: 'helium' } })], 'ada');
  hub.report('attic-pi', { 'hw.temperature': 90 });
  expect(hub.heard()).toEqual(['firing lora attic-pi']);
  known.clear();
  await hub.restart(1_000);
  hub.clock.advance(10_000);
  known.add('helium');
  hub.presence('attic-pi', 'online');
  hub.report('attic-pi', { 'hw.temperature': 91 });
  expect(hub.heard()).toEqual([]);
  hub.report('attic-pi', { 'hw.temperature': 50 });
  expect(hub.heard()).toEqual(['resolved lora attic-pi']);
});

test('an alert about what is gone ends, though its device comes and goes every few hours', async () => {
  const hub = await running();
  await hub.alerts.setRules([hot()], 'ada');
  hub.report('attic-pi', { 'hw.temperature{disk=usb}': 90 });
  hub.heard();
  for (let at = 0; at < 6; at++) {
    hub.clock.advance(6 * 3_600_000);
    hub.presence('attic-pi', 'lost');
    hub.clock.advance(10_000);
    hub.presence('attic-pi', 'online');
    hub.report('attic-pi', { 'hw.temperature{disk=system}': 50 });
  }
  expect(hub.heard()).toEqual(['resolved hot attic-pi']);
});

test('a clock that is set forward by an hour ends no recovery', async () => {
  const hub = await running();
  await hub.alerts.setRules([hot({ config: { metric: 'hw.temperature', above: 80, recover_ms: 600_000 } })], 'ada');
  hub.report('attic-pi', { 'hw.temperature': 90 });
  hub.clock.advance(60_000);
  hub.report('attic-pi', { 'hw.temperature': 70 });
  hub.heard();
  hub.clock.step(3_600_000);
  hub.clock.advance(300_000);
  hub.report('attic-pi', { 'hw.temperature': 70 });
  expect(hub.heard()).toEqual([]);
  hub.clock.advance(340_000);
  expect(hub.heard()).toEqual(['resolved hot attic-pi']);
});

test('a rule that cannot word its verdict or say what is calm is heard, and keeps none of the others from looking', async () => {
  const fail = (): never => {
    throw new Error('There is a mistake in this rule');
  };
  const broken = defineRule({
    ...{ id: 'broken', title: 'Broken', severity: 'info', config: v.object({}), default_config: null, delay: () => 0 },
    needs: () => ['hw.temperature'],
    calm: fail,
    judge: () => ({
      ...{ firing: 'yes', value: null },
      get why(): string {
        return fail();
      },
    }),
  });
  const hub = await running(new Map<string, RuleDeclaration>([...rules, ['broken', broken]]));
  await hub.alerts.setRules([hot({ id: 'bad', rule: 'broken', config: {} }), hot()], 'ada');
  hub.report('attic-pi', { 'hw.temperature': 90 });
  expect(hub.heard()).toEqual(['firing bad attic-pi', 'firing hot attic-pi']);
});

describe('what is pending while its device goes away', () => {
  const low = (for_ms: number) => hot({ id: 'low', config: { metric: 'system.battery', below: 20, for_ms } });
  const minute = 60_000;
  const awayWhilePending = async (away_ms: number) => {
    const hub = await running();
    await hub.alerts.setRules([low(30 * minute)], 'ada');
    hub.report('attic-pi', { 'system.battery': 10 });
    hub.clock.advance(minute);
    hub.presence('attic-pi', 'stopped');
    hub.clock.advance(away_ms);
    hub.presence('attic-pi', 'online');
    hub.report('attic-pi', { 'system.battery': 10 });
    return hub;
  };

  test('is pending anew once it is back after hours, and fires only after its whole time', async () => {
    const hub = await awayWhilePending(8 * 60 * minute);
    expect(hub.heard()).toEqual(['pending low attic-pi', 'pending low attic-pi']);
    expect(hub.alerts.open()).toMatchObject([{ state: 'pending', since: hub.clock.now() }]);
    hub.clock.advance(29 * minute);
    await hub.restart();
    hub.presence('attic-pi', 'online');
    hub.report('attic-pi', { 'system.battery': 10 });
    hub.clock.advance(2_000);
    expect(hub.heard()).toEqual([]);
    hub.clock.advance(minute);
    expect(hub.heard()).toEqual(['firing low attic-pi']);
  });

  test('goes on where the line had only dropped', async () => {
    const hub = await awayWhilePending(minute);
    expect(hub.heard()).toEqual(['pending low attic-pi']);
    hub.clock.advance(28 * minute + 100);
    expect(hub.heard()).toEqual(['firing low attic-pi']);
  });

  test('is pending anew though the hub was restarted while the device was away', async () => {
    const hub = await running();
    await hub.alerts.setRules([low(30 * minute)], 'ada');
    hub.report('attic-pi', { 'system.battery': 10 });
    hub.presence('attic-pi', 'lost');
    hub.clock.advance(8 * 60 * minute);
    await hub.restart(minute);
    hub.presence('attic-pi', 'online');
    hub.report('attic-pi', { 'system.battery': 10 });
    expect(hub.heard()).toEqual(['pending low attic-pi', 'pending low attic-pi']);
  });
});

test('an alert ends when its device is left out of the rule, which is kept as it was given', async () => {
  const hub = await running();
  await hub.alerts.setRules([hot()], 'ada');
  hub.report('attic-pi', { 'hw.temperature': 90 });
  hub.heard();
  await hub.alerts.setRules([hot({ except: [{ device: 'attic-pi' }, { site: 'barn' }] })], 'ada');
  expect(hub.heard()).toEqual(['resolved hot attic-pi']);
  await hub.restart();
  hub.presence('attic-pi', 'online');
  hub.report('attic-pi', { 'hw.temperature': 95 });
  expect(hub.heard()).toEqual([]);
  const kept = hub.alerts.rules().find(({ id }) => id === 'hot');
  expect(kept?.except).toEqual([{ device: 'attic-pi' }, { site: 'barn' }]);
  expect(() => hub.alerts.checkRules([hot({ except: [{ all: true }] as never })])).toThrow('must be {"network"');
  const reader = { series: async () => ({ tier: 'raw' as const, points: [] }) };
  expect((await hub.alerts.preview(hot({ except: [{ device: 'attic-pi' }] }), { days: 1, reader })).devices).toBe(0);
});
