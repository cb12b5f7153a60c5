import { createTestClock } from '@muster/shared/testing/clock';
import { describe, expect, it } from 'vitest';
import { createHandWriter, type HandWriter } from '../hand-writer.js';
import { setUp, story } from './testing/tracker.js';

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

  it('after a restart a device that was quiet and comes back is quiet until it reports', () => {
    const before = setUp();
    before.connect(1);
    before.clock.advance(60_000);
    expect(before.state()).toBe('quiet');
    const { changes, clock, connect, tracker } = before.again();
    clock.advance(20_000);
    const link = connect(1);
    clock.advance(20_000);
    tracker.reported(link, 'pi', true);
    expect(story(changes)).toEqual(['quiet → reconnecting', 'reconnecting → quiet', 'quiet → online']);
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

  it('a drop within a second of waking is the hub’s own, even of a device whose last words were still in the socket', () => {
    const { tracker, clock, connect, stall, state } = setUp();
    const one = connect(1);
    stall(30_000);
    tracker.reported(one, 'pi', true);
    expect(state()).toBe('online');
    clock.advance(900);
    tracker.closed(one, 'keepalive');
    expect(state()).toBe('reconnecting');
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

/** What was written but for when the hub itself ran. */
const aboutDevices = ({ committed }: HandWriter) =>
  committed.filter((change) => change.kind !== 'document' || change.collection !== 'hub_absences');

describe('what is kept', () => {
  it('a report writes nothing; a flapping device writes at most every 10 s', () => {
    const { tracker, clock, writer, link, connect, report } = setUp();
    report(connect(1), 100);
    expect(aboutDevices(writer)).toHaveLength(1);
    for (let at = 2; at < 200; at++) {
      tracker.closed(link(at - 1), 'lost');
      connect(at);
      clock.advance(500);
    }
    expect(aboutDevices(writer).length).toBeLessThan(15);
    tracker.closed(link(199), 'lost');
    tracker.stop();
    expect(writer.document('presence', 'pi')).toMatchObject({ state: 'lost' });
  });

  it('a short absence of the hub writes nothing: a restart with 10,000 devices must not wear the disk', () => {
    const { changes, writer, connect, report, stall } = setUp();
    const one = connect(1);
    report(one, 3);
    stall(30_000);
    report(one, 3);
    expect(story(changes)).toEqual(['never_seen → online', 'online → reconnecting', 'reconnecting → online']);
    expect(aboutDevices(writer)).toHaveLength(1);
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
