import { expect, test } from 'vitest';
import { MODELS } from './earning-histories.js';
import { type Figures, simulateEarnings } from './earnings.js';

/** A part of what `npm run sim -- earnings` plays, small enough for every test run. */
const figures = await simulateEarnings({ seed: 7, days: 240, healthy: 12, stopped: 4, dropped: 2 });
const sum = (of: (one: Figures) => number) => figures.reduce((total, one) => total + of(one), 0);

test('healthy streams of every network raise at most one false alarm a device-year', () => {
  expect(figures.map(({ network }) => network)).toEqual(MODELS.map(({ id }) => id));
  const alarms = sum(({ false_not_earning, false_drop }) => false_not_earning + false_drop);
  expect(alarms / sum(({ device_years }) => device_years)).toBeLessThanOrEqual(1);
});

test('income that stops is told within two expected periods, none is missed', () => {
  expect(sum(({ stops }) => stops)).toBe(4 * MODELS.length);
  expect(sum(({ stops_missed }) => stops_missed)).toBe(0);
  for (const { network, stop_periods } of figures) expect(stop_periods?.worst, network).toBeLessThanOrEqual(2);
});

test('the same seed gives the same figures', async () => {
  const size = { seed: 3, days: 60, healthy: 2, stopped: 1, dropped: 0 };
  expect(await simulateEarnings(size)).toEqual(await simulateEarnings(size));
});
