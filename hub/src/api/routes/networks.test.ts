import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { device, NOW } from '../testing/parts.js';
import { startTestServer, type TestServer } from '../testing/server.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
  server.kept.devices.set('pi-1', device('pi-1'));
});
afterEach(() => server.stop());

const act = (method: string, path: string, body?: unknown, token = 'admin-token') =>
  server.ask(`/api/v1${path}`, { method, token, body });
const setting = { network: 'json', config: { url: 'http://127.0.0.1:1', key: 'hush-hush' }, devices: ['car'] };

describe('sources that the hub asks', () => {
  it('are an admin’s to make, read and remove; everyone sees how they fare', async () => {
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect((await act(method, '/networks/mine', method === 'PUT' ? setting : undefined, 'operator-token')).status).toBe(403);
    expect((await act('PUT', '/networks/mine', setting)).json).toMatchObject({ id: 'mine', state: 'waiting', devices: ['car'] });
    expect((await act('GET', '/networks/mine')).status).toBe(200);
    const { items } = (await act('GET', '/networks', undefined, 'viewer-token')).json;
    expect(items).toMatchObject([{ network: 'storj' }, { id: 'mine', by: 'hub', state: 'waiting', device: '', next_at: NOW }]);
    expect((await act('DELETE', '/networks/mine')).status).toBe(200);
    expect((await act('DELETE', '/networks/mine')).status).toBe(404);
  });

  it('leave in the audit which devices were made, and nothing of the configuration', async () => {
    await act('PUT', '/networks/mine', setting);
    expect(server.kept.audited).toMatchObject([
      { action: 'devices made for a source', subject: 'mine', detail: { devices: ['car'] } },
      { action: 'PUT /api/v1/networks/:id', detail: { network: 'json', devices: ['car'] } },
    ]);
    expect(JSON.stringify(server.kept.audited)).not.toContain('hush-hush');
  });

  it('come in kinds, each with the schema of its form', async () => {
    const { items } = (await act('GET', '/networks/kinds')).json;
    expect(items).toMatchObject([
      { id: 'json', config: { type: 'object', required: ['url'], properties: { key: { format: 'password', writeOnly: true } } } },
    ]);
    expect((await act('PUT', '/networks/kinds', setting)).status).toBe(400);
  });
});

describe('accounts', () => {
  const put = (body: object) => act('PUT', '/accounts/storj/a%2Fb', body, 'operator-token');

  it('are divided and their booked source is chosen', async () => {
    const shares = [{ device: 'pi-1', parts: 1 }];
    expect((await put({ from: 5, shares })).json).toMatchObject({ account: 'a/b', periods: [{ from: 5, shares }] });
    expect((await put({ token: 'STORJ', booked: null })).status).toBe(200);
    expect(server.kept.asked).toMatchObject([{ share: { account: 'a/b' } }, { choose: 'a/b', token: 'STORJ', source: null }]);
    expect((await act('GET', '/accounts/storj/a', undefined, 'viewer-token')).status).toBe(200);
    expect((await act('GET', '/accounts/storj/b', undefined, 'viewer-token')).status).toBe(404);
  });

  it.each([
    [{}, 'needs "shares"'],
    [{ booked: 'x' }, '"token" beside it'],
    [{ shares: [{ device: 'pi-1', parts: 0.5 }] }, 'shares'],
    [{ shares: [{ device: 'pi-1', parts: 0 }] }, 'shares'],
  ])('refuse %o', async (body, words) => {
    const reply = await put(body);
    expect([reply.status, reply.json.error?.message]).toEqual([400, expect.stringContaining(words)]);
  });
});
