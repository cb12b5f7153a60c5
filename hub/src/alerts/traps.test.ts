import { describe, expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';

/** Traps that others fell into, by the whole of the alerts; those of one rule are cases of its fixture, those of presence are in devices/. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const running = async (count: number) => {
  const hub = createHarness();
  hub.store.automatic(true);
  const ids = Array.from({ length: count }, (_, index) => `pi-${index}`);
  for (const id of ids) hub.device(id);
  await hub.start();
  for (const id of ids) hub.presence(id, 'online');
  hub.heard();
  return { hub, ids };
};

describe('TRAP', () => {
  test('hub restart false downs: a thousand devices that come back one by one raise nothing, the one that does not is told', async () => {
    const { hub, ids } = await running(1_000);
    await hub.restart(2 * MINUTE);
    for (const id of ids.slice(1)) {
      hub.clock.advance(40);
      hub.presence(id, 'online');
    }
    hub.clock.advance(5_000);
    hub.presence('pi-0', 'lost');
    hub.clock.advance(21_000);
    expect(hub.heard()).toEqual(['pending offline pi-0', 'firing offline pi-0']);
  });

  test('a restart sends again what was sent: an alert that fires is announced once over many restarts', async () => {
    const { hub } = await running(1);
    hub.presence('pi-0', 'lost');
    hub.clock.advance(30_000);
    for (let times = 0; times < 5; times++) await hub.restart(MINUTE);
    expect(hub.heard()).toEqual(['pending offline pi-0', 'firing offline pi-0']);
    hub.presence('pi-0', 'online');
    expect(hub.heard()).toEqual(['resolved offline pi-0']);
  });

  test('first outage missed: a rule that is switched on while a device is online tells its first outage', async () => {
    const { hub } = await running(1);
    const all = hub.alerts.rules();
    await hub.alerts.setRules(
      all.map((one) => ({ ...one, enabled: one.id !== 'offline' })),
      'ada',
    );
    hub.clock.advance(HOUR);
    await hub.alerts.setRules(all, 'ada');
    hub.presence('pi-0', 'lost');
    hub.clock.advance(21_000);
    expect(hub.heard()).toEqual(['pending offline pi-0', 'firing offline pi-0']);
  });

  test('first outage missed: a device that is away when the rule is switched on is told', async () => {
    const { hub } = await running(1);
    const all = hub.alerts.rules();
    await hub.alerts.setRules([], 'ada');
    hub.presence('pi-0', 'lost');
    hub.clock.advance(HOUR);
    await hub.alerts.setRules(all, 'ada');
    hub.clock.advance(21_000);
    expect(hub.heard()).toEqual(['pending offline pi-0', 'firing offline pi-0']);
  });

  test('stuck states: whatever the order of its states, nothing is open once a device has been well for long', async () => {
    const { hub } = await running(1);
    for (const state of [
      'lost',
      'reconnecting',
      'quiet',
      'stopped',
      'lost',
      'unknown',
      'quiet',
      'lost',
      'reconnecting',
    ] as const) {
      hub.presence('pi-0', state);
      hub.clock.advance(15 * MINUTE);
    }
    hub.presence('pi-0', 'online');
    hub.clock.advance(HOUR);
    expect(hub.alerts.open()).toEqual([]);
  });

  test('metric alert open while the host is off, resolved late: it is unknown meanwhile and ends with the first word of its device', async () => {
    const { hub } = await running(1);
    await hub.alerts.setRules(
      [
        {
          ...{ id: 'hot', rule: 'threshold', title: 'Hot', enabled: true, severity: 'warning', scope: { all: true } },
          config: { metric: 'hw.temperature', above: 80 },
        },
      ],
      'ada',
    );
    hub.report('pi-0', { 'hw.temperature': 90 });
    hub.presence('pi-0', 'lost');
    hub.clock.advance(8 * HOUR);
    expect(hub.alerts.open().map((one) => [one.state, hub.alerts.isUnknown(one)])).toEqual([['firing', true]]);
    hub.presence('pi-0', 'online');
    hub.report('pi-0', { 'hw.temperature': 60 });
    expect(hub.heard()).toEqual(['firing hot pi-0', 'resolved hot pi-0']);
  });

  test('rhythmic flapping: a phone that dozes every ten minutes is one alert, not one for each', async () => {
    const { hub } = await running(1);
    for (let times = 0; times < 30; times++) {
      hub.presence('pi-0', 'lost');
      hub.clock.advance(5 * MINUTE);
      hub.presence('pi-0', 'online');
      hub.clock.advance(5 * MINUTE);
    }
    const heard = hub.heard();
    expect(heard.filter((word) => word.startsWith('firing'))).toHaveLength(3);
    expect(hub.alerts.open()).toMatchObject([{ flapping: true }]);
    hub.clock.advance(31 * MINUTE);
    expect(hub.heard()).toEqual(['resolved offline pi-0']);
  });

  test('rhythmic flapping: an outage that begins while the alert is held open is known by its own beginning', async () => {
    const { hub } = await running(1);
    const badFor = () => hub.clock.now() - (hub.alerts.badSince(hub.alerts.open()[0]?.id ?? '') ?? hub.clock.now());
    for (let times = 0; times < 4; times++) {
      hub.presence('pi-0', 'lost');
      hub.clock.advance(10 * MINUTE);
      expect(badFor()).toBeLessThanOrEqual(10 * MINUTE);
      hub.presence('pi-0', 'online');
      hub.clock.advance(10 * MINUTE);
      expect(badFor()).toBe(0);
    }
    hub.presence('pi-0', 'lost');
    hub.clock.advance(16 * MINUTE);
    expect(badFor()).toBe(16 * MINUTE);
    await hub.restart(MINUTE);
    hub.clock.advance(5 * MINUTE);
    expect(badFor()).toBeLessThanOrEqual(5 * MINUTE);
  });

  test('cascade of a parent that restarts: devices that an agent carries are unknown while it is away, and no alert', async () => {
    const { hub, ids } = await running(300);
    const [agent = '', ...carried] = ids;
    hub.presence(agent, 'lost');
    for (const id of carried) hub.presence(id, 'unknown');
    hub.clock.advance(10 * MINUTE);
    expect(hub.heard()).toEqual([`pending offline ${agent}`, `firing offline ${agent}`]);
    hub.presence(agent, 'online');
    for (const id of carried) hub.presence(id, 'online');
    hub.clock.advance(10 * MINUTE);
    expect(hub.heard()).toEqual([`resolved offline ${agent}`]);
  });
});
