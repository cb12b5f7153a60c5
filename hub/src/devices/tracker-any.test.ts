import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setUp, story } from './testing/tracker.js';

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
  const steps = fc.array(step, { maxLength: 40, size: 'max' });

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
          all.tracker.reported(all.connect(7), 'pi', true);
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
