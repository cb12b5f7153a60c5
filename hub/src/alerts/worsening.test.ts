import { expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';

const HEAT = 'hw.temperature{chip=k10temp,sensor=Tctl}';
const MINUTE = 60_000;

const running = async () => {
  const hub = createHarness();
  hub.store.automatic(true);
  await hub.start();
  hub.device('attic-pi');
  hub.presence('attic-pi', 'online');
  return hub;
};

test('what grew worse while it was pending fires with the severity that it has then', async () => {
  const hub = await running();
  hub.report('attic-pi', { 'system.filesystem.utilization{mountpoint=/}': 0.96 });
  hub.clock.advance(29 * MINUTE);
  hub.report('attic-pi', { 'system.filesystem.utilization{mountpoint=/}': 0.99 });
  hub.clock.advance(MINUTE + 100);
  expect(hub.events.map(({ change, alert }) => [change, alert.severity])).toEqual([
    ['pending', 'warning'],
    ['firing', 'critical'],
  ]);
});

test('what was severe for a moment and fires for less is no longer critical', async () => {
  const hub = await running();
  hub.report('attic-pi', { [HEAT]: 110 });
  hub.clock.advance(10_000);
  for (let at = 0; at < 6; at++) {
    hub.report('attic-pi', { [HEAT]: 97.5 });
    hub.clock.advance(MINUTE);
  }
  expect(hub.events.map(({ change, alert }) => [change, alert.severity])).toEqual([
    ['pending', 'critical'],
    ['firing', 'warning'],
  ]);
});

test('what grows worse while it fires is told once more, and not again when it swings', async () => {
  const hub = await running();
  for (const heat of [97.5, 97.5, 97.5, 97.5, 97.5, 97.5, 110, 97.5, 110, 50]) {
    hub.report('attic-pi', { [HEAT]: heat });
    hub.clock.advance(MINUTE);
  }
  hub.clock.advance(6 * MINUTE);
  expect(hub.events.map(({ change, alert }) => [change, alert.severity, alert.flapping])).toEqual([
    ['pending', 'warning', undefined],
    ['firing', 'warning', undefined],
    ['firing', 'critical', undefined],
    ['resolved', 'critical', undefined],
  ]);
});

test('a severity that the operator chose holds for all alerts of the rule, whatever is found', async () => {
  const hub = await running();
  const rules = hub.alerts.rules();
  await hub.alerts.setRules(
    rules.map((one) => ({ ...one, severity: one.id === 'temperature' ? ('info' as const) : one.severity })),
    'ada',
  );
  for (const heat of [97.5, 97.5, 97.5, 97.5, 97.5, 97.5, 110, 110, 110]) {
    hub.report('attic-pi', { [HEAT]: heat });
    hub.clock.advance(MINUTE);
  }
  expect(hub.events.map(({ change, alert }) => [change, alert.severity])).toEqual([
    ['pending', 'info'],
    ['firing', 'info'],
  ]);
});
