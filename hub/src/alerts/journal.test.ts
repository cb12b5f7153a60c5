import { expect, test } from 'vitest';
import { createHandWriter } from '../hand-writer.js';
import { createJournal, type Entry } from './journal.js';

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
