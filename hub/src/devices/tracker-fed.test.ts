import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import type { PresenceState } from '@muster/shared/wire/live';
import { expect, test } from 'vitest';
import type { Link } from '../bus/bus.js';
import { createHandWriter } from '../hand-writer.js';
import { createTracker } from './tracker.js';

const MINUTE = 60_000;
const setUp = () => {
  const clock = createTestClock();
  const source: { state: PresenceState | null } = { state: 'online' };
  const tracker = createTracker(
    {
      ...{ clock, writer: createHandWriter(), log: silentLog },
      device: () => ({ carried_by: null, interval_ms: null, created_at: 1 }),
      fed: () => source.state && { state: source.state, present_at: Number.NEGATIVE_INFINITY, interval_ms: MINUTE },
    },
    [],
  );
  tracker.start();
  return { clock, source, tracker, state: () => tracker.get('car').state };
};

test('a device that only a source of the hub speaks of is online by when that heard it, then quiet, then lost', () => {
  const { clock, tracker, state } = setUp();
  expect(state()).toBe('never_seen');
  tracker.sourced('car', clock.now() - MINUTE);
  expect([state(), tracker.get('car').last_seen]).toEqual(['online', clock.now() - MINUTE]);
  clock.advance(2.5 * MINUTE);
  expect(state()).toBe('quiet');
  clock.advance(7 * MINUTE);
  expect(state()).toBe('lost');
});

test('while its source does not answer, or asks no more, it is unknown, not lost', () => {
  const { clock, source, tracker, state } = setUp();
  tracker.sourced('car', clock.now());
  source.state = 'lost';
  clock.advance(1_000);
  expect(state()).toBe('unknown');
  source.state = null;
  clock.advance(60 * MINUTE);
  expect(state()).toBe('unknown');
  source.state = 'online';
  tracker.sourced('car', clock.now());
  expect(state()).toBe('online');
});

test('one that has an agent is judged by that alone', () => {
  const { clock, tracker, state } = setUp();
  const link: Link = { id: 1, grant: { agent: 'car', devices: new Set(['car']) }, remote: '', keepalive_s: 5 };
  tracker.opened(link);
  tracker.born(link, { boot: 'aaaaaaaa', session: 1, interval_ms: 1_000 });
  clock.advance(6_000);
  tracker.sourced('car', clock.now());
  expect(state()).toBe('quiet');
});
