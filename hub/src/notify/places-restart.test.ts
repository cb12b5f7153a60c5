import { expect, test } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { createPlaces } from './places.js';

const placesOn = (writer: ReturnType<typeof createHandWriter>) => {
  const needs = {
    device: (id: string) => ({ id, site: null, tags: [], carried_by: null }),
    all: () => [],
    sites: { get: () => undefined },
    networks: () => [],
    now: () => 0,
    writer,
  };
  return createPlaces(needs, writer.documents());
};

test('devices that never come back after a restart of the hub are still known to share an address', () => {
  const writer = createHandWriter();
  const before = placesOn(writer);
  for (const id of ['a', 'b', 'c']) before.heard(id, '203.0.113.7');
  const after = placesOn(writer);
  expect(['a', 'b', 'c'].map((id) => after.of(id)?.id)).toEqual(Array(3).fill('net:203.0.113.7'));
});

test('an address is written once, not at each connection', () => {
  const writer = createHandWriter();
  const places = placesOn(writer);
  for (let times = 0; times < 50; times++) places.heard('a', '203.0.113.7');
  expect(writer.committed).toHaveLength(1);
});
