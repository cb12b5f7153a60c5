import { describe, expect, test } from 'vitest';
import { sharedAddress } from './places.js';
import { createHarness } from './testing/harness.js';

const MINUTE = 60_000;
const SITE = 500;

const cut = async (count = SITE) => {
  const hub = createHarness();
  await hub.start();
  for (let index = 0; index < count; index++) hub.devices.set(`d${index}`, { site: 'home' });
  for (let index = 0; index < count; index++) {
    hub.states.set(`d${index}`, 'lost');
    hub.pending(`${index}`, `d${index}`);
    if (index % 100 === 99) await hub.pass(500);
  }
  await hub.pass(18_000);
  return hub;
};

describe('the devices of one site that go away together', () => {
  test('are one notice, priced, with all of them counted while only the first has fired', async () => {
    const hub = await cut();
    for (let index = 0; index < SITE; index++) {
      hub.fire(`${index}`, `d${index}`);
      if (index % 100 === 99) await hub.pass(700);
    }
    await hub.pass(MINUTE);
    expect(hub.sent).toHaveLength(1);
    expect(hub.sent[0]).toMatchObject({ title: 'Site home: 500 devices offline', severity: 'critical' });
    expect(hub.sent[0]?.text).toContain('At stake: 250.00 USD an hour.');
    expect(hub.notify.incidents()).toMatchObject([
      { site: 'home', place: 'Site home', count: 500, away: 500, resolved: null, per_hour: { fiat: '250.00000000' } },
    ]);
  });

  test('are one notice again when they are all back', async () => {
    const hub = await cut(20);
    for (let index = 0; index < 20; index++) hub.fire(`${index}`, `d${index}`);
    await hub.pass(5_000);
    hub.heard();
    for (let index = 0; index < 20; index++) {
      hub.resolve(`${index}`);
      await hub.pass(1_000);
    }
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual(['ada: Resolved: Site home: 20 devices offline']);
    expect(hub.notify.incidents()).toMatchObject([{ count: 20, away: 0, resolved: expect.any(Number) }]);
  });

  test('are told as back while a last one stays away, which is then an alert of its own', async () => {
    const hub = await cut(40);
    for (let index = 0; index < 40; index++) hub.fire(`${index}`, `d${index}`);
    await hub.pass(5_000);
    hub.heard();
    for (let index = 1; index < 40; index++) hub.resolve(`${index}`);
    await hub.pass(4 * MINUTE);
    expect(hub.heard()).toEqual([]);
    await hub.pass(2 * MINUTE);
    expect(hub.sent[0]?.text).toContain('39 are back, 1 still away');
    hub.heard();
    hub.resolve('0');
    await hub.pass(2_000);
    expect(hub.heard()).toEqual(['ada: Resolved: Name of d0: Device offline']);
  });

  test('stay one incident over a restart in the middle of it', async () => {
    const hub = await cut(20);
    hub.fire('0', 'd0');
    await hub.pass(2_000);
    expect(hub.heard()).toEqual(['ada: Site home: 20 devices offline']);
    await hub.crash();
    for (let index = 1; index < 20; index++) hub.fire(`${index}`, `d${index}`);
    await hub.pass(MINUTE);
    expect(hub.heard()).toEqual([]);
    for (let index = 0; index < 20; index++) hub.resolve(`${index}`);
    await hub.pass(2_000);
    expect(hub.heard()).toEqual(['ada: Resolved: Site home: 20 devices offline']);
  });

  test('are no incident when they go at different times, nor when they are few', async () => {
    const hub = createHarness();
    await hub.start();
    for (let index = 0; index < 3; index++) {
      hub.devices.set(`d${index}`, { site: 'home' });
      hub.fire(`${index}`, `d${index}`);
      await hub.pass(2 * MINUTE, 1_000);
    }
    expect(hub.heard()).toHaveLength(3);
    expect(hub.notify.incidents()).toEqual([]);
  });
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['192.168.4.9', '192.168.4.0/24'],
  ['100.64.1.2', '100.64.1.0/24'],
  ['2001:db8:1:2:3::4', '2001:db8:1:2::/64'],
  ['127.0.0.1', null],
  ['::1', null],
  ['', null],
])('the address %s stands for the place %s', (remote, place) => expect(sharedAddress(remote)).toBe(place));
