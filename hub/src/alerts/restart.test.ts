import type { LiveAlertEvent } from '@muster/shared/wire/live';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHarness } from './testing/harness.js';

type Move =
  | { kind: 'presence'; device: string; state: 'online' | 'lost' | 'quiet' | 'stopped' }
  | { kind: 'report'; device: string; value: number }
  | { kind: 'wait'; ms: number }
  | { kind: 'commit'; count: number }
  | { kind: 'stall'; on: boolean }
  | { kind: 'acknowledge' }
  | { kind: 'restart'; ms: number };

const device = fc.constantFrom('a', 'b');
const moves = fc.array(
  fc.oneof<fc.Arbitrary<Move>[]>(
    fc.record({
      kind: fc.constant('presence' as const),
      device,
      state: fc.constantFrom('online' as const, 'lost' as const, 'quiet' as const, 'stopped' as const),
    }),
    fc.record({ kind: fc.constant('report' as const), device, value: fc.constantFrom(50, 78, 90) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(10, 3_000, 21_000, 61_000) }),
    fc.record({ kind: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('stall' as const), on: fc.boolean() }),
    fc.record({ kind: fc.constant('acknowledge' as const) }),
    fc.record({ kind: fc.constant('restart' as const), ms: fc.constantFrom(0, 30_000) }),
  ),
  { maxLength: 60 },
);

const settings = [
  {
    id: 'offline',
    rule: 'offline',
    title: 'Offline',
    enabled: true,
    severity: 'critical' as const,
    scope: { all: true as const },
  },
  { id: 'hot', rule: 'threshold', title: 'Hot', enabled: true, severity: 'warning' as const, scope: { all: true as const } },
].map((one) => ({ ...one, config: one.id === 'hot' ? { metric: 'a.t', above: 80, clear: 70, for_ms: 5_000 } : {} }));

/** Plays the moves; answers what was announced with a number and what is on disk. */
const play = async (list: readonly Move[]) => {
  const hub = createHarness();
  hub.store.automatic(true);
  await hub.start();
  await hub.alerts.setRules(settings, 'test');
  for (const id of ['a', 'b']) hub.device(id);
  hub.store.automatic(false);
  for (const move of list) {
    if (move.kind === 'presence') hub.presence(move.device, move.state);
    if (move.kind === 'report') hub.report(move.device, { 'a.t': move.value });
    if (move.kind === 'wait') hub.clock.advance(move.ms);
    if (move.kind === 'commit' && hub.store.writer.healthy) hub.store.commit(move.count);
    if (move.kind === 'stall') hub.store.stall(move.on);
    if (move.kind === 'acknowledge')
      void hub.alerts
        .acknowledge(
          hub.alerts.open().map(({ id }) => id),
          'ada',
          null,
        )
        .catch(() => {});
    if (move.kind === 'restart') await hub.restart(move.ms);
  }
  hub.store.stall(false);
  hub.store.commit();
  return hub;
};

const wellFormed = /^(pending (acknowledged )*)?((cancelled )|(firing (acknowledged )*(resolved )?))?$/;

test('over any sequence with crashes at any point the events of each alert are well formed, numbered without gaps, none lost or repeated', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (list) => {
      const hub = await play(list);
      const stored = await hub.alerts.events(0, 10_000);
      expect(stored.map(({ number }) => number)).toEqual(stored.map((_event, index) => index + 1));
      const announced = hub.events.filter(({ number }) => number !== null);
      expect(announced).toEqual(stored);
      for (const changes of changesByAlert(stored).values()) expect(`${changes.join(' ')} `).toMatch(wellFormed);
      expect(openAfter(stored)).toEqual(new Set(hub.alerts.open().map(({ id }) => id)));
    }),
    { numRuns: 300 },
  );
});

test('a restart changes nothing but the time that devices need to come back', async () => {
  const hub = await play([
    { kind: 'presence', device: 'a', state: 'lost' },
    { kind: 'wait', ms: 21_000 },
    { kind: 'commit', count: 1 },
    { kind: 'restart', ms: 0 },
  ]);
  // Firing was not on disk yet: it is announced once, after the restart.
  expect(hub.events.map(({ number, change }) => [number, change])).toEqual([
    [1, 'pending'],
    [2, 'firing'],
  ]);
});

const changesByAlert = (events: readonly LiveAlertEvent[]): Map<string, string[]> => {
  const changes = new Map<string, string[]>();
  for (const { alert, change } of events) changes.set(alert.id, [...(changes.get(alert.id) ?? []), change]);
  return changes;
};

const openAfter = (events: readonly LiveAlertEvent[]): Set<string> => {
  const open = new Set<string>();
  for (const { alert } of events) {
    if (alert.state === 'resolved') open.delete(alert.id);
    else open.add(alert.id);
  }
  return open;
};
