import { silentLog } from '@muster/shared/log';
import { createTestClock } from '@muster/shared/testing/clock';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '../bus/bus.js';
import type { PresenceChange } from '../parts.js';
import { createHandWriter } from '../testing/writer.js';
import { createTracker } from './tracker.js';

interface Known {
  carried_by: string | null;
  interval_ms: number | null;
  created_at: number;
}

/** A tracker under a hand-moved clock; `stall` lets time pass without a tick, as a stopped process does. */
const setUp = (writer = createHandWriter(), hand = createTestClock()) => {
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
const story = (changes: PresenceChange[], device = 'pi') =>
  changes.filter((change) => change.device === device).map(({ before, state }) => `${before} → ${state}`);

describe('a device with an agent', () => {
  it('is never seen, then online from its birth', () => {
    const { tracker, changes, clock, link, state } = setUp();
    expect(tracker.get('pi')).toEqual({ state: 'never_seen', since: 1, last_seen: null, boot: null });
    tracker.opened(link(1));
    expect(state()).toBe('never_seen');
    tracker.born(link(1), { boot: 'aaaaaaaa', session: 1, interval_ms: 10_000 });
    const now = clock.now();
    expect(tracker.get('pi')).toEqual({ state: 'online', since: now, last_seen: now, boot: 'aaaaaaaa' });
    expect(changes).toEqual([
      { device: 'pi', before: 'never_seen', state: 'online', since: now, last_seen: now, boot: 'aaaaaaaa' },
    ]);
  });

  it('is quiet when connected without a report for 3 intervals, online with the next one', () => {
    const { tracker, changes, clock, connect } = setUp();
    const one = connect(1);
    clock.advance(30_000);
    expect(story(changes)).toEqual(['never_seen → online']);
    clock.advance(1_000);
    tracker.reported(one, 'pi', true);
    expect(story(changes)).toEqual(['never_seen → online', 'online → quiet', 'quiet → online']);
  });

  it.each(['lost', 'keepalive'] as const)('is lost at once when its link ends as %s', (reason) => {
    const { tracker, changes, connect, state } = setUp();
    const one = connect(1);
    tracker.closed(one, reason);
    expect(state()).toBe('lost');
    tracker.closed(one, reason);
    expect(story(changes)).toEqual(['never_seen → online', 'online → lost']);
  });

  it('is stopped after its goodbye, however the link ends then, and whatever report comes after', () => {
    const { tracker, connect, state } = setUp();
    const one = connect(1);
    tracker.stopping(one, 'aaaaaaaa');
    expect(state()).toBe('stopped');
    tracker.reported(one, 'pi', false);
    tracker.closed(one, 'lost');
    expect(state()).toBe('stopped');
    connect(2, 'bbbbbbbb');
    expect(state()).toBe('online');
  });

  it('is stopped by a clean disconnect too', () => {
    const { tracker, connect, state } = setUp();
    tracker.closed(connect(1), 'clean');
    expect(state()).toBe('stopped');
  });

  it('is not stopped by a spooled goodbye of an earlier boot', () => {
    const { tracker, connect, state } = setUp();
    tracker.stopping(connect(1, 'bbbbbbbb'), 'aaaaaaaa');
    expect(state()).toBe('online');
  });

  it.each([
    ['closed before the new one opened', true],
    ['closed after the new one opened', false],
  ])('a take-over changes nothing: old link %s', (_name, first) => {
    const { tracker, changes, clock, connect, link } = setUp();
    const old = connect(1);
    if (first) tracker.closed(old, 'taken_over');
    tracker.opened(link(2));
    if (!first) tracker.closed(old, 'taken_over');
    tracker.born(link(2), { boot: 'aaaaaaaa', session: 2, interval_ms: 10_000 });
    clock.advance(5_000);
    expect(story(changes)).toEqual(['never_seen → online']);
  });

  it('the late end of an old link after a reconnect changes nothing', () => {
    const { tracker, connect, state } = setUp();
    const old = connect(1);
    connect(2);
    for (const reason of ['keepalive', 'lost', 'clean', 'hub'] as const) tracker.closed(old, reason);
    expect(state()).toBe('online');
  });

  it('late words of an old link do not bring a lost device back', () => {
    const { tracker, connect, state } = setUp();
    const old = connect(1);
    tracker.closed(old, 'lost');
    tracker.reported(old, 'pi', true);
    tracker.born(old, { boot: 'aaaaaaaa', session: 1, interval_ms: 10_000 });
    expect(state()).toBe('lost');
  });

  it('a connection without a birth does not make a lost device online, and its end does not change it', () => {
    const { tracker, clock, connect, link, state } = setUp();
    tracker.closed(connect(1), 'lost');
    tracker.opened(link(2));
    clock.advance(120_000);
    expect(state()).toBe('lost');
    tracker.closed(link(2), 'clean');
    expect(state()).toBe('lost');
  });

  it('a take-over by something that never sends a birth is lost after the grace', () => {
    const { tracker, clock, connect, link, state } = setUp();
    connect(1);
    tracker.opened(link(2));
    clock.advance(40_000);
    expect(state()).toBe('online');
    clock.advance(6_000);
    expect(state()).toBe('lost');
  });

  it('gets time to come back when the hub closed its link', () => {
    const { tracker, changes, clock, connect } = setUp();
    tracker.closed(connect(1), 'hub');
    clock.advance(30_000);
    connect(2);
    clock.advance(60_000);
    expect(story(changes).slice(1, 3)).toEqual(['online → reconnecting', 'reconnecting → online']);
    expect(story(changes)).not.toContain('reconnecting → lost');
  });

  it('a will counts for the current boot and session only, and never against a newer link', () => {
    const { tracker, connect, link, state } = setUp();
    connect(1);
    const two = connect(2);
    tracker.willed(two, { boot: 'aaaaaaaa', session: 1 });
    tracker.willed(two, { boot: 'bbbbbbbb', session: 2 });
    expect(state()).toBe('online');
    tracker.opened(link(3));
    tracker.willed(two, { boot: 'aaaaaaaa', session: 2 });
    expect(state()).toBe('online');
    connect(4);
    tracker.willed(link(4), { boot: 'aaaaaaaa', session: 4 });
    expect(state()).toBe('lost');
  });

  it('a step of the wall clock changes nobody’s state', () => {
    const { changes, clock, connect } = setUp();
    connect(1);
    clock.step(86_400_000);
    clock.advance(2_000);
    clock.step(-172_800_000);
    clock.advance(2_000);
    expect(story(changes)).toEqual(['never_seen → online']);
  });
});

describe('a device without a birth', () => {
  const publish = ({ tracker, link }: ReturnType<typeof setUp>, id: number, reason: 'clean' | 'lost' = 'clean') => {
    tracker.opened(link(id));
    tracker.reported(link(id), 'pi', true);
    tracker.closed(link(id), reason);
  };

  it('is not lost by its disconnect, clean or not', () => {
    const all = setUp();
    publish(all, 1);
    publish(all, 2, 'lost');
    expect(story(all.changes)).toEqual(['never_seen → online']);
  });

  it('is judged by a rhythm of 5 minutes until its reports tell', () => {
    const all = setUp();
    publish(all, 1);
    all.clock.advance(15 * 60_000);
    expect(all.state()).toBe('online');
    all.clock.advance(1_000);
    expect(all.state()).toBe('quiet');
    all.clock.advance(35 * 60_000);
    expect(all.state()).toBe('lost');
  });

  it.each([
    [30_000, 20],
    [3_600_000, 12],
  ])('learns that it reports every %d ms', (every, times) => {
    const all = setUp();
    for (let at = 1; at <= times; at++) {
      publish(all, at);
      all.clock.advance(every);
    }
    expect(all.state()).toBe('online');
    all.clock.advance(every);
    all.changes.length = 0;
    all.clock.advance(12 * every);
    expect(story(all.changes)).toEqual(['online → quiet', 'quiet → lost']);
  });

  it('several posts in a row are one beat of its rhythm', () => {
    const all = setUp();
    for (let at = 1; at <= 10; at++) {
      for (const part of [0, 1, 2]) publish(all, at * 3 + part);
      all.clock.advance(600_000);
    }
    expect(story(all.changes)).toEqual(['never_seen → online']);
  });

  it('an agent that comes after a script is judged as an agent again, and the other way round', () => {
    const all = setUp();
    publish(all, 1);
    const two = all.connect(2);
    all.tracker.closed(two, 'lost');
    expect(all.state()).toBe('lost');
    publish(all, 3);
    expect(all.state()).toBe('online');
  });
});

describe('a carried device', () => {
  it('is online by live rows, quiet after 3 and lost after 10 of its own intervals', () => {
    const { tracker, changes, connect, report, state } = setUp();
    const one = connect(1);
    expect(state('van')).toBe('never_seen');
    tracker.reported(one, 'van', false);
    expect(state('van')).toBe('never_seen');
    tracker.reported(one, 'van', true);
    report(one, 70);
    expect(story(changes, 'van')).toEqual(['never_seen → online', 'online → quiet', 'quiet → lost']);
    expect(story(changes)).toEqual(['never_seen → online']);
  });

  it('is unknown while its agent is away, and until it is heard again', () => {
    const { tracker, changes, clock, connect, state } = setUp();
    const one = connect(1);
    tracker.reported(one, 'van', true);
    tracker.closed(one, 'lost');
    clock.advance(500);
    expect(state('van')).toBe('unknown');
    const two = connect(2);
    clock.advance(1_000);
    expect(state('van')).toBe('unknown');
    tracker.reported(two, 'van', true);
    expect(story(changes, 'van')).toEqual(['never_seen → online', 'online → unknown', 'unknown → online']);
  });

  it('that stays silent after its agent came back is lost after 10 intervals', () => {
    const { tracker, connect, report, state } = setUp();
    const one = connect(1);
    tracker.reported(one, 'van', true);
    tracker.closed(one, 'lost');
    const two = connect(2);
    report(two, 59);
    expect(state('van')).not.toBe('lost');
    report(two, 3);
    expect(state('van')).toBe('lost');
  });
});

describe('absences of the hub', () => {
  it('after a restart devices known online are reconnecting for 45 s, then lost; others stay what they were', () => {
    const before = setUp();
    before.connect(1);
    before.tracker.reported(before.link(1), 'van', true);
    before.known.set('old', { carried_by: null, interval_ms: null, created_at: 1 });
    before.tracker.opened(before.link(2, 'old'));
    before.tracker.born(before.link(2, 'old'), { boot: 'cccccccc', session: 1, interval_ms: 10_000 });
    before.tracker.stopping(before.link(2, 'old'), 'cccccccc');
    const { changes, clock, state } = before.again();
    expect(state()).toBe('reconnecting');
    clock.advance(44_000);
    expect([state(), state('van'), state('old')]).toEqual(['reconnecting', 'reconnecting', 'stopped']);
    clock.advance(1_500);
    expect([state(), state('van'), state('old')]).toEqual(['lost', 'unknown', 'stopped']);
    expect(story(changes)).toEqual(['online → reconnecting', 'reconnecting → lost']);
  });

  it('after a restart a device that comes back is online, and its carried ones with it', () => {
    const before = setUp();
    before.tracker.reported(before.connect(1), 'van', true);
    const { changes, clock, connect } = before.again();
    clock.advance(20_000);
    connect(1);
    clock.advance(20_000);
    expect(story(changes)).toEqual(['online → reconnecting', 'reconnecting → online']);
    expect(story(changes, 'van')).toEqual(['online → reconnecting', 'reconnecting → online']);
  });

  it('the links that a stopping hub closes change nothing on disk', () => {
    const before = setUp();
    const one = before.connect(1);
    before.tracker.stop();
    before.tracker.closed(one, 'lost');
    expect(before.writer.document('presence', 'pi')).toMatchObject({ state: 'online', boot: 'aaaaaaaa' });
  });

  it('last seen is known after a restart though it is not written per report', () => {
    const writer = createHandWriter();
    const clock = createTestClock();
    const before = setUp(writer, clock);
    before.report(before.connect(1), 10);
    const seen = clock.now() - 10_000;
    before.tracker.stop();
    const after = setUp(writer, clock);
    after.tracker.stop();
    after.newest.set('pi', seen);
    after.tracker.start();
    expect(after.tracker.get('pi').last_seen).toBe(seen);
  });

  it('when its loop stood still all are reconnecting, and drops within a second of waking are the hub’s own', () => {
    const { tracker, changes, clock, connect, stall, state } = setUp();
    const one = connect(1);
    stall(30_000);
    tracker.closed(one, 'keepalive');
    expect(state()).toBe('reconnecting');
    clock.advance(44_000);
    expect(state()).toBe('reconnecting');
    connect(2);
    expect(story(changes)).toEqual(['never_seen → online', 'online → reconnecting', 'reconnecting → online']);
  });

  it('a device that speaks after the hub woke is online without a new birth, and its next drop counts', () => {
    const { tracker, clock, connect, stall, state } = setUp();
    const one = connect(1);
    stall(30_000);
    clock.advance(500);
    expect(state()).toBe('reconnecting');
    clock.advance(2_000);
    tracker.reported(one, 'pi', true);
    expect(state()).toBe('online');
    tracker.closed(one, 'keepalive');
    expect(state()).toBe('lost');
  });

  it('a device that does not come back after the hub woke is lost when the grace ends', () => {
    const { tracker, clock, connect, stall, state } = setUp();
    const one = connect(1);
    stall(30_000);
    tracker.closed(one, 'keepalive');
    clock.advance(46_000);
    expect(state()).toBe('lost');
  });

  it('a silence of the hub is no silence of scripts and carried devices', () => {
    const { tracker, changes, clock, connect, link, stall } = setUp();
    const one = connect(1);
    tracker.reported(one, 'van', true);
    tracker.reported(link(9, 'script'), 'script', true);
    stall(3_600_000);
    clock.advance(1_000);
    tracker.reported(one, 'pi', true);
    clock.advance(20_000);
    expect(story(changes, 'script')).toEqual(['never_seen → online']);
    expect(story(changes, 'van')).toEqual(['never_seen → online', 'online → reconnecting', 'reconnecting → online']);
  });

  it('a loop that is merely busy is no absence', () => {
    const { changes, clock, connect, stall } = setUp();
    connect(1);
    stall(1_400);
    clock.advance(500);
    expect(story(changes)).toEqual(['never_seen → online']);
  });
});

describe('a store that cannot commit', () => {
  it('freezes presence: nobody becomes quiet or lost', () => {
    const { tracker, changes, clock, connect } = setUp();
    const one = connect(1);
    tracker.freeze(true);
    clock.advance(60_000);
    tracker.closed(one, 'keepalive');
    clock.advance(60_000);
    expect(story(changes)).toEqual(['never_seen → online']);
  });

  it('whose link went away meanwhile gets 45 s to come back, the others are as they were', () => {
    const { tracker, changes, clock, connect, link, state } = setUp();
    const one = connect(1);
    tracker.opened(link(2, 'rig'));
    tracker.born(link(2, 'rig'), { boot: 'bbbbbbbb', session: 1, interval_ms: 10_000 });
    tracker.freeze(true);
    tracker.closed(one, 'keepalive');
    clock.advance(60_000);
    tracker.freeze(false);
    expect([state(), state('rig')]).toEqual(['reconnecting', 'online']);
    clock.advance(10_000);
    connect(3);
    clock.advance(10_000);
    expect(story(changes)).toEqual(['never_seen → online', 'online → reconnecting', 'reconnecting → online']);
    expect(story(changes, 'rig')).toEqual(['never_seen → online']);
  });

  it('a device that does not come back after it is lost', () => {
    const { tracker, clock, connect, state } = setUp();
    const one = connect(1);
    tracker.freeze(true);
    tracker.closed(one, 'lost');
    tracker.freeze(false);
    clock.advance(46_000);
    expect(state()).toBe('lost');
  });
});

describe('what is kept', () => {
  it('a report writes nothing; a flapping device writes at most every 10 s', () => {
    const { tracker, clock, writer, link, connect, report } = setUp();
    report(connect(1), 100);
    expect(writer.committed).toHaveLength(1);
    for (let at = 2; at < 200; at++) {
      tracker.closed(link(at - 1), 'lost');
      connect(at);
      clock.advance(500);
    }
    expect(writer.committed.length).toBeLessThan(15);
    tracker.closed(link(199), 'lost');
    tracker.stop();
    expect(writer.document('presence', 'pi')).toMatchObject({ state: 'lost' });
  });

  it('availability tells the states within a span, also from before a restart', async () => {
    const { tracker, clock, connect, again } = setUp();
    const start = clock.now();
    const one = connect(1);
    clock.advance(20_000);
    tracker.closed(one, 'lost');
    clock.advance(10_000);
    connect(2);
    clock.advance(5_000);
    const { tracker: later } = again();
    expect(await later.availability('pi', start + 5_000, start + 33_000)).toEqual([
      { state: 'online', from: start + 5_000, to: start + 20_000 },
      { state: 'lost', from: start + 20_000, to: start + 30_000 },
      { state: 'online', from: start + 30_000, to: start + 33_000 },
    ]);
    expect(await later.availability('nobody', 0, Number.MAX_SAFE_INTEGER)).toEqual([]);
  });

  it('a removed device is forgotten', () => {
    const { tracker, writer, connect, state } = setUp();
    connect(1);
    tracker.forget('pi');
    expect(state()).toBe('never_seen');
    expect(writer.document('presence', 'pi')).toBeUndefined();
  });
});

describe('whatever happens, in any order', () => {
  const reason = fc.constantFrom('clean', 'lost', 'keepalive', 'taken_over', 'hub' as const);
  const id = fc.integer({ min: 1, max: 6 });
  const step = fc.oneof(
    fc.record({ do: fc.constant('open' as const), id }),
    fc.record({ do: fc.constant('birth' as const), id }),
    fc.record({ do: fc.constant('report' as const), id }),
    fc.record({ do: fc.constant('stopping' as const), id }),
    fc.record({ do: fc.constant('will' as const), id }),
    fc.record({ do: fc.constant('close' as const), id, reason }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }),
    fc.record({ do: fc.constant('stall' as const), ms: fc.integer({ min: 2_001, max: 70_000 }) }),
    fc.record({ do: fc.constant('freeze' as const), on: fc.boolean() }),
  );
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

  const play = ({ tracker, clock, link, stall }: ReturnType<typeof setUp>, one: Step) => {
    switch (one.do) {
      case 'open':
        return tracker.opened(link(one.id));
      case 'birth':
        return tracker.born(link(one.id), { boot: 'aaaaaaaa', session: one.id, interval_ms: 10_000 });
      case 'report':
        return tracker.reported(link(one.id), 'pi', true);
      case 'stopping':
        return tracker.stopping(link(one.id), 'aaaaaaaa');
      case 'will':
        return tracker.willed(link(one.id), { boot: 'aaaaaaaa', session: one.id });
      case 'close':
        return tracker.closed(link(one.id), one.reason);
      case 'wait':
        return clock.advance(one.ms);
      case 'stall':
        return stall(one.ms);
      case 'freeze':
        return tracker.freeze(one.on);
    }
  };
  const steps = fc.array(step, { maxLength: 40 });

  it('each change is told once, and the changes are a chain', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const all = setUp();
        for (const one of list) play(all, one);
        let state = 'never_seen';
        for (const change of all.changes) {
          expect(change.before).toBe(state);
          expect(change.state).not.toBe(state);
          state = change.state;
        }
        expect(all.state()).toBe(state);
      }),
    );
  });

  it('the newest link’s birth makes a device online, and the end of an older link never changes that', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.tuple(id, reason), { maxLength: 6 }), (list, ends) => {
        const all = setUp();
        for (const one of list) play(all, one);
        const newest = all.connect(7);
        all.tracker.reported(newest, 'pi', true);
        expect(all.state()).toBe('online');
        for (const [old, why] of ends) all.tracker.closed(all.link(old), why);
        expect(all.state()).toBe('online');
      }),
    );
  });

  it('nobody becomes quiet or lost while the store cannot commit', () => {
    fc.assert(
      fc.property(steps, steps, (before, during) => {
        const all = setUp();
        for (const one of before) play(all, one);
        all.tracker.freeze(true);
        all.changes.length = 0;
        for (const one of during.filter((one) => one.do !== 'freeze')) play(all, one);
        for (const { state } of all.changes) expect(['quiet', 'lost']).not.toContain(state);
      }),
    );
  });

  it('nobody who was there is lost within 45 s of the hub’s own absence, unless it spoke and dropped meanwhile', () => {
    fc.assert(
      fc.property(
        steps,
        fc.array(fc.record({ do: fc.constant('close' as const), id, reason }), { maxLength: 5 }),
        (before, drops) => {
          const all = setUp();
          for (const one of before) play(all, one);
          all.tracker.freeze(false);
          all.connect(7);
          all.stall(10_000);
          all.changes.length = 0;
          for (const one of [...drops, { do: 'close' as const, id: 7, reason: 'keepalive' as const }]) play(all, one);
          all.clock.advance(44_000);
          expect(story(all.changes)).toEqual(['online → reconnecting']);
        },
      ),
    );
  });
});
