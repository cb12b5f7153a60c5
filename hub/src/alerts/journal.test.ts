import { AppError } from '@muster/shared/errors';
import { expect, test } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { createJournal, type Entry } from './journal.js';
import { createHarness, rules } from './testing/harness.js';
import type { HandStore } from './testing/store.js';

const entry = (id: string): Entry => ({
  ...{ setting: 'hub', subject: 'store', ts: 1, change: 'firing', by: 'hub' },
  alert: {
    ...{ id, rule: 'hub', device: '', device_name: 'Hub', title: 'Hub problem', why: 'It is full.', severity: 'critical' },
    ...{ state: 'firing', value: null, since: 1, fired_at: 1, resolved_at: null, acknowledged: null, event: 0 },
  },
});

test('what a full store refuses takes no number and is never announced', () => {
  const writer = createHandWriter();
  const journal = createJournal(writer, { newest: 0, open: [] });
  const told: unknown[] = [];
  journal.event.on(({ number, alert }) => told.push([number, alert.id]));
  writer.full = true;
  expect(() => journal.record(entry('a'))).toThrow(/more than it may hold/);
  writer.full = false;
  journal.record(entry('b'));
  writer.healthy = false;
  journal.release();
  expect(told).toEqual([[1, 'b']]);
});

/** From now on the store says whether it is full. */
const fillable = ({ writer }: HandStore) => {
  const { queue } = writer;
  let full = false;
  writer.accepts = () => !full;
  writer.queue = (...given) => {
    if (full) throw new AppError('busy', 'The store is behind by more than it may hold in memory');
    queue(...given);
  };
  return (on: boolean) => {
    full = on;
  };
};

test('while the store has no room nothing begins or ends, and nothing is lost by it', async () => {
  const hub = createHarness(rules);
  hub.store.automatic(true);
  const fill = fillable(hub.store);
  for (const id of ['pi', 'rig']) hub.device(id);
  await hub.start();
  for (const id of ['pi', 'rig']) hub.presence(id, 'online', 'boot-1');
  hub.presence('rig', 'lost');
  hub.clock.advance(10_000);
  hub.heard();
  fill(true);
  hub.presence('pi', 'lost');
  expect(() => hub.alerts.hub('watch:barn', true, 'The hub Barn is silent.')).toThrow('was not kept');
  hub.alerts.stalled('The disk is full.');
  hub.clock.advance(60_000);
  expect(hub.heard()).toEqual([]);
  fill(false);
  hub.clock.advance(60_000);
  expect(hub.heard()).toEqual(['firing offline rig']);
  fill(true);
  hub.presence('rig', 'online', 'boot-1');
  hub.devices.delete('rig');
  hub.alerts.deviceRemoved('rig');
  fill(false);
  hub.clock.advance(60_000);
  expect(hub.heard()).toEqual(['resolved offline rig']);
});
