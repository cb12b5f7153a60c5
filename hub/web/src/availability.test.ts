import { expect, test } from 'vitest';
import {
  type AvailabilityRow,
  costTogether,
  exportPath,
  fitsReport,
  reportAddress,
  reportFrom,
  sortReport,
  uptimeText,
  uptimeTogether,
} from './availability.js';

const row = (key: string, extra: Partial<AvailabilityRow> = {}): AvailabilityRow => ({
  ...{
    key,
    name: key,
    site: null,
    uptime: 1,
    watched_ms: 1_000,
    down_ms: 0,
    planned_ms: 0,
    outages: 0,
    longest_ms: 0,
    cost: null,
  },
  ...extra,
});
const keys = (rows: readonly AvailabilityRow[]) => rows.map(({ key }) => key);

test('the worst is first, what was not watched last in either direction', () => {
  const rows = [row('new', { uptime: null }), row('good'), row('bad', { uptime: 0.5 }), row('node-10', { uptime: 0.9 })];
  expect(keys(sortReport(rows, { sort: 'uptime', order: 'asc' }))).toEqual(['bad', 'node-10', 'good', 'new']);
  expect(keys(sortReport(rows, { sort: 'uptime', order: 'desc' }))).toEqual(['good', 'node-10', 'bad', 'new']);
});

test('names sort as people count, costs by their amount', () => {
  const cost = (amount: string) => ({ cost: { amount, currency: 'USD' } });
  const rows = [row('node-10', cost('9')), row('node-2', cost('10.5')), row('node-1')];
  expect(keys(sortReport(rows, { sort: 'name', order: 'asc' }))).toEqual(['node-1', 'node-2', 'node-10']);
  expect(keys(sortReport(rows, { sort: 'cost', order: 'desc' }))).toEqual(['node-2', 'node-10', 'node-1']);
});

test('the address says what is asked for, without what is usual', () => {
  const usual = reportFrom(new URLSearchParams());
  expect(usual).toMatchObject({ by: 'device', period: '30d', sort: 'uptime', order: 'asc' });
  expect(Object.values(reportAddress(usual)).join('')).toBe('');
  const query = new URLSearchParams('by=site&period=2026-01-01..2026-01-31&sort=outages&order=asc&q=roof');
  expect(reportAddress(reportFrom(query))).toMatchObject({
    by: 'site',
    period: '2026-01-01..2026-01-31',
    order: 'asc',
    q: 'roof',
  });
  expect(reportFrom(new URLSearchParams('period=ever&sort=luck'))).toMatchObject({ period: '30d', sort: 'uptime' });
});

test('an uptime is never rounded up to one that was not reached', () => {
  expect([1, 0.999999, 0.99995, 0.9987, 0.5, 0.0123, 0].map(uptimeText)).toEqual([
    ...['100 %', '99.999 %', '99.995 %', '99.87 %', '50.0 %', '1.23 %', '0.00 %'],
  ]);
});

test('uptime together weighs each by the time it was watched', () => {
  const rows = [row('a', { uptime: 0.5, watched_ms: 3_000 }), row('b', { watched_ms: 1_000 }), row('c', { uptime: null })];
  expect(uptimeTogether(rows)).toBe(0.625);
  expect(uptimeTogether([row('c', { uptime: null, watched_ms: 0 })])).toBeNull();
});

test('a search narrows by name and id, the site by its own', () => {
  const rows = [row('pi-1', { name: 'Attic', site: 'home' }), row('pi-2', { name: 'Roof', site: 'work' })];
  expect(keys(rows.filter(fitsReport({ q: 'PI roof', site: '' })))).toEqual(['pi-2']);
  expect(keys(rows.filter(fitsReport({ q: '', site: 'home' })))).toEqual(['pi-1']);
});

test('the file is of the same time and site', () => {
  expect(exportPath({ by: 'device', site: 'a b' }, { from: 1, to: 2 })).toBe(
    '/api/v1/availability/export.csv?from=1&to=2&by=device&site=a+b',
  );
});

test('what the outages cost together is exact, and unknown where nothing is known', () => {
  const cost = (amount: string, currency = 'USD') => ({ cost: { amount, currency } });
  expect(costTogether([row('a', cost('0.1')), row('b'), row('c', cost('0.2'))])).toEqual({
    amount: '0.3',
    currency: 'USD',
  });
  expect(costTogether([row('a')])).toBeNull();
  expect(costTogether([row('a', cost('1')), row('b', cost('1', 'EUR'))])).toBeNull();
});
