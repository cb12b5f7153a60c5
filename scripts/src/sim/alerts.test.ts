import { expect, test } from 'vitest';
import { simulateAlerts } from './alerts.js';

test('every fault of 100 devices in 3 days is told once and in time on each channel, nothing else is, and flapping ones once an hour', async () => {
  const score = await simulateAlerts({ devices: 100, days: 3, seed: 1 });
  expect(score.examples).toEqual([]);
  expect(score).toMatchObject({ missed: 0, false_alarms: 0 });
  expect(score.faults).toBeGreaterThan(100);
  expect(score.restarts).toBeGreaterThan(2);
  expect(score.worst_flapping_notices_per_h).toBeLessThanOrEqual(1);
  for (const { firing, outages, resolved } of score.notices) {
    expect(outages).toBeGreaterThan(0);
    expect(firing).toBeGreaterThan(50);
    expect(resolved).toBeGreaterThan(50);
  }
});

test('a quiet, healthy fleet gets no notice in a month, though its hub is restarted every day', async () => {
  const score = await simulateAlerts({ devices: 10, days: 30, seed: 2, quiet: true });
  expect(score.restarts).toBeGreaterThan(20);
  expect(score).toMatchObject({ faults: 0, fired: 0, notices: [{ notices: 0 }, { notices: 0 }] });
});
