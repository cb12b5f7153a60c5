import { expect, test } from 'vitest';
import { simulateAlerts } from './alerts.js';

test('every fault of 100 devices in 3 days is told in time, nothing else is, and flapping ones are told once an hour', async () => {
  const score = await simulateAlerts({ devices: 100, days: 3, seed: 1 });
  expect(score.examples).toEqual([]);
  expect(score).toMatchObject({ missed: 0, false_alarms: 0 });
  expect(score.faults).toBeGreaterThan(50);
  expect(score.worst_flapping_notices_per_h).toBeLessThanOrEqual(1);
});
