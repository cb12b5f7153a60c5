import { describe, expect, it } from 'vitest';
import { setUp, story } from './testing/tracker.js';

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

  it('late words of a link that the hub closed do not shorten its time to come back', () => {
    const { tracker, clock, connect, state } = setUp();
    const old = connect(1);
    tracker.closed(old, 'hub');
    tracker.reported(old, 'pi', true);
    clock.advance(10_000);
    expect(state()).toBe('reconnecting');
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
