import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHarness, type Harness } from './testing/harness.js';

type Move =
  | { kind: 'fire' | 'resolve'; device: string; told: boolean }
  | { kind: 'acknowledge'; device: string }
  | { kind: 'wait'; ms: number }
  | { kind: 'commit' }
  | { kind: 'crash' }
  | { kind: 'break'; how: 'unreachable' | 'hangs' | 'well' };

const device = fc.constantFrom('a', 'b', 'c', 'd');
const moves = fc.array(
  fc.oneof<fc.Arbitrary<Move>[]>(
    fc.record({ kind: fc.constant('fire' as const), device, told: fc.boolean() }),
    fc.record({ kind: fc.constant('resolve' as const), device, told: fc.boolean() }),
    fc.record({ kind: fc.constant('acknowledge' as const), device }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 500, 1_500, 30_000) }),
    fc.record({ kind: fc.constant('commit' as const) }),
    fc.record({ kind: fc.constant('crash' as const) }),
    fc.record({
      kind: fc.constant('break' as const),
      how: fc.constantFrom('unreachable' as const, 'hangs' as const, 'well' as const),
    }),
  ),
  { maxLength: 40 },
);

/** Each alert is of a rule of its own, so that none is taken for a flapping one. */
const play = async (list: readonly Move[]): Promise<Harness> => {
  const hub = createHarness();
  await hub.start();
  const open = new Map<string, string>();
  let count = 0;
  for (const move of list) {
    // Whoever was not told dies at once: a hub that lives hears of every event that it stored.
    if (move.kind === 'fire' && !open.has(move.device)) {
      const id = `n${++count}`;
      open.set(move.device, id);
      hub.fire(id, move.device, { rule: `rule-${id}`, title: id, why: id }, move.told);
      if (!move.told) await hub.crash();
    }
    if (move.kind === 'resolve') {
      hub.resolve(open.get(move.device) ?? '', move.told);
      if (open.delete(move.device) && !move.told) await hub.crash();
    }
    if (move.kind === 'acknowledge') hub.mark(open.get(move.device) ?? '', { acknowledged: { by: 'ada', at: 0, comment: null } });
    if (move.kind === 'wait') await hub.pass(move.ms);
    if (move.kind === 'commit') {
      hub.writer.automatic = true;
      hub.writer.commit();
      await hub.settle();
      hub.writer.automatic = false;
    }
    if (move.kind === 'crash') await hub.crash();
    if (move.kind === 'break') hub.broken.clear();
    if (move.kind === 'break' && move.how !== 'well')
      hub.broken.set('ada', move.how === 'hangs' ? 'hangs' : { code: 'unreachable' });
  }
  hub.broken.clear();
  hub.writer.automatic = true;
  hub.writer.commit();
  await hub.pass(3_600_000, 5_000);
  return hub;
};

/** Notices by key; the same key is the same notice. */
const distinct = (hub: Harness) => [...new Map(hub.sent.map((one) => [one.idempotency_key, one])).values()];

test('whenever the hub dies, every alert that fired is told at least once, and never under a second key', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (list) => {
      const hub = await play(list);
      const text = distinct(hub);
      const times = (id: string, resolved: boolean) =>
        text.filter((one) => one.resolved === resolved && new RegExp(`\\b${id}\\b`).test(`${one.title} ${one.text}`)).length;
      for (const { change, alert } of hub.log) {
        if (change === 'firing') expect([alert.id, times(alert.id, false)]).toEqual([alert.id, 1]);
        if (change === 'resolved') expect([alert.id, times(alert.id, true)]).toEqual([alert.id, 1]);
      }
      const bodies = new Map<string, string>();
      for (const { idempotency_key: key, ts: _ts, ...one } of hub.sent) {
        expect(bodies.get(key) ?? JSON.stringify(one)).toBe(JSON.stringify(one));
        bodies.set(key, JSON.stringify(one));
      }
      expect(hub.notify.notifiers()).toMatchObject([{ waiting: 0 }]);
    }),
    { numRuns: 150 },
  );
});

test('a notice that was sent but not yet crossed out goes again under the same key', async () => {
  const hub = createHarness();
  await hub.start();
  hub.fire('1', 'pi');
  await hub.settle();
  hub.writer.automatic = false;
  await hub.pass(1_000);
  expect(hub.sent).toEqual([]);
  // Now it is sealed on disk and leaves; that it left is not written.
  hub.writer.commit();
  await hub.settle();
  hub.writer.automatic = true;
  await hub.crash();
  await hub.pass(2_000);
  const keys = hub.sent.map(({ idempotency_key }) => idempotency_key);
  expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
});

test('while the store stands still notices go out from memory, once', async () => {
  const hub = createHarness();
  await hub.start();
  hub.writer.automatic = false;
  hub.writer.healthy = false;
  hub.fire('1', 'pi');
  await hub.pass(3_000);
  expect(hub.heard()).toHaveLength(1);
  hub.writer.healthy = true;
  hub.writer.automatic = true;
  hub.writer.commit();
  await hub.pass(60_000);
  expect(hub.heard()).toEqual([]);
});
