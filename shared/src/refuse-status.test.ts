import { expect, test } from 'vitest';
import { asAppError } from './errors.js';
import { refuseStatus, retryAfterMs } from './refuse-status.js';
import { delayMs, retryAfterOf } from './source-run.js';

const NOW = Date.UTC(2026, 0, 1);
const refusalOf = (status: number, headers: Record<string, string> = {}) => {
  try {
    refuseStatus({ status, headers }, NOW);
    return null;
  } catch (error) {
    return asAppError(error);
  }
};

test('a status says what is wrong, and when to come back', () => {
  expect(refusalOf(204)).toBeNull();
  expect([301, 401, 403, 404, 429, 500].map((status) => refusalOf(status)?.code)).toEqual([
    ...['bad_reply', 'unauthorized', 'forbidden', 'not_found', 'too_many', 'bad_reply'],
  ]);
  const busy = refusalOf(503, { 'retry-after': '30' });
  expect([busy?.details['retry_after_ms'], busy && retryAfterOf(busy)]).toEqual([30_000, 30_000]);
});

test('a date to come back at is counted from the clock of the server', () => {
  const date = (ms: number) => new Date(NOW + ms).toUTCString();
  expect(retryAfterMs({ 'retry-after': date(60_000) }, NOW)).toBe(60_000);
  expect(retryAfterMs({ 'retry-after': date(60_000), date: date(50_000) }, NOW)).toBe(10_000);
  expect(retryAfterMs({ 'retry-after': date(-60_000) }, NOW)).toBe(0);
  expect(retryAfterMs({ 'retry-after': 'soon' }, NOW)).toBeUndefined();
});

test('failures are followed by longer and longer waits up to an hour, longer only when asked', () => {
  const after = (failures: number, retry_after_ms?: number) => delayMs({ every: 60_000, failures, random: 1, retry_after_ms });
  expect([0, 1, 2, 20].map((failures) => after(failures))).toEqual([60_000, 120_000, 240_000, 3_600_000]);
  expect([after(1, 7_200_000), after(1, 1e12)]).toEqual([7_200_000, 86_400_000]);
});
