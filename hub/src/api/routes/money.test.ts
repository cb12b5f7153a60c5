import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.stop());

const get = (path: string) => server.ask(`/api/v1${path}`, { token: 'viewer-token' });
const act = (method: string, path: string, body?: unknown, token = 'admin-token') =>
  server.ask(`/api/v1${path}`, { method, token, body });

describe('money', () => {
  it('compares a period of whole UTC days, page by page', async () => {
    const today = Date.UTC(2026, 0, 2);
    const reply = await get('/earnings/compare?period=7d&network=storj&tag=solar&sort=net&order=asc&limit=5&after=10');
    expect(reply.json).toMatchObject({ currency: 'USD', devices: 3, items: [] });
    expect(server.kept.asked.at(-1)).toEqual({
      ...{ from: today - 6 * 86_400_000, to: today + 86_400_000, network: 'storj', tag: 'solar' },
      ...{ sort: 'net', descending: false, limit: 5, skip: 10 },
    });
    await get('/earnings/compare?period=2025-12-01..2025-12-31');
    expect(server.kept.asked.at(-1)).toMatchObject({
      from: Date.UTC(2025, 11, 1),
      to: today - 86_400_000,
      sort: 'fiat',
      limit: 50,
    });
    for (const wrong of ['period=x', 'period=0d', 'period=2026-01-31..2026-01-01', 'period=999d', 'limit=101', 'sort=luck'])
      expect((await get(`/earnings/compare?${wrong}`)).status, wrong).toBe(400);
  });

  it('exports receipts as CSV or JSON', async () => {
    const csv = await get('/earnings/export.csv?format=koinly&from=1&to=2');
    expect([csv.headers['content-type'], csv.text]).toEqual(['text/csv; charset=utf-8', 'head\r\nline\r\n']);
    expect(server.kept.asked.at(-1)).toMatchObject({ from: 1, to: 2, format: 'koinly' });
    const json = await get('/earnings/export.csv?format=json');
    expect(json.headers['content-type']).toContain('application/json');
    expect((await get('/earnings/export.csv?format=excel')).json.error?.path).toBe('format');
  });

  it('lets an operator change prices, and audits everything but keys', async () => {
    expect((await get('/prices')).json).toMatchObject({ currency: 'USD', providers: { coingecko: { key_set: true } } });
    const change = { sources: { HNT: { provider: 'fixed', price: '1e-9' } }, providers: { jupiter: { key: 'hidden' } } };
    expect((await act('PUT', '/prices', change, 'viewer-token')).status).toBe(403);
    expect((await act('PUT', '/prices', change, 'operator-token')).status).toBe(200);
    expect(server.kept.asked.at(-1)).toEqual(change);
    expect(JSON.stringify(server.kept.audited)).not.toContain('hidden');
    expect(server.kept.audited.at(-1)?.detail).toEqual({ sources: change.sources });
    for (const wrong of [
      { currency: 'usd' },
      { sources: { HNT: { provider: 'guess' } } },
      { rates: { EUR: 0.9 } },
      { watts_by_tag: { a: -1 } },
    ])
      expect((await act('PUT', '/prices', wrong)).status, JSON.stringify(wrong)).toBe(400);
  });

  it('keeps the times of use of a site until an empty list takes them away', async () => {
    const tariff_periods = [{ days: [1, 7], from: '22:00', to: '06:15', tariff: '0.1' }];
    await act('POST', '/sites', { name: 'Roof', tariff: '0.3', tariff_periods });
    expect((await act('PATCH', '/sites/roof', { tariff: '0.4' })).json).toMatchObject({ tariff: '0.4', tariff_periods });
    expect((await act('PATCH', '/sites/roof', { tariff_periods: [] })).json['tariff_periods']).toBeUndefined();
    const wrong = [{ ...tariff_periods[0], from: '22:10' }];
    expect((await act('PATCH', '/sites/roof', { tariff_periods: wrong })).status).toBe(400);
  });
});
