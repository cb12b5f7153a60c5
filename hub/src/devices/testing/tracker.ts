/** A tracker under a hand-moved clock, its changes, and what connects devices to it. */
import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import type { Link } from '../../bus/bus.js';
import { createHandWriter } from '../../hand-writer.js';
import type { PresenceChange } from '../../parts.js';
import { createTracker } from '../tracker.js';

interface Known {
  carried_by: string | null;
  interval_ms: number | null;
  created_at: number;
}

/** A tracker under a hand-moved clock; `stall` lets time pass without a tick, as a stopped process does. */
export const setUp = (writer = createHandWriter(), hand = createTestClock()) => {
  let stalled = 0;
  const clock = { ...hand, now: () => hand.now() + stalled, monotonic: () => hand.monotonic() + stalled };
  const known = new Map<string, Known>([
    ['pi', { carried_by: null, interval_ms: 10_000, created_at: 1 }],
    ['van', { carried_by: 'pi', interval_ms: 60_000, created_at: 1 }],
  ]);
  const newest = new Map<string, number>();
  const needs = { clock, writer, device: (id: string) => known.get(id), newest: (id: string) => newest.get(id), log: silentLog };
  const tracker = createTracker(needs, writer.documents());
  const changes: PresenceChange[] = [];
  tracker.changed.on((change) => changes.push(change));
  tracker.start();
  const link = (id: number, agent = 'pi'): Link => {
    return { id, grant: { agent, devices: new Set([agent, 'van']) }, remote: '10.0.0.7', keepalive_s: 5 };
  };
  const connect = (id: number, boot = 'aaaaaaaa') => {
    tracker.opened(link(id));
    tracker.born(link(id), { boot, session: id, interval_ms: 10_000 });
    return link(id);
  };
  const state = (id = 'pi') => tracker.get(id).state;
  const stall = (ms: number) => {
    stalled += ms;
  };
  /** Reports every 10 s for a while. */
  const report = (one: Link, times: number, device = 'pi') => {
    for (let at = 0; at < times; at++) {
      tracker.reported(one, device, true);
      hand.advance(10_000);
    }
  };
  const again = () => {
    tracker.stop();
    return setUp(writer, hand);
  };
  return { tracker, changes, clock: hand, known, newest, writer, link, connect, state, stall, report, again };
};
export const story = (changes: PresenceChange[], device = 'pi') =>
  changes.filter((change) => change.device === device).map(({ before, state }) => `${before} → ${state}`);
