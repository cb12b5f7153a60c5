import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { device } from '../testing/parts.js';
import { startTestServer, type TestServer } from '../testing/server.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
  const { devices, sites } = server.kept;
  devices.clear();
  sites.set('roof', { id: 'roof', name: 'The roof', tariff: null, time_zone: 'UTC' });
  devices.set('a', device('a', { name: '=A', site: 'roof', tags: ['x'] }));
  devices.set('b', device('b', { name: 'B, the "big"', site: 'roof' }));
  devices.set('c', device('c', { site: null, tags: ['x'] }));
});
afterEach(() => server.stop());

const get = (path: string) => server.ask(`/api/v1${path}`, { token: 'viewer-token' });
const keysOf = ({ json }: Awaited<ReturnType<typeof get>>) => (json.items as { key: string }[]).map(({ key }) => key);

describe('the availability of a fleet', () => {
  it('is told by device or by site, filtered and page by page', async () => {
    const first = await get('/availability?limit=2');
    expect([keysOf(first), first.json['next']]).toEqual([['a', 'b'], 'b']);
    expect(keysOf(await get('/availability?limit=2&after=b'))).toEqual(['c']);
    expect(keysOf(await get('/availability?tag=x'))).toEqual(['a', 'c']);
    expect(keysOf(await get('/availability?site=roof'))).toEqual(['a', 'b']);
    const sites = await get('/availability?by=site&from=0&to=1000');
    expect(sites.json.items).toMatchObject([
      { key: '', name: '', site: null },
      { key: 'roof', name: 'The roof', site: 'roof' },
    ]);
  });

  it('refuses a span that is too long or ends before it begins', async () => {
    expect((await get('/availability?from=0')).json.error).toMatchObject({ code: 'bad_request', path: 'from' });
    expect((await get('/availability?from=5&to=4')).status).toBe(400);
    expect((await get('/availability?by=planet')).status).toBe(400);
  });

  it('is exported as CSV in which no name is a formula', async () => {
    const { text, headers } = await get('/availability/export.csv?from=0&to=3600000');
    expect(headers['content-type']).toBe('text/csv; charset=utf-8');
    const [head, ...rows] = text.trim().split('\r\n');
    expect(head).toBe('key,name,site,from,to,uptime,watched_ms,down_ms,planned_ms,outages,longest_ms,cost,currency');
    expect(rows[0]).toMatch(/^a,'=A,roof,1970-01-01T00:00:00.000Z,1970-01-01T01:00:00.000Z,/);
    expect(rows[1]).toMatch(/^b,"B, the ""big""",roof,/);
    expect(rows).toHaveLength(3);
  });
});
