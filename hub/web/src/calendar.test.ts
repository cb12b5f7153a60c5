import { createLocalTimes, isWithin } from '@muster/hub/notify/times';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createZone,
  dateText,
  dayOf,
  daysFrom,
  momentOf,
  momentText,
  mondayOf,
  monthOf,
  monthsOn,
  piecesOf,
  spansOf,
  weeklySpans,
  whenOf,
} from './calendar.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const at = (text: string) => Date.parse(text);
const shown = (spans: readonly { from: number; to: number }[]) =>
  spans.map(({ from, to }) => `${new Date(from).toISOString().slice(5, 16)} ${new Date(to).toISOString().slice(5, 16)}`);

describe('a weekly silence', () => {
  const nights = { days: [6], from: '23:00', to: '03:30', time_zone: 'Europe/Berlin' };

  test('is an hour shorter in the night to summer time and an hour longer in the one back', () => {
    expect(shown(weeklySpans(nights, at('2026-03-20T00:00Z'), at('2026-04-06T00:00Z')))).toEqual([
      '03-21T22:00 03-22T02:30',
      '03-28T22:00 03-29T01:30',
      '04-04T21:00 04-05T01:30',
    ]);
    expect(shown(weeklySpans(nights, at('2026-10-24T00:00Z'), at('2026-10-26T00:00Z')))).toEqual(['10-24T21:00 10-25T02:30']);
  });

  test('of an hour that clocks show twice holds twice', () => {
    const hour = { days: [7], from: '02:00', to: '02:30', time_zone: 'Europe/Berlin' };
    expect(shown(weeklySpans(hour, at('2026-10-25T00:00Z'), at('2026-10-26T00:00Z')))).toEqual([
      '10-25T00:00 10-25T00:30',
      '10-25T01:00 10-25T01:30',
    ]);
  });

  test('holds exactly when the hub says so, in any zone and over any change', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia'];
    const clock = fc.integer({ min: 0, max: 95 }).map((q) => new Date(q * 15 * MINUTE).toISOString().slice(11, 16));
    const weekly = fc.record({
      days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 7 }),
      from: clock,
      to: clock,
      time_zone: fc.constantFrom(...zones),
    });
    const starts = ['2026-03-06', '2026-03-27', '2026-04-03', '2026-10-02', '2026-10-23', '2026-10-30', '2026-06-01'];
    fc.assert(
      fc.property(weekly, fc.constantFrom(...starts), (times, start) => {
        const local = createLocalTimes();
        const from = at(`${start}T00:00:00Z`);
        const spans = weeklySpans(times, from, from + 4 * DAY);
        for (let ts = from; ts < from + 4 * DAY; ts += 15 * MINUTE)
          expect(spans.some((span) => ts >= span.from && ts < span.to)).toBe(isWithin(times, ts, local));
      }),
      { numRuns: 60 },
    );
  });

  test('begins and ends with its dates', () => {
    const weekly = { days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00', time_zone: 'UTC' };
    const silence = { weekly, from: at('2026-05-02T12:00Z'), to: at('2026-05-04T06:00Z') };
    expect(shown(spansOf(silence, at('2026-05-01T00:00Z'), at('2026-05-10T00:00Z')))).toEqual(['05-02T12:00 05-04T06:00']);
    expect(whenOf(silence, at('2026-05-01T00:00Z'))).toBe('to_come');
    expect(whenOf(silence, at('2026-05-03T00:00Z'))).toBe('now');
    expect(whenOf(silence, at('2026-05-05T00:00Z'))).toBe('over');
    expect(whenOf({ weekly }, at('2026-05-05T00:00Z'))).toBe('now');
  });
});

describe('a calendar', () => {
  const berlin = createZone('Europe/Berlin');

  test('has a day of 23 hours in spring and one of 25 in autumn', () => {
    const hours = (text: string) => daysFrom(berlin, at(text) / DAY, 1).map(({ from, to }) => (to - from) / HOUR);
    expect([hours('2026-03-28'), hours('2026-03-29'), hours('2026-10-25')]).toEqual([[24], [23], [25]]);
    const santiago = createZone('America/Santiago');
    // Clocks go from 24:00 to 01:00: the day begins at one.
    expect(daysFrom(santiago, at('2026-09-06') / DAY, 1).map(({ from, to }) => (to - from) / HOUR)).toEqual([23]);
  });

  test('reads a time as the clocks of its zone show it', () => {
    expect(momentText(berlin, at('2026-07-01T10:00Z'))).toBe('2026-07-01T12:00');
    expect(momentOf(berlin, '2026-07-01T12:00')).toBe(at('2026-07-01T10:00Z'));
    // What clocks skip is when they go on.
    expect(momentOf(berlin, '2026-03-29T02:30')).toBe(at('2026-03-29T01:00Z'));
    expect(momentOf(berlin, 'tomorrow')).toBeNull();
  });

  test('shows whole weeks from Monday', () => {
    expect(dateText(mondayOf(dayOf(berlin, at('2026-03-01T23:30Z'))))).toBe('2026-03-02');
    const { first, count, month } = monthOf(at('2026-03-15') / DAY);
    expect([dateText(first), count, month]).toEqual(['2026-02-23', 42, 2]);
    expect(dateText(monthsOn(at('2026-01-31') / DAY, 1))).toBe('2026-02-28');
    expect(dateText(monthsOn(at('2026-01-31') / DAY, -2))).toBe('2025-11-30');
  });

  test('puts what overlaps side by side', () => {
    const [day] = daysFrom(berlin, at('2026-07-01') / DAY, 1);
    if (!day) throw new Error('no day');
    const span = (from: number, to: number) => [{ from: day.from + from * HOUR, to: day.from + to * HOUR }];
    const pieces = piecesOf(berlin, day, [
      { of: 'a', spans: span(-5, 3) },
      { of: 'b', spans: span(2, 4) },
      { of: 'c', spans: span(3, 5) },
      { of: 'd', spans: span(23, 30) },
    ]);
    expect(pieces.map(({ of, top, bottom, lane, lanes }) => [of, top, bottom, lane, lanes])).toEqual([
      ['a', 0, 180, 0, 2],
      ['b', 120, 240, 1, 2],
      ['c', 180, 300, 0, 2],
      ['d', 1380, 1440, 0, 1],
    ]);
  });
});
