import { expect, test } from 'vitest';
import { type AlertFilter, activeCount, createMatcher, filterFrom, NO_ALERT_FILTER } from './alert-filter.js';
import type { Alert } from './alert-groups.js';

const DAY = 86_400_000;
const NOW = 100 * DAY;
const ALERT: Alert = {
  ...{ id: 'a1', rule: 'too-hot', device: 'pi-7', device_name: 'Attic Pi', title: 'Too hot', why: 'the chip is at 91 °C' },
  ...{ severity: 'warning', state: 'firing', value: 91, since: NOW - DAY, fired_at: NOW, resolved_at: null, event: 1 },
  acknowledged: { by: 'ada', at: 1, comment: 'fan ordered' },
};
const fits = (part: Partial<AlertFilter>, ts = ALERT.since) =>
  createMatcher(
    { ...NO_ALERT_FILTER, ...part },
    { now: NOW, about: (id) => (id === 'pi-7' ? { site: 'attic', tags: ['helium'] } : undefined), ruleTitle: () => 'Heat' },
  )(ALERT, ts);

test('each filter holds what fits and leaves out what does not', () => {
  for (const [name, right, wrong] of [
    ['severity', 'warning', 'critical'],
    ['site', 'attic', 'roof'],
    ['tag', 'helium', 'storj'],
    ['device', 'pi-7', 'pi-8'],
    ['rule', 'too-hot', 'offline'],
    ['q', 'ATTIC 91', 'attic 92'],
    ['q', 'fan heat', 'fan cold'],
    ['time', '7d', '1h'],
    ['time', '1970-04-10..1970-04-10', '1970-04-11..1970-04-12'],
  ] as const) {
    expect([name, fits({ [name]: right }), fits({ [name]: wrong })]).toEqual([name, true, false]);
  }
});

test('a device that is no longer known has no site', () => {
  const about = () => undefined;
  const of = createMatcher({ ...NO_ALERT_FILTER, site: 'attic' }, { now: NOW, about, ruleTitle: String });
  expect(of(ALERT, NOW)).toBe(false);
});

test('the address says the filters; a time that is none is let go', () => {
  const filter = filterFrom(new URLSearchParams('severity=critical&q=a+b&time=7d&alert=x'));
  expect(filter).toEqual({ ...NO_ALERT_FILTER, severity: 'critical', q: 'a b', time: '7d' });
  expect(activeCount(filter)).toBe(3);
  expect(filterFrom(new URLSearchParams('time=yesterday')).time).toBe('');
  expect(filterFrom(new URLSearchParams('time=2026-01-01..2026-01-31')).time).toBe('2026-01-01..2026-01-31');
});
