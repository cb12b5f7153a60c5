import { describe, expect, it } from 'vitest';
import { setUp } from './testing/tracker.js';

/** Traps of presence that others fell into; more of each are told in tracker.test.ts and tracker-hub.test.ts. */
describe('TRAP', () => {
  it('late disconnect after reconnect: the end of the old connection, however late and however told, changes nothing', () => {
    const { tracker, connect, clock, state } = setUp();
    const old = connect(1);
    connect(2);
    for (const reason of ['lost', 'keepalive', 'clean', 'taken_over'] as const) tracker.closed(old, reason);
    tracker.willed(old, { boot: 'aaaaaaaa', session: 1 });
    tracker.stopping(old, 'aaaaaaaa');
    clock.advance(10_000);
    expect(state()).toBe('online');
  });

  it('late disconnect marks a dead device as active: words of an ended connection do not bring it back', () => {
    const { tracker, connect, state } = setUp();
    const old = connect(1);
    tracker.closed(old, 'lost');
    tracker.reported(old, 'pi', false);
    tracker.closed(old, 'lost');
    expect(state()).toBe('lost');
  });

  it('an open session keeps a dead device active for days: without reports it is quiet', () => {
    const { connect, clock, state } = setUp();
    connect(1);
    clock.advance(31_000);
    expect(state()).toBe('quiet');
    clock.advance(3_600_000);
    expect(state()).toBe('quiet');
  });

  it('retained will and reconnect: a will of an earlier session that comes behind the birth leaves the device online', () => {
    const { tracker, connect, state } = setUp();
    tracker.closed(connect(1), 'lost');
    expect(state()).toBe('lost');
    const now = connect(2);
    tracker.willed(now, { boot: 'aaaaaaaa', session: 1 });
    tracker.willed(now, { boot: 'bbbbbbbb', session: 2 });
    expect(state()).toBe('online');
  });

  it('stuck after recovery: every way back online ends every state of being away', () => {
    for (const reason of ['lost', 'keepalive', 'clean', 'hub'] as const) {
      const { tracker, connect, clock, state } = setUp();
      tracker.closed(connect(1), reason);
      clock.advance(3_600_000);
      expect(state(), reason).not.toBe('online');
      connect(2);
      expect(state(), reason).toBe('online');
    }
  });
});
