import { expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DISK = 'system.filesystem.utilization{mountpoint=/}';
const SECTORS = 'hw.physical_disk.sectors{disk=a,type=reallocated}';

const up = async () => {
  const hub = createHarness();
  hub.store.automatic(true);
  await hub.start();
  hub.device('pi', { interval_ms: MINUTE });
  hub.presence('pi', 'online', 'boot-1');
  return hub;
};
type Hub = Awaited<ReturnType<typeof up>>;

/** A minute a report. */
const fill = (hub: Hub, minutes: number, at: (minute: number) => number) => {
  for (let minute = 1; minute <= minutes; minute++) {
    hub.clock.advance(MINUTE);
    hub.report('pi', { [DISK]: at(minute) });
  }
};
const back = async (hub: Hub, how: 'stopped' | 'killed') => {
  hub.store.automatic(how === 'stopped');
  await hub.restart(20_000);
  hub.store.automatic(true);
  hub.presence('pi', 'online', 'boot-1');
};

test.each(['stopped', 'killed'] as const)(
  'a disk that fills up is neither well nor told again when the hub is %s',
  async (how) => {
    const hub = await up();
    const at = (minute: number) => 0.65 + (0.02 * minute) / 60;
    fill(hub, 5 * 60, at);
    expect(hub.heard()).toEqual(['pending disk_full pi', 'firing disk_full pi']);
    await back(hub, how);
    fill(hub, 5 * 60, (minute) => at(5 * 60 + minute));
    expect(hub.heard()).toEqual([]);
  },
);

test('a disk that began to fill up after its last document was written is told once when the hub is killed', async () => {
  const hub = await up();
  const calm = 27.5 * 60;
  const at = (minute: number) => 0.65 + Math.max(0, (0.02 * (minute - calm)) / 60);
  fill(hub, calm + 5 * 60, at);
  expect(hub.heard()).toEqual(['pending disk_full pi', 'firing disk_full pi']);
  await back(hub, 'killed');
  fill(hub, 5 * 60, (minute) => at(calm + 5 * 60 + minute));
  expect(hub.heard()).toEqual([]);
});

test('a trend that was watched for hours is not forgotten by a restart', async () => {
  const hub = await up();
  const at = (minute: number) => 0.65 + (0.02 * minute) / 60;
  fill(hub, 170, at);
  await back(hub, 'killed');
  fill(hub, 80, (minute) => at(170 + minute));
  expect(hub.heard()).toEqual(['pending disk_full pi', 'firing disk_full pi']);
});

test('a disk that goes on filling up after its logs were cleared is told again by what came since', async () => {
  const hub = await up();
  const at = (minute: number) => 0.7 + (0.02 * minute) / 60;
  fill(hub, 125, at);
  fill(hub, 4 * 60, (minute) => at(125 + minute) - 0.07);
  expect(hub.heard()).toEqual(['pending disk_full pi', 'firing disk_full pi']);
});

test('sectors that go bad while the hub is away are told', async () => {
  const hub = await up();
  hub.report('pi', { [SECTORS]: 8 });
  hub.clock.advance(HOUR);
  await back(hub, 'killed');
  hub.report('pi', { [SECTORS]: 12 });
  expect(hub.heard()).toEqual(['firing storage_health pi']);
});

test('a machine that restarts again and again is found over a restart of the hub', async () => {
  const hub = await up();
  const boot = (uptime: number) => {
    hub.clock.advance(8 * MINUTE);
    hub.report('pi', { 'system.uptime': uptime });
  };
  for (const uptime of [90_000, 480, 475]) boot(uptime);
  hub.clock.advance(6 * MINUTE);
  await back(hub, 'killed');
  for (const uptime of [300, 299]) boot(uptime);
  expect(hub.heard()).toEqual(['firing restart_loop pi']);
});

test('what was remembered of a device goes with it', async () => {
  const hub = await up();
  fill(hub, 60, () => 0.7);
  hub.clock.advance(HOUR);
  expect(hub.store.document('alert_traces', 'pi')).toBeTruthy();
  hub.devices.delete('pi');
  hub.alerts.deviceRemoved('pi');
  expect(hub.store.document('alert_traces', 'pi')).toBeUndefined();
});
