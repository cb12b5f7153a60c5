import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOOT, COLUMNS, setUp } from './testing/harness.js';

const AGES = [0, 1, 9_000, 299_000, 301_000, 86_400_000, WIRE_LIMITS.past_ms + 1, -60_000, -WIRE_LIMITS.future_ms - 1];
const value = fc.oneof(fc.constant(null), fc.integer({ min: -50, max: 50 }), fc.constantFrom(0.5, 21.25));
const row = fc.record({
  seq: fc.integer({ min: 1, max: 12 }),
  age: fc.constantFrom(...AGES),
  values: fc.array(value, { minLength: 1, maxLength: 3 }),
});
const report = fc.record({
  boot: fc.constantFrom(BOOT, 'bbbbbbbb'),
  columns: fc.constantFrom(COLUMNS, COLUMNS, COLUMNS, 'ffffffff'),
  device: fc.constantFrom('pi', 'pi', 'van', 'no-document'),
  wait_ms: fc.constantFrom(0, 10, 10_000),
  rows: fc.array(row, { minLength: 1, maxLength: 4 }),
});

/** Everything that a sequence of reports leaves behind; a blank in front of a report sends it the plain way. */
const play = (reports: readonly (typeof report extends fc.Arbitrary<infer T> ? T : never)[], front: string) => {
  const all = setUp();
  const shown: unknown[] = [];
  all.latest.updated.on(({ device, values }) => shown.push([device, values]));
  for (const { boot, columns, device, wait_ms, rows } of reports) {
    all.clock.advance(wait_ms);
    const lines = rows.map(({ seq, age, values }) => [seq, all.clock.now() - age, ...values]);
    all.send('report', Buffer.from(front + JSON.stringify({ boot, columns, rows: lines })), device);
  }
  const stored = [...all.rows('pi'), ...all.rows('van')].map((one) => ({
    ...one,
    values: Array.from(one.values, (held) => (Number.isNaN(held) ? null : held)),
  }));
  const { said, outcomes, latest, quarantine, ingest } = all;
  return { stored, shown, said, outcomes, latest: latest.of('pi'), quarantine: quarantine.counts(), counts: ingest.counts() };
};

describe('the short way for reports', () => {
  it('leaves behind what the plain way does: stored, shown, told, acknowledged and quarantined', () => {
    fc.assert(
      fc.property(fc.array(report, { maxLength: 12 }), (reports) => {
        expect(play(reports, '')).toEqual(play(reports, ' '));
      }),
      { numRuns: 300 },
    );
  });

  it.each(['', ' '])('counts nothing as stored that the store would not take (front "%s")', (front) => {
    const { writer, outcomes, clock, send, seqs } = setUp();
    const message = () =>
      Buffer.from(`${front}${JSON.stringify({ boot: BOOT, columns: COLUMNS, rows: [[7, clock.now(), 1, 2]] })}`);
    const { queue } = writer;
    writer.queue = () => {
      throw new Error('full');
    };
    send('report', message());
    writer.queue = queue;
    send('report', message());
    expect([outcomes, seqs()]).toEqual([['close', 'ack'], [7]]);
  });
});
