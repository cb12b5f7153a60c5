import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as machine from './presence.js';

const NOW = { ts: 1_700_000_500_000, mono: 500_000 };
const born = machine.born(
  machine.opened(machine.NEVER_SEEN, 3, { ts: 1, mono: 1 }),
  { link: 3, boot: 'aaaaaaaa', session: 1, interval_ms: 10_000 },
  { ts: 1, mono: 1 },
);
const online = machine.settled(born, 'online', { ts: 1, mono: 1 });

/** Facts of a connected device, some of them bent out of the usual. */
const facts = fc
  .record(
    {
      state: fc.constantFrom('online', 'quiet', 'reconnecting', 'lost', 'stopped' as const),
      speaks: fc.constantFrom('agent', 'script' as const),
      link: fc.constantFrom(3, 4, null),
      voice: fc.constantFrom(3, 4),
      agent_link: fc.constantFrom(3, 4),
      newest: fc.constantFrom(3, 4),
      goodbye: fc.boolean(),
      awaited: fc.boolean(),
      grace_until: fc.constantFrom(0, 600_000),
      held_until: fc.constantFrom(0, 600_000),
      heard: fc.integer({ min: 0, max: 499_999 }),
    },
    { requiredKeys: [] },
  )
  .map((bent) => ({ ...online, ...bent }));

it('a report of a steady device changes its times in place, as the state machine would', () => {
  fc.assert(
    fc.property(facts, fc.boolean(), (before, frozen) => {
      if (!machine.isSteady(before, 3)) return;
      const plain = machine.reported(machine.opened(before, 3, NOW), 3, NOW);
      const held = { ...before };
      machine.hearAgain(held, NOW);
      expect(held).toEqual({ ...plain, newest: before.newest });
      expect(machine.judge(plain, { mono: NOW.mono, carrier: null, frozen })).toBe('online');
    }),
    { numRuns: 2_000 },
  );
  expect(machine.isSteady(online, 3)).toBe(true);
});

it('a device at ease is judged online, so that nobody needs to judge it', () => {
  fc.assert(
    fc.property(facts, fc.boolean(), (some, frozen) => {
      if (!machine.isAtEase(some, NOW.mono)) return;
      expect(machine.judge(some, { mono: NOW.mono, carrier: null, frozen })).toBe(some.state);
    }),
    { numRuns: 2_000 },
  );
  const silent = { ...online, heard: NOW.mono - 30_001 };
  expect([machine.isAtEase({ ...silent, heard: NOW.mono - 30_000 }, NOW.mono), machine.isAtEase(silent, NOW.mono)]).toEqual([
    true,
    false,
  ]);
});
