import { describe, expect, test } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { createPlaces, sharedAddress } from './places.js';

const fleet = (more: Record<string, { site?: string; tags?: string[]; carried_by?: string }>) => {
  const devices = new Map(
    Object.entries(more).map(([id, one]) => [id, { id, site: null, tags: [] as string[], carried_by: null, ...one }]),
  );
  const writer = createHandWriter();
  const make = () =>
    createPlaces(
      {
        ...{ device: (id: string) => devices.get(id), all: () => devices.values(), networks: () => [], now: () => 0, writer },
        sites: { get: (id) => ({ id, name: `Site ${id}`, tariff: null, time_zone: 'UTC' }) },
      },
      writer.documents(),
    );
  return { make, writer };
};

describe('where a device is', () => {
  test('is its site, the address it shares, then its tags; of a tag half must go together', () => {
    const bearers = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`t${index}`, { tags: ['helium'] }]));
    const { make } = fleet({ pi: { site: 'roof', tags: ['helium'] }, other: { site: 'roof' }, ...bearers });
    const places = make();
    places.heard('pi', '203.0.113.7');
    expect(places.all('pi')).toEqual([
      { id: 'site:roof', name: 'Site roof', site: 'roof', devices: 2 },
      { id: 'net:203.0.113.7', name: '203.0.113.7', site: null, devices: 1 },
      { id: 'tag:helium', name: 'Tag helium', site: null, least: 5 },
    ]);
    expect(places.of('pi')).toMatchObject({ id: 'site:roof' });
    expect([places.of('t1'), places.of('nobody'), places.all('nobody')]).toEqual([null, null, []]);
  });

  test('is where its agent connects from, if another speaks for it', () => {
    const { make } = fleet({ pi: {}, hotspot: { carried_by: 'pi' } });
    const places = make();
    places.heard('pi', '::ffff:192.168.4.9');
    expect(places.of('hotspot')).toMatchObject({ id: 'net:192.168.4.0/24', devices: 2 });
    expect(places.carried('pi')).toEqual(['hotspot']);
  });

  test('is known over a restart of the hub, so that who is away then still has its place', () => {
    const { make, writer } = fleet({ pi: {}, far: {} });
    writer.automatic = true;
    const before = make();
    before.heard('pi', '203.0.113.7');
    before.heard('far', '127.0.0.1');
    before.heard('pi', '203.0.113.7');
    expect(writer.documents()).toHaveLength(1);
    const after = make();
    expect(after.of('pi')).toMatchObject({ id: 'net:203.0.113.7' });
    expect(after.of('far')).toBeNull();
    after.forget('pi');
    expect(writer.documents()).toEqual([]);
  });
});

test.each([
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:10.1.2.3', '10.1.2.0/24'],
  ['::ffff:127.0.0.1', null],
  ['2001:db8:1::5', '2001:db8:1:0::/64'],
  ['2001:0DB8:0001:0000:3::4', '2001:db8:1:0::/64'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['fd12:3456:789a:1::7', 'fd12:3456:789a:1::/64'],
  ['::', null],
])('the address %s stands for %s, however it is written', (remote, place) => expect(sharedAddress(remote)).toBe(place));
