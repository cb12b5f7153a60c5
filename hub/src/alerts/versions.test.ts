import { expect, test } from 'vitest';
import { aDevice } from './testing/harness.js';
import { createNewestVersion } from './versions.js';

const newest = (own: string | undefined, agents: Record<string, number>) => {
  const devices = Object.entries(agents).flatMap(([agent_version, count]) =>
    Array.from({ length: count }, (_, index) => aDevice(`${agent_version}-${index}`, { agent_version })),
  );
  return createNewestVersion({ all: () => devices.values() }, own)(0);
};

test('a version that one agent tries is not the one to reach', () => {
  expect(newest('1.2.0', { '1.2.0': 5, '1.3.0': 1 })).toBe('1.2.0');
  expect(newest('1.2.0', { '1.2.0': 5, '1.3.0': 2 })).toBe('1.3.0');
});

test('of a large fleet a tenth must run it', () => {
  expect(newest('1.2.0', { '1.2.0': 91, '1.3.0': 9 })).toBe('1.2.0');
  expect(newest('1.2.0', { '1.2.0': 90, '1.3.0': 10 })).toBe('1.3.0');
});

test('the version of the hub is one to reach, though no agent has it', () => {
  expect(newest('1.4.0', { '1.2.0': 90 })).toBe('1.4.0');
});

test('a version without a number is none', () => {
  expect(newest('dev', { dev: 5, '1.2.0': 5 })).toBe('1.2.0');
  expect(newest(undefined, { dev: 5 })).toBeNull();
});
