import type { LiveDevice } from '@muster/shared/wire/live';
import { describe, expect, test } from 'vitest';
import {
  countStandings,
  heardOf,
  mainsOf,
  matches,
  mergeDevices,
  NO_FILTER,
  sortDevices,
  standingOf,
  windowOf,
} from './fleet.js';

const device = (id: string, extra: Partial<LiveDevice> = {}): LiveDevice => ({
  ...{ id, name: id, state: 'online', since: 0, last_seen: 0, boot: null, site: null, tags: [], carried_by: null },
  ...{ main: {}, earnings_today: [], alerts: { firing: 0, pending: 0 } },
  ...extra,
});
const ids = (devices: LiveDevice[]) => devices.map((each) => each.id);

test('a device that has joined is heard of only once it reports', () => {
  expect(ids(heardOf([device('joined', { state: 'never_seen' }), device('here'), device('gone', { state: 'lost' })]))).toEqual([
    ...['here', 'gone'],
  ]);
});

describe('worst first', () => {
  test('lost comes before an alert, quiet, pending and stopped, and online comes last', () => {
    const devices = [
      device('online'),
      device('stopped', { state: 'stopped' }),
      device('pending', { alerts: { firing: 0, pending: 1 } }),
      device('quiet', { state: 'quiet' }),
      device('firing', { alerts: { firing: 1, pending: 0 } }),
      device('lost', { state: 'lost' }),
    ];
    expect(ids(sortDevices(devices, { key: 'worst', down: false }))).toEqual([
      ...['lost', 'firing', 'quiet', 'pending', 'stopped', 'online'],
    ]);
  });

  test('equals go by number of alerts, then by name as people count', () => {
    const two = device('pi-1', { alerts: { firing: 2, pending: 0 } });
    const one = device('pi-0', { alerts: { firing: 1, pending: 0 } });
    const devices = [device('pi-10'), device('pi-9'), one, two];
    expect(ids(sortDevices(devices, { key: 'worst', down: false }))).toEqual(['pi-1', 'pi-0', 'pi-9', 'pi-10']);
  });

  test('an alert does not hide that a device is lost', () => {
    expect(standingOf(device('a', { state: 'lost', alerts: { firing: 1, pending: 0 } }))).toBe('lost');
  });
});

describe('columns', () => {
  test('show the worst series of a metric and leave out what is free', () => {
    const main = {
      'system.filesystem.utilization{mountpoint=/}': 0.4,
      'system.filesystem.utilization{mountpoint=/data}': 0.9,
      'system.memory.utilization{state=used}': 0.3,
      'system.memory.utilization{state=free}': 0.7,
    };
    expect(mainsOf({ main })).toEqual({ disk: 0.9, memory: 0.3 });
  });

  test('a device without the value goes last in both directions', () => {
    const hot = device('hot', { main: { 'hw.temperature': 80 } });
    const cool = device('cool', { main: { 'hw.temperature': 40 } });
    const none = device('none');
    expect(ids(sortDevices([none, cool, hot], { key: 'temperature', down: true }))).toEqual(['hot', 'cool', 'none']);
    expect(ids(sortDevices([none, hot, cool], { key: 'temperature', down: false }))).toEqual(['cool', 'hot', 'none']);
  });
});

describe('filters', () => {
  const roof = device('roof-pi', { name: 'Roof', site: 'berlin', tags: ['pi4'], state: 'lost' });
  test('every word of the search must occur in name, id, site or tag', () => {
    expect(matches(roof, { ...NO_FILTER, q: 'ROOF berl' })).toBe(true);
    expect(matches(roof, { ...NO_FILTER, q: 'roof paris' })).toBe(false);
  });
  test('site, tag and state narrow together', () => {
    expect(matches(roof, { q: '', site: 'berlin', tag: 'pi4', standing: 'lost' })).toBe(true);
    expect(matches(roof, { q: '', site: 'berlin', tag: 'pi4', standing: 'online' })).toBe(false);
  });
  test('counts are by what the line says', () => {
    expect([...countStandings([roof, device('a'), device('b')])]).toEqual([
      ['lost', 1],
      ['online', 2],
    ]);
  });
});

describe('deltas', () => {
  test('a value that changes moves no line, a state, a name or a new device does', () => {
    const known = new Map<string, LiveDevice>();
    expect(mergeDevices(known, [device('a')])).toBe(true);
    expect(mergeDevices(known, [device('a', { main: { 'system.cpu.utilization': 0.5 }, last_seen: 9 })])).toBe(false);
    expect(known.get('a')?.last_seen).toBe(9);
    expect(mergeDevices(known, [device('a', { state: 'quiet' })])).toBe(true);
    expect(mergeDevices(known, [device('a', { state: 'quiet', name: 'b' })])).toBe(true);
  });
  test('a removed device leaves, once', () => {
    const known = new Map([['a', device('a')]]);
    expect(mergeDevices(known, [], ['a'])).toBe(true);
    expect(mergeDevices(known, [], ['a'])).toBe(false);
    expect(known.size).toBe(0);
  });
});

test('only lines in sight are drawn, within the list', () => {
  expect(windowOf({ top: 0, height: 640, row: 32, count: 10_000 })).toEqual({ from: 0, to: 28 });
  expect(windowOf({ top: 32_000, height: 640, row: 32, count: 10_000 })).toEqual({ from: 992, to: 1028 });
  expect(windowOf({ top: 32_000, height: 640, row: 32, count: 3 })).toEqual({ from: 3, to: 3 });
});
