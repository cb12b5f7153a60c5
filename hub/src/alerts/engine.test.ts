import { AppError } from '@muster/shared/errors';
import { expect, test } from 'vitest';
import type { RuleSetting } from '../parts.js';
import { versionOf } from '../shelf.js';
import { createHarness } from './testing/harness.js';

const running = async (device = 'attic-pi') => {
  const hub = createHarness();
  hub.store.automatic(true);
  await hub.start();
  hub.device(device);
  hub.presence(device, 'online');
  return hub;
};

const hot = (more: Partial<RuleSetting> = {}): RuleSetting => ({
  ...{ id: 'hot', rule: 'threshold', title: 'Too hot', enabled: true, severity: 'warning', scope: { all: true } },
  config: { metric: 'hw.temperature', above: 80 },
  ...more,
});

test('an event is announced only after it is on disk, and nobody sees the alert before', async () => {
  const hub = await running();
  hub.store.automatic(false);
  hub.presence('attic-pi', 'lost');
  expect(hub.events).toEqual([]);
  expect(hub.alerts.open()).toEqual([]);
  expect(hub.alerts.counts('attic-pi')).toEqual({ firing: 0, pending: 0 });
  hub.store.commit();
  expect(hub.events.map(({ number, change }) => [number, change])).toEqual([[1, 'pending']]);
  expect(hub.alerts.open()).toEqual([hub.events[0]?.alert]);
  expect(hub.alerts.counts('attic-pi')).toEqual({ firing: 0, pending: 1 });
  expect(hub.alerts.newest).toBe(1);
});

test('an alert goes from pending to firing to resolved and names the device', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(19_990);
  expect(hub.heard()).toEqual(['pending offline attic-pi']);
  const due = hub.clock.now() + 10;
  hub.clock.advance(260);
  expect(hub.events[0]?.ts).toBeLessThanOrEqual(due + 250);
  expect(hub.heard()).toEqual(['firing offline attic-pi']);
  const [alert] = hub.alerts.open();
  expect(alert).toMatchObject({
    state: 'firing',
    device_name: 'Name of attic-pi',
    severity: 'critical',
    title: 'Device offline',
  });
  expect(alert?.why).toContain('Name of attic-pi');
  hub.presence('attic-pi', 'online');
  expect(hub.heard()).toEqual(['resolved offline attic-pi']);
  expect(hub.alerts.open()).toEqual([]);
  expect(hub.alerts.list({ state: 'resolved' }).map(({ id }) => id)).toEqual([alert?.id]);
});

test('a short loss is cancelled and not listed', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(5_000);
  hub.presence('attic-pi', 'online');
  hub.clock.advance(60_000);
  expect(hub.heard()).toEqual(['pending offline attic-pi', 'cancelled offline attic-pi']);
  expect(hub.alerts.list({})).toEqual([]);
});

test('a pending alert continues over a restart with its own clock', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(5_000);
  hub.heard();
  await hub.restart(5_000);
  expect(hub.alerts.counts('attic-pi')).toEqual({ firing: 0, pending: 1 });
  hub.clock.advance(9_900);
  expect(hub.heard()).toEqual([]);
  hub.clock.advance(350);
  expect(hub.heard()).toEqual(['firing offline attic-pi']);
});

test('a firing alert is not announced again after a restart, and resolves if the device came back meanwhile', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(30_000);
  hub.heard();
  await hub.restart(10_000);
  hub.clock.advance(60_000);
  expect(hub.heard()).toEqual([]);
  expect(hub.alerts.open()).toHaveLength(1);
  await hub.restart();
  hub.presence('attic-pi', 'online');
  expect(hub.heard()).toEqual(['resolved offline attic-pi']);
  await hub.restart();
  expect(hub.alerts.list({})).toHaveLength(1);
  expect(hub.heard()).toEqual([]);
});

test('a hub restart with every device online makes no event', async () => {
  const hub = await running();
  await hub.restart(30_000);
  hub.clock.advance(40_000);
  hub.presence('attic-pi', 'online');
  hub.clock.advance(60_000);
  expect(hub.heard()).toEqual([]);
});

test('what the store cannot commit is announced at once without a number, then stored and announced with it', async () => {
  const hub = await running();
  hub.store.stall(true);
  hub.alerts.stalled('The disk is full.');
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(21_000);
  expect(hub.events.map(({ number, change, alert }) => [number, change, alert.device])).toEqual([
    [null, 'firing', ''],
    [null, 'pending', 'attic-pi'],
    [null, 'firing', 'attic-pi'],
  ]);
  expect(hub.alerts.counts('attic-pi')).toEqual({ firing: 1, pending: 0 });
  expect(hub.alerts.newest).toBe(0);
  const early = hub.events.splice(0);
  hub.store.stall(false);
  hub.store.commit();
  hub.alerts.recovered();
  expect(hub.events.map(({ number, change }) => [number, change])).toEqual([
    [1, 'firing'],
    [2, 'pending'],
    [3, 'firing'],
    [4, 'resolved'],
  ]);
  const names = ({ change, ts, alert }: (typeof early)[number]) => `${alert.id} ${change} ${ts}`;
  expect(hub.events.slice(0, 3).map(names)).toEqual(early.map(names));
  expect(hub.alerts.open().map(({ state, event }) => [state, event])).toEqual([['firing', 3]]);
});

test('an event that waits for a store that stops committing is not held back', async () => {
  const hub = await running();
  hub.store.automatic(false);
  hub.presence('attic-pi', 'lost');
  hub.store.stall(true);
  hub.clock.advance(1_000);
  expect(hub.events.map(({ number, change }) => [number, change])).toEqual([[null, 'pending']]);
});

test('numbered events of a recovering store do not turn back what was already shown', async () => {
  const hub = await running();
  hub.store.stall(true);
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(21_000);
  hub.store.stall(false);
  hub.store.commit(1);
  expect(hub.events.at(-1)).toMatchObject({ number: 1, change: 'pending' });
  expect(hub.alerts.open()).toMatchObject([{ state: 'firing' }]);
});

test('an event that is on disk but not announced is not replayed: it comes live, once', async () => {
  const hub = await running();
  hub.store.automatic(false);
  hub.presence('attic-pi', 'lost');
  const tell = hub.store.land();
  expect(await hub.alerts.events(0, 10)).toEqual([]);
  tell();
  expect(hub.events).toHaveLength(1);
  expect(await hub.alerts.events(0, 10)).toEqual(hub.events);
});

test('a hub alert that a crash left open is closed by the next start', async () => {
  const hub = await running();
  hub.alerts.hub('store', true, 'The disk is full.');
  expect(hub.alerts.open()).toMatchObject([{ device: '', device_name: 'Hub', state: 'firing', severity: 'critical' }]);
  await hub.restart();
  expect(hub.alerts.open()).toEqual([]);
});

test('acknowledging is an event: stored, announced, kept over a restart and done once', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(30_000);
  const id = hub.alerts.open()[0]?.id ?? '';
  hub.heard();
  const [alert] = await hub.alerts.acknowledge([id], 'ada', 'on my way');
  expect(alert?.acknowledged).toMatchObject({ by: 'ada', comment: 'on my way' });
  await hub.alerts.acknowledge([id], 'ada', 'on my way');
  expect(hub.events.map(({ change, by }) => [change, by])).toEqual([['acknowledged', 'ada']]);
  await hub.restart();
  expect(hub.alerts.get(id)?.acknowledged?.by).toBe('ada');
  await expect(hub.alerts.acknowledge(['nope'], 'ada', null)).rejects.toMatchObject({ code: 'not_found' });
  hub.store.stall(true);
  await expect(hub.alerts.acknowledge([id], 'bob', null)).rejects.toMatchObject({ code: 'storage' });
});

test('events after a number are replayed exactly, and none that is not announced yet', async () => {
  const hub = await running();
  for (let i = 0; i < 4; i++) {
    hub.presence('attic-pi', 'lost');
    hub.clock.advance(25_000);
    hub.presence('attic-pi', 'online');
  }
  expect(await hub.alerts.events(0, 100)).toEqual(hub.events);
  expect(await hub.alerts.events(5, 100)).toEqual(hub.events.slice(5));
  expect(await hub.alerts.events(5, 2)).toEqual(hub.events.slice(5, 7));
  expect(await hub.alerts.events(12, 100)).toEqual([]);
});

test('a report costs an alert only where its metric is asked for, and each series has its own', async () => {
  const hub = await running();
  await hub.alerts.setRules([hot()], 'ada');
  hub.report('attic-pi', { 'hw.power': 99, 'hw.temperature{zone=cpu}': 81, 'hw.temperature{zone=nvme}': 40 });
  expect(hub.alerts.open()).toMatchObject([{ title: 'Too hot', value: 81, state: 'firing' }]);
  expect(hub.alerts.open()[0]?.why).toMatch(/Name of attic-pi: hw.temperature\{zone=cpu\} is 81.*above 80/);
  hub.report('attic-pi', { 'hw.temperature{zone=nvme}': 90 });
  expect(hub.alerts.counts('attic-pi').firing).toBe(2);
  hub.report('attic-pi', { 'hw.temperature{zone=cpu}': 60, 'hw.temperature{zone=nvme}': 60 });
  expect(hub.alerts.counts('attic-pi').firing).toBe(0);
});

test('a threshold with a time fires without another report', async () => {
  const hub = await running();
  await hub.alerts.setRules([hot({ config: { metric: 'hw.temperature', above: 80, for_ms: 5_000 } })], 'ada');
  hub.report('attic-pi', { 'hw.temperature': 81 });
  hub.clock.advance(5_300);
  expect(hub.heard()).toEqual(['pending hot attic-pi', 'firing hot attic-pi']);
});

test('a firing threshold stays open over a restart until a new value says otherwise', async () => {
  const hub = await running();
  await hub.alerts.setRules([hot()], 'ada');
  hub.report('attic-pi', { 'hw.temperature': 81 });
  hub.heard();
  await hub.restart();
  hub.presence('attic-pi', 'online');
  hub.clock.advance(120_000);
  expect(hub.heard()).toEqual([]);
  hub.report('attic-pi', { 'hw.temperature': 70 });
  expect(hub.heard()).toEqual(['resolved hot attic-pi']);
});

test('a series that is gone for longer than any cadence ends its alert', async () => {
  const hub = await running();
  await hub.alerts.setRules([hot()], 'ada');
  hub.report('attic-pi', { 'hw.temperature{zone=gpu}': 99 });
  hub.clock.advance(25 * 3_600_000);
  expect(hub.alerts.open()).toHaveLength(1);
  hub.clock.advance(2 * 3_600_000);
  expect(hub.heard()).toEqual(['firing hot attic-pi', 'resolved hot attic-pi']);
});

test('a missed signal does not leave an alert open', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(25_000);
  const { alerts } = hub;
  const told = alerts.presenceChanged;
  alerts.presenceChanged = () => {};
  hub.presence('attic-pi', 'online');
  alerts.presenceChanged = told;
  expect(alerts.open()).toHaveLength(1);
  hub.clock.advance(31_000);
  expect(alerts.open()).toEqual([]);
});

test('the narrowest scope of a rule about the same metric wins', async () => {
  const hub = await running();
  hub.device('garage-pi', { tags: ['hot-room'] });
  hub.presence('garage-pi', 'online');
  const tagged = { scope: { tag: 'hot-room' }, config: { metric: 'hw.temperature', above: 95 } };
  await hub.alerts.setRules(
    [hot(), hot({ id: 'hot-room', ...tagged }), hot({ id: 'power', config: { metric: 'hw.power', above: 5 } })],
    'ada',
  );
  hub.report('attic-pi', { 'hw.temperature': 90, 'hw.power': 1 });
  hub.report('garage-pi', { 'hw.temperature': 90, 'hw.power': 6 });
  expect(hub.heard()).toEqual(['firing hot attic-pi', 'firing power garage-pi']);
  hub.device('attic-pi', { tags: ['hot-room'] });
  expect(hub.heard()).toEqual(['resolved hot attic-pi']);
});

test('rules that are switched off, replaced or edited end what they no longer ask for', async () => {
  const hub = await running();
  await hub.alerts.setRules([hot()], 'ada');
  hub.report('attic-pi', { 'hw.temperature{zone=cpu}': 90 });
  hub.heard();
  await hub.alerts.setRules([hot({ config: { metric: 'hw.temperature', above: 85 } })], 'ada');
  expect(hub.heard()).toEqual([]);
  await hub.alerts.setRules([hot({ config: { metric: 'hw.temperature', labels: { zone: 'gpu' }, above: 85 } })], 'ada');
  expect(hub.heard()).toEqual(['resolved hot attic-pi']);
  await hub.alerts.setRules([hot()], 'ada');
  await hub.alerts.setRules([hot({ enabled: false })], 'ada');
  expect(hub.heard()).toEqual(['firing hot attic-pi', 'resolved hot attic-pi']);
});

test('defaults are on at the first start, and a deletion lasts', async () => {
  const hub = await running();
  const defaults = hub.alerts.rules().map(({ id, enabled }) => [id, enabled]);
  for (const id of ['not_reporting', 'offline', 'disk_full', 'temperature']) expect(defaults).toContainEqual([id, true]);
  for (const id of ['threshold', 'rate']) expect(defaults).not.toContainEqual([id, true]);
  await hub.alerts.setRules([], 'ada');
  await hub.restart();
  expect(hub.alerts.rules()).toEqual([]);
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(60_000);
  expect(hub.heard()).toEqual([]);
});

test.each([
  [[hot({ config: { metric: 'hw.temperature' } })], '0.config', 'above'],
  [[hot({ config: { metric: 7, above: 1 } })], '0.config.metric', 'metric'],
  [[hot(), hot()], '1.id', 'Two rules'],
  [[hot({ rule: 'treshold' })], '0.rule', 'known are agent_outdated, clock_skew, disk_full, earning_drop'],
  [[hot({ scope: { everything: true } as never })], '0.scope', '{"all": true}'],
])('a wrong rule is refused with its path: %#', async (rules, path, word) => {
  const hub = await running();
  const before = hub.alerts.rules();
  const refusal = await hub.alerts.setRules(rules, 'ada').catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(AppError);
  expect((refusal as AppError).details.path).toBe(path);
  expect((refusal as AppError).message).toContain(word);
  expect(hub.alerts.rules()).toEqual(before);
});

test('a removed device takes its alerts with it, a renamed one keeps them under its new name', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(25_000);
  hub.heard();
  hub.device('attic-pi', { name: 'Loft' });
  expect(hub.alerts.open()[0]?.device_name).toBe('Loft');
  hub.devices.delete('attic-pi');
  hub.alerts.deviceRemoved('attic-pi');
  expect(hub.heard()).toEqual(['resolved offline attic-pi']);
  await hub.restart();
  expect(hub.alerts.open()).toEqual([]);
});

test('a clock that jumps does not fire a pending alert early', async () => {
  const hub = await running();
  hub.presence('attic-pi', 'lost');
  hub.clock.advance(5_000);
  hub.clock.step(3_600_000);
  hub.clock.advance(10_000);
  expect(hub.heard()).toEqual(['pending offline attic-pi']);
  hub.clock.advance(5_300);
  expect(hub.heard()).toEqual(['firing offline attic-pi']);
});

test('ten thousand devices lost at once fire within 250 ms of their time', async () => {
  const hub = createHarness();
  hub.store.automatic(true);
  await hub.start();
  for (let i = 0; i < 10_000; i++) hub.device(`d${i}`);
  for (let i = 0; i < 10_000; i++) hub.presence(`d${i}`, 'lost');
  hub.heard();
  hub.clock.advance(20_050);
  expect(hub.heard()).toHaveLength(10_000);
});

test('of two changes made from the same version the second is refused, even while the first is being written', async () => {
  const hub = await running();
  const version = versionOf(hub.alerts.rules());
  const first = hub.alerts.setRules([hot()], 'ada', version);
  const second = hub.alerts.setRules([hot({ title: 'Warm' })], 'bob', version).catch((error: unknown) => error);
  await first;
  expect(await second).toMatchObject({ code: 'conflict' });
  expect(hub.alerts.rules()).toMatchObject([{ title: 'Too hot' }]);
  await hub.alerts.setRules([], 'bob', versionOf(hub.alerts.rules()));
  expect(hub.alerts.rules()).toEqual([]);
});

test('the rule forms can be drawn from the declarations', async () => {
  const hub = await running();
  const threshold = hub.alerts.declarations().find(({ id }) => id === 'threshold');
  expect(threshold?.config).toMatchObject({ type: 'object', properties: { metric: { type: 'string' } } });
});

test('a snoozed alert says until when and by whom, as a numbered event, over a restart', async () => {
  const hub = createHarness();
  hub.store.automatic(true);
  await hub.start();
  hub.device('a');
  hub.presence('a', 'lost');
  hub.clock.advance(21_000);
  const [alert] = hub.alerts.open();
  const until = hub.clock.now() + 3_600_000;
  const [snoozed] = await hub.alerts.snooze([alert?.id ?? ''], 'ada', until);
  expect(snoozed).toMatchObject({ snoozed: { by: 'ada', until } });
  expect(hub.events.at(-1)).toMatchObject({ change: 'snoozed', by: 'ada', number: 3 });
  await hub.alerts.snooze([alert?.id ?? ''], 'bob', until);
  expect(hub.events).toHaveLength(3);
  await hub.restart();
  expect(hub.alerts.open()).toMatchObject([{ snoozed: { by: 'ada', until } }]);
  expect((await hub.alerts.snooze([alert?.id ?? ''], 'ada', null))[0]).toMatchObject({ snoozed: null });
});
