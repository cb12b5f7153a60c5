import { describe, expect, test } from 'vitest';
import { createHarness, type Harness } from './testing/harness.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;

const up = async () => {
  const hub = createHarness();
  await hub.start();
  return hub;
};
const why = (hub: Harness, id: string) => {
  const alert = hub.open.get(id);
  return alert ? hub.notify.silenced(alert) : undefined;
};
/** It goes away: its offline alert fires after its delay. */
const lose = async (hub: Harness, ...devices: string[]) => {
  for (const id of devices) {
    hub.states.set(id, 'lost');
    hub.pending(`offline-${id}`, id);
  }
  await hub.pass(20_000);
  for (const id of devices) hub.fire(`offline-${id}`, id);
  await hub.pass(1_000);
};
const hot = { rule: 'threshold', title: 'Hot', severity: 'warning' as const };

describe('a device that is away', () => {
  test.each(['lost', 'stopped', 'unknown'] as const)('mutes its own alerts about values: %s', async (state) => {
    const hub = await up();
    hub.states.set('pi', state);
    hub.fire('1', 'pi', hot);
    await hub.pass(5 * MINUTE);
    expect([hub.heard(), why(hub, '1')]).toEqual([[], 'Name of pi is away']);
    hub.states.set('pi', 'online');
    await hub.pass(2_000);
    expect(hub.heard()).toEqual(['ada: Name of pi: Hot']);
  });

  test('has nothing repeated of what was told before, but its own absence', async () => {
    const hub = await up();
    await hub.notify.setRoutes([{ id: 'default', match: {}, repeat_ms: HOUR }]);
    hub.fire('1', 'pi', hot);
    await hub.pass(MINUTE);
    await lose(hub, 'pi');
    hub.heard();
    await hub.pass(3 * HOUR, 30_000);
    expect([...new Set(hub.heard())]).toEqual(['ada: Still: Name of pi: Device offline']);
  });
});

describe('an agent that is away', () => {
  const carrying = async () => {
    const hub = await up();
    for (const id of ['hotspot-1', 'hotspot-2']) hub.devices.set(id, { carried_by: 'pi' });
    return hub;
  };

  test('mutes the devices that it carries: one notice names them and counts their money', async () => {
    const hub = await carrying();
    hub.states.set('pi', 'lost');
    for (const id of ['hotspot-1', 'hotspot-2']) hub.states.set(id, 'unknown');
    hub.fire('1', 'hotspot-1', hot);
    hub.fire('2', 'hotspot-2');
    hub.fire('3', 'pi');
    await hub.pass(5 * MINUTE);
    expect(hub.sent.map(({ title, text }) => [title, text])).toEqual([
      [
        'Name of pi: Device offline',
        'pi is lost.\nWith it 2 devices that it speaks for: Name of hotspot-1, Name of hotspot-2.\nAt stake: 1.50 USD an hour.',
      ],
    ]);
    expect([why(hub, '1'), why(hub, '2'), why(hub, '3')]).toEqual([
      'Name of pi, which speaks for it, is away',
      'Name of pi, which speaks for it, is away',
      null,
    ]);
  });

  test('mutes nothing while it is there', async () => {
    const hub = await carrying();
    hub.fire('1', 'hotspot-1', hot);
    await hub.pass(2_000);
    expect(hub.heard()).toEqual(['ada: Name of hotspot-1: Hot']);
  });
});

describe('a site that is away', () => {
  const site = async (count: number) => {
    const hub = await up();
    const ids = Array.from({ length: count }, (_, index) => `d${index}`);
    for (const id of ids) hub.devices.set(id, { site: 'home' });
    return { hub, ids };
  };

  test('mutes what else is wrong with its devices, even with those that are still heard of', async () => {
    const { hub, ids } = await site(5);
    await lose(hub, ...ids.slice(0, 4));
    expect(hub.heard()).toEqual(['ada: Site home: 4 devices offline']);
    hub.fire('fault', 'd4', hot);
    hub.fire('elsewhere', 'other', hot);
    await hub.pass(5 * MINUTE);
    expect(hub.heard()).toEqual(['ada: Name of other: Hot']);
    expect(why(hub, 'fault')).toBe('Site home is away');
    for (const id of ids.slice(0, 4)) {
      hub.states.set(id, 'online');
      hub.resolve(`offline-${id}`);
    }
    await hub.pass(2_000);
    expect(hub.heard()).toContain('ada: Name of d4: Hot');
  });

  test('is not away for a few of many: the others speak for themselves', async () => {
    const { hub, ids } = await site(20);
    await lose(hub, ...ids.slice(0, 3));
    hub.heard();
    hub.fire('fault', 'd9', hot);
    await hub.pass(2_000);
    expect(hub.heard()).toEqual(['ada: Name of d9: Hot']);
  });

  test('that loses others later is a second incident with a notice of its own', async () => {
    const { hub, ids } = await site(12);
    await lose(hub, ...ids.slice(0, 3));
    await hub.pass(10 * MINUTE, 5_000);
    hub.heard();
    await lose(hub, ...ids.slice(3, 9));
    expect(hub.heard()).toEqual(['ada: Site home: 6 devices offline']);
    expect(hub.notify.incidents().map(({ count, away }) => [count, away])).toEqual([
      [6, 6],
      [3, 3],
    ]);
    for (const id of ids.slice(0, 9)) hub.resolve(`offline-${id}`);
    await hub.pass(2_000);
    expect(hub.heard().sort()).toEqual([
      'ada: Resolved: Site home: 3 devices offline',
      'ada: Resolved: Site home: 6 devices offline',
    ]);
  });
});

describe('what devices share beside a site', () => {
  test('is a tag when at least half of those who bear it vanish together', async () => {
    const hub = await up();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const tag = { id: 'tag:isp', name: 'Tag isp', site: null, least: 3 };
    for (const id of ids) hub.shared.set(id, [{ id: `site:${id}`, name: id, site: id, devices: 1 }, tag]);
    await lose(hub, 'a', 'b', 'c');
    expect(hub.heard()).toEqual(['ada: Tag isp: 3 devices offline']);
  });

  test('is no tag when only a few of many who bear it do', async () => {
    const hub = await up();
    const tag = { id: 'tag:helium', name: 'Tag helium', site: null, least: 500 };
    for (const id of ['a', 'b', 'c']) hub.shared.set(id, [tag]);
    await lose(hub, 'a', 'b', 'c');
    expect(hub.notify.incidents()).toEqual([]);
  });

  test('is the narrowest thing of which enough vanish', async () => {
    const hub = await up();
    const place = (id: string, site: string | null = null) => ({ id, name: id, site, devices: 4 });
    for (const id of ['a', 'b', 'c', 'd']) hub.shared.set(id, [place('site:roof', 'roof'), place('net:203.0.113.7')]);
    hub.shared.set('e', [place('net:203.0.113.7')]);
    await lose(hub, 'e', 'a', 'b', 'c', 'd');
    expect(hub.notify.incidents().map(({ place: name, count }) => [name, count])).toEqual([['net:203.0.113.7', 5]]);
  });
});

test('an alert that nobody takes care of any more is repeated again', async () => {
  const hub = await up();
  await hub.notify.setRoutes([{ id: 'default', match: {}, repeat_ms: HOUR }]);
  hub.fire('1', 'pi');
  await hub.pass(2_000);
  hub.mark('1', { acknowledged: { by: 'ada', at: 0, comment: null } });
  await hub.pass(3 * HOUR, 10_000);
  expect(hub.heard()).toEqual(['ada: Name of pi: Device offline']);
  hub.mark('1', { acknowledged: null });
  await hub.pass(2_000);
  expect(hub.heard()).toEqual(['ada: Still: Name of pi: Device offline']);
});
