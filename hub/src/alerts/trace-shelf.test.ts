import { expect, test } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { createTraceShelf } from './trace-shelf.js';
import type { TraceMemo } from './traces.js';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const memo: TraceMemo = {
  looked_at: 0,
  series: [['0|a.b', { times: [1, 2, 3], values: [1, 2, 3], since: 1, last: 3, last_ts: 3 }]],
  boots: null,
};

/** Documents of a device in the second day of looks, one a second; `changes` says what became known in a minute. */
const aDay = (devices: number, changes: (shelf: ReturnType<typeof createTraceShelf>, minute: number) => void) => {
  const writer = createHandWriter();
  const shelf = createTraceShelf(writer, [], () => memo);
  for (let at = 0; at < 2 * DAY; at += 1_000) {
    if (at === DAY) writer.committed.splice(0);
    if (at % MINUTE === 0) changes(shelf, at / MINUTE);
    shelf.tick(at);
  }
  return writer.committed.length / devices;
};

test('a trend costs a device a handful of documents a day, however small the fleet', () => {
  for (const devices of [1, 50]) {
    const written = aDay(devices, (shelf, minute) => {
      for (let id = 0; id < devices && minute % 15 === 0; id++) shelf.changed(`d${id}`, false);
    });
    expect(written).toBeGreaterThanOrEqual(4);
    expect(written).toBeLessThanOrEqual(5);
  }
});

test('a count is written within seconds, and once an hour while it never rests', () => {
  const writer = createHandWriter();
  const shelf = createTraceShelf(writer, [], () => memo);
  const saved = () => writer.committed.splice(0).length;
  let now = 0;
  const pass = (minutes: number) => {
    for (const end = now + minutes * MINUTE; now < end; now += 1_000) shelf.tick(now);
  };
  shelf.changed('pi', true);
  pass(1);
  expect(saved()).toBe(1);
  shelf.changed('pi', true);
  pass(4);
  expect(saved()).toBe(0);
  pass(2);
  expect(saved()).toBe(1);
  expect(aDay(1, (busy) => busy.changed('pi', true))).toBeLessThanOrEqual(25);
});

test('what a full store refuses is written once there is room, each device once', () => {
  const writer = createHandWriter();
  const shelf = createTraceShelf(writer, [], () => memo);
  shelf.changed('pi', true);
  shelf.changed('pi', false);
  writer.full = true;
  shelf.tick(0);
  writer.full = false;
  shelf.tick(1_000);
  expect(writer.committed).toHaveLength(1);
  writer.healthy = false;
  shelf.changed('rig', true);
  shelf.tick(2_000);
  expect(writer.committed).toHaveLength(1);
});
