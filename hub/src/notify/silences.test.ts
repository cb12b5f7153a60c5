import { describe, expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';
import { createLocalTimes, isWithin } from './times.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;

const up = async () => {
  const hub = createHarness();
  await hub.start();
  return hub;
};

describe('a silence', () => {
  test.each([
    ['all', { all: true }],
    ['tag', { tag: 'gpu' }],
    ['site', { site: 'home' }],
    ['device', { device: 'earner' }],
    ['network', { network: 'storj' }],
    ['rule', { rule: 'offline' }],
  ])('by %s mutes its alerts and no others; what fires still is told when it ends', async (_name, scope) => {
    const hub = await up();
    hub.devices.set('earner', { site: 'home', tags: ['gpu'] });
    await hub.notify.addSilence({ scope, to: hub.clock.now() + HOUR, comment: 'new router' }, 'ada');
    hub.fire('1', 'earner');
    hub.fire('2', 'other', { rule: 'threshold', title: 'Hot' });
    await hub.pass(5_000);
    expect(hub.heard()).toEqual('all' in scope ? [] : ['ada: Name of other: Hot']);
    const alert = hub.open.get('1');
    expect(alert && hub.notify.silenced(alert)).toBe('silenced: new router');
    await hub.pass(HOUR, 10_000);
    expect(hub.heard().filter((line) => line.includes('earner'))).toEqual(['ada: Name of earner: Device offline']);
  });

  test('hides what comes and goes within it', async () => {
    const hub = await up();
    await hub.notify.addSilence({ scope: { all: true }, to: hub.clock.now() + HOUR, comment: '' }, 'ada');
    hub.fire('1', 'pi');
    await hub.pass(MINUTE);
    hub.resolve('1');
    await hub.pass(2 * HOUR, MINUTE);
    expect(hub.heard()).toEqual([]);
  });

  test('ends early when it is deleted, and outlives a restart', async () => {
    const hub = await up();
    const { id } = await hub.notify.addSilence({ scope: { all: true }, to: hub.clock.now() + HOUR, comment: '' }, 'ada');
    await hub.crash();
    hub.fire('1', 'pi');
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual([]);
    expect([await hub.notify.deleteSilence(id), await hub.notify.deleteSilence(id)]).toEqual([true, false]);
    await hub.pass(2_000);
    expect(hub.heard()).toHaveLength(1);
  });

  test.each([
    [{ scope: { all: true } }, 'either "to" or "weekly"'],
    [{ scope: { all: true }, to: 1 }, 'later than now'],
    [{ scope: { all: true, tag: 'x' }, to: 1 }, 'must be {"all": true}'],
    [{ scope: { all: true }, weekly: { days: [8], from: '01:00', to: '02:00', time_zone: 'UTC' } }, 'at most 7'],
    [{ scope: { all: true }, weekly: { days: [1], from: '01:00', to: '02:00', time_zone: 'Mars' } }, 'time zone'],
  ])('is refused with a sentence: %j', async (silence, sentence) => {
    const hub = await up();
    await expect(hub.notify.addSilence(silence, 'ada')).rejects.toThrow(sentence);
  });
});

test('a weekly silence with an end holds no more from then on', async () => {
  const hub = await up();
  const weekly = { days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00', time_zone: 'UTC' };
  await hub.notify.addSilence({ scope: { all: true }, weekly, to: hub.clock.now() + HOUR, comment: '' }, 'ada');
  hub.fire('1', 'pi');
  await hub.pass(MINUTE);
  expect(hub.heard()).toEqual([]);
  await hub.pass(HOUR, 10_000);
  expect(hub.heard()).toHaveLength(1);
});

test('a weekly window follows the clocks of its time zone, over midnight and over the change to summer time', () => {
  const local = createLocalTimes();
  const nights = { days: [6], from: '23:00', to: '03:30', time_zone: 'Europe/Berlin' };
  const at = (text: string) => isWithin(nights, Date.parse(text), local);
  // Saturday 2026-03-28 to Sunday; at 02:00 clocks jump to 03:00.
  expect(at('2026-03-28T21:59:00Z')).toBe(false);
  expect(at('2026-03-28T22:00:00Z')).toBe(true);
  expect(at('2026-03-29T00:59:00Z')).toBe(true);
  expect(at('2026-03-29T01:29:00Z')).toBe(true);
  expect(at('2026-03-29T01:30:00Z')).toBe(false);
  expect(at('2026-03-29T22:00:00Z')).toBe(false);
});

describe('what depends on something else', () => {
  test('waits: of a device that is away only the offline alert speaks', async () => {
    const hub = await up();
    hub.states.set('pi', 'lost');
    hub.fire('1', 'pi');
    hub.fire('2', 'pi', { rule: 'threshold', title: 'Hot' });
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual(['ada: Name of pi: Device offline']);
    const hot = hub.open.get('2');
    expect(hot && hub.notify.silenced(hot)).toBe('Name of pi is away');
    hub.states.set('pi', 'online');
    hub.resolve('1');
    await hub.pass(2_000);
    expect(hub.heard().sort()).toEqual(['ada: Name of pi: Hot', 'ada: Resolved: Name of pi: Device offline']);
  });

  test('waits: a carried device is quiet while its carrier is away', async () => {
    const hub = await up();
    hub.devices.set('hotspot', { carried_by: 'pi' });
    hub.states.set('pi', 'lost');
    hub.fire('1', 'hotspot');
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual([]);
    hub.states.set('pi', 'online');
    await hub.pass(2_000);
    expect(hub.heard()).toHaveLength(1);
  });

  test('a snoozed alert is neither told nor repeated until it wakes', async () => {
    const hub = await up();
    hub.fire('1', 'pi', { snoozed: { by: 'ada', at: 0, until: hub.clock.now() + HOUR } });
    await hub.pass(59 * MINUTE, 10_000);
    expect(hub.heard()).toEqual([]);
    await hub.pass(2 * MINUTE);
    expect(hub.heard()).toHaveLength(1);
  });
});
