import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alert, NOW } from '../testing/parts.js';
import { startTestServer, type TestServer } from '../testing/server.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.stop());

const act = (method: string, path: string, body?: unknown, token = 'admin-token') =>
  server.ask(`/api/v1${path}`, { method, token, body });
const setting = { kind: 'hook', config: { url: 'http://127.0.0.1:1', key: 'hush-hush' } };

describe('notifiers', () => {
  it('are an admin’s to make, read, try and remove; everyone sees how they fare, nobody in lists how they are set', async () => {
    for (const [method, path, body] of [
      ['POST', '/notifiers', setting],
      ['PUT', '/notifiers/hook', setting],
      ['GET', '/notifiers/hook', undefined],
      ['POST', '/notifiers/hook/test', undefined],
      ['DELETE', '/notifiers/hook', undefined],
    ] as const)
      expect((await act(method, path, body, 'operator-token')).status).toBe(403);
    expect((await act('POST', '/notifiers', setting)).json).toMatchObject({ id: 'hook', state: 'waiting' });
    expect((await act('POST', '/notifiers', setting)).status).toBe(409);
    expect((await act('PUT', '/notifiers/hook', { ...setting, per_minute: 5 })).json).toMatchObject({ per_minute: 5 });
    const { items } = (await act('GET', '/notifiers', undefined, 'viewer-token')).json;
    expect(items).toMatchObject([{ id: 'hook', waiting: 0 }]);
    expect(JSON.stringify(items)).not.toContain('config');
    expect((await act('POST', '/notifiers/hook/test')).json).toEqual({ ok: true });
    expect(server.kept.asked).toContainEqual({ test: 'hook' });
    expect((await act('DELETE', '/notifiers/hook')).status).toBe(200);
    expect((await act('POST', '/notifiers/hook/test')).status).toBe(404);
  });

  it('leave nothing of their configuration in the audit', async () => {
    await act('POST', '/notifiers', setting);
    expect(server.kept.audited).toMatchObject([{ detail: { kind: 'hook' } }]);
    expect(JSON.stringify(server.kept.audited)).not.toContain('hush-hush');
  });

  it('come in kinds, each with the schema of its form', async () => {
    expect((await act('GET', '/notifiers/kinds')).json.items).toMatchObject([
      { id: 'hook', config: { properties: { key: { format: 'password', writeOnly: true } } } },
    ]);
    expect((await act('PUT', '/notifiers/kinds', setting)).status).toBe(400);
  });

  it('include the dead man’s switch, whose address is never given back whole', async () => {
    const put = await act('PUT', '/notifiers/heartbeat', { url: 'https://hc.example.org/ping/hush-hush', every_s: 30 });
    expect(put.json).toMatchObject({ address: 'https://hc.example.org', every_s: 30 });
    expect((await act('GET', '/notifiers/heartbeat', undefined, 'operator-token')).status).toBe(403);
    expect(JSON.stringify([put.json, server.kept.audited])).not.toContain('hush-hush');
  });
});

describe('routes, silences and incidents', () => {
  it('are read by everyone and set by operators', async () => {
    const route = {
      ...{ id: 'default', match: { severity: 'warning', scope: { all: true }, times: null }, notifiers: null, group_by: 'site' },
      ...{ wait_ms: 1_000, repeat_ms: null, escalate: null, resolved: true, quiet_hours: null, go_on: false },
    };
    expect((await act('PUT', '/routes', { items: [route] }, 'viewer-token')).status).toBe(403);
    expect((await act('PUT', '/routes', { items: [route] }, 'operator-token')).json).toMatchObject({ items: [route] });
    expect((await act('GET', '/routes', undefined, 'viewer-token')).json).toMatchObject({ items: [route] });
    const { version } = (await act('GET', '/routes')).json as unknown as { version: string };
    expect((await act('PUT', '/routes', { items: [], version }, 'operator-token')).status).toBe(200);
    expect((await act('PUT', '/routes', { items: [route], version }, 'operator-token')).json.error?.code).toBe('conflict');
    expect((await act('GET', '/incidents', undefined, 'viewer-token')).json.items).toMatchObject([{ id: 'i1', count: 1 }]);
  });

  it('show on an alert that it is silenced, and by whom the silence is', async () => {
    server.kept.alerts.push(alert('a1'));
    const silence = { scope: { device: 'pi-1' }, to: NOW + 1_000, comment: 'new router' };
    expect((await act('POST', '/silences', silence, 'viewer-token')).status).toBe(403);
    const made = await act('POST', '/silences', silence, 'operator-token');
    expect(made.json).toMatchObject({ ...silence, by: 'a operator' });
    expect((await act('GET', '/alerts', undefined, 'viewer-token')).json.items).toMatchObject([
      { id: 'a1', silenced: 'silenced' },
    ]);
    expect((await act('GET', '/silences', undefined, 'viewer-token')).json.items).toHaveLength(1);
    expect((await act('DELETE', '/silences/s1', undefined, 'operator-token')).status).toBe(200);
    expect((await act('DELETE', '/silences/s1', undefined, 'operator-token')).status).toBe(404);
  });
});

describe('snoozing an alert', () => {
  beforeEach(() => void server.kept.alerts.push(alert('a1')));
  const snooze = (body: object, token = 'operator-token') => act('POST', '/alerts/a1/snooze', body, token);

  it('lasts for a time or until one, and ends with null', async () => {
    expect((await snooze({ for_ms: 60_000 })).json).toMatchObject({ snoozed: { by: 'a operator', until: NOW + 60_000 } });
    expect((await snooze({ until: NOW + 5_000 })).json).toMatchObject({ snoozed: { until: NOW + 5_000 } });
    expect((await snooze({ until: null })).json).toMatchObject({ snoozed: null });
  });

  it.each([[{}], [{ until: NOW + 1, for_ms: 1_000 }], [{ until: NOW - 1 }], [{ until: NOW + 40 * 86_400_000 }]])(
    'refuses %o',
    async (body) => expect((await snooze(body)).status).toBe(400),
  );

  it('is not for viewers, and wants an alert that there is', async () => {
    expect((await snooze({ for_ms: 60_000 }, 'viewer-token')).status).toBe(403);
    expect((await act('POST', '/alerts/none/snooze', { for_ms: 60_000 })).status).toBe(404);
  });
});
