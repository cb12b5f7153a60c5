import { describe, expect, test } from 'vitest';
import { added, asReply, availabilityOf, merged, NOTHING, type Stay } from './availability.js';

const HOUR = 3_600_000;
const stake = { currency: 'EUR', fiat_per_hour: '0.50000000', tokens: [] };

/** `online 3, lost 1`: states with their hours, one after the other. */
const stays = (text: string): Stay[] => {
  let at = 0;
  return text.split(', ').map((word) => {
    const [state, hours] = word.split(' ');
    const from = at;
    at += Number(hours) * HOUR;
    return { state: state as Stay['state'], from, to: at };
  });
};
const report = (text: string, silenced: [number, number][] = []) =>
  asReply(
    availabilityOf(
      stays(text),
      silenced.map(([from, to]) => ({ from: from * HOUR, to: to * HOUR })),
      stake,
    ),
  );

describe('availability', () => {
  test('is the share of the watched time in which a device was there, and its outages are priced', () => {
    expect(report('online 6, lost 1, online 2, lost 3')).toEqual({
      ...{ uptime: 8 / 12, watched_ms: 12 * HOUR, down_ms: 4 * HOUR, planned_ms: 0, outages: 2, longest_ms: 3 * HOUR },
      cost: { amount: '2.00000000', currency: 'EUR' },
    });
  });

  test('counts what nobody watched neither as up nor as down', () => {
    expect(report('never_seen 5, online 1, reconnecting 1, online 1, unknown 4')).toMatchObject({
      ...{ uptime: 1, watched_ms: 2 * HOUR, down_ms: 0, outages: 0, cost: { amount: '0.00000000' } },
    });
    expect(report('never_seen 5')).toMatchObject({ uptime: null, watched_ms: 0, down_ms: 0 });
    expect(asReply(NOTHING)).toMatchObject({ uptime: null, cost: null });
  });

  test('counts an outage that nobody saw the middle of as one', () => {
    expect(report('online 1, lost 1, unknown 2, lost 1, online 1')).toMatchObject({ outages: 1, longest_ms: 2 * HOUR });
  });

  test('puts planned stops and silenced outages apart, but not what was up meanwhile', () => {
    expect(report('online 4, stopped 2, online 1, lost 2', [[0, 1]])).toMatchObject({ planned_ms: 2 * HOUR, down_ms: 2 * HOUR });
    expect(report('online 4, lost 4', [[3, 6]])).toMatchObject({ planned_ms: 2 * HOUR, down_ms: 2 * HOUR, outages: 1 });
    expect(report('online 4, lost 4', [[3, 9]])).toMatchObject({ planned_ms: 4 * HOUR, down_ms: 0, outages: 0, uptime: 1 });
  });

  test('counts a silence of a connected device as up, and one that ended as a loss as its beginning', () => {
    expect(report('online 1, quiet 1, online 1')).toMatchObject({ down_ms: 0 });
    expect(report('online 1, quiet 1, lost 1')).toMatchObject({ down_ms: 2 * HOUR, outages: 1 });
  });

  test('of several is the sum, the longest of all, and the cost of those whose income is known', () => {
    const one = availabilityOf(stays('online 1, lost 1'), [], stake);
    const other = availabilityOf(stays('lost 3'), [], null);
    expect(asReply(added(added(NOTHING, one), other))).toEqual({
      ...{ uptime: 1 / 5, watched_ms: 5 * HOUR, down_ms: 4 * HOUR, planned_ms: 0, outages: 2, longest_ms: 3 * HOUR },
      cost: { amount: '0.50000000', currency: 'EUR' },
    });
  });
});

test('of thousands of silences each outage looks at those that touch it, and counts what each of them covers', () => {
  let looked = 0;
  const silenced = Array.from({ length: 4_096 }, (_, at) => ({
    get from() {
      looked++;
      return at * 10;
    },
    get to() {
      looked++;
      return at * 10 + 4;
    },
  }));
  const stay = (from: number, to: number): Stay => ({ state: 'lost', from, to });
  const planned = (from: number, to: number) => availabilityOf([stay(from, to)], silenced, null).planned_ms;
  for (const [from, to, expected] of [
    [0, 40_960, 4 * 4_096],
    [20_002, 20_013, 2 + 3],
    [4, 10, 0],
    [3, 11, 2],
    [40_951, 50_000, 3],
    [40_954, 50_000, 0],
  ] as const)
    expect(planned(from, to)).toBe(expected);
  looked = 0;
  planned(20_002, 20_013);
  expect(looked).toBeLessThan(50);
});

test('spans that touch or overlap are one', () => {
  const given = [
    { from: 5, to: 7 },
    { from: 0, to: 2 },
    { from: 2, to: 3 },
    { from: 6, to: 6.5 },
  ];
  expect(merged(given)).toEqual([
    { from: 0, to: 3 },
    { from: 5, to: 7 },
  ]);
});
