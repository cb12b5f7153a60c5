import { connect } from 'node:net';
import { AppError } from '@muster/shared/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROLES } from '../parts.js';
import type { RouteDeclaration } from './route.js';
import { createRoutes } from './routes/index.js';
import { device } from './testing/parts.js';
import { startTestServer, type TestServer } from './testing/server.js';

const routes: RouteDeclaration[] = createRoutes({ metrics: async function* () {}, public_url: null });
const pathOf = ({ path }: RouteDeclaration) => path.replaceAll(/:\w+/g, 'a');

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.stop());

describe('who may what', () => {
  const closed = routes.filter((route) => route.role !== 'open');

  it('leaves open what needs no credential, and nothing else', () => {
    const open = routes.filter((route) => route.role === 'open').map(({ method, path }) => `${method} ${path}`);
    expect(open.sort()).toEqual([
      'GET /acknowledge',
      'GET /healthz',
      'GET /heartbeat/:token',
      'GET /install.sh',
      'GET /install/muster-agent.tgz',
      'POST /acknowledge',
      'POST /api/v1/join',
      'POST /api/v1/session',
      'POST /api/v1/setup',
    ]);
  });

  it.each(closed)('refuses $method $path without a credential or with a wrong one', async (route) => {
    const ask = { method: route.method };
    for (const asked of [ask, { ...ask, token: 'wrong' }, { ...ask, cookie: 'wrong' }]) {
      const reply = await server.ask(pathOf(route), asked);
      expect([reply.status, reply.json.error?.code]).toEqual([401, 'unauthorized']);
    }
  });

  it.each(closed)('refuses $method $path to every role below $role, and lets that role in', async (route) => {
    for (const role of ROLES) {
      const reply = await server.ask(pathOf(route), { method: route.method, token: `${role}-token` });
      const allowed = ROLES.indexOf(role) >= ROLES.indexOf(route.role as (typeof ROLES)[number]);
      expect([role, reply.status === 403]).toEqual([role, !allowed]);
    }
  });

  it('asks viewer for every read, operator or admin for every change but of what is their own', () => {
    const own = /\/(session|password|push-subscriptions(\/:id)?)$/;
    const changing = closed.filter((route) => route.method !== 'GET' && !own.test(route.path));
    expect(changing.filter((route) => route.role === 'viewer')).toEqual([]);
    const admin = closed.filter((route) => route.role === 'admin').map(({ method, path }) => `${method} ${path.slice(8)}`);
    expect(admin.sort()).toEqual([
      'DELETE devices/:device',
      'DELETE networks/:id',
      'DELETE notifiers/:id',
      'DELETE tokens/:token',
      'DELETE users/:name',
      'DELETE watches/:id',
      'GET audit',
      'GET networks/:id',
      'GET networks/kinds',
      'GET notifiers/:id',
      'GET notifiers/heartbeat',
      'GET notifiers/kinds',
      'GET tokens',
      'GET users',
      'GET watches',
      'POST devices/:device/rotate',
      'POST notifiers',
      'POST notifiers/:id/test',
      'POST tokens',
      'POST users',
      'POST watches',
      'PUT devices/:device/carries',
      'PUT networks/:id',
      'PUT notifiers/:id',
      'PUT notifiers/heartbeat',
    ]);
  });

  it('never takes a token from the URL', async () => {
    for (const query of ['token=admin-token', 'access_token=admin-token', 'authorization=Bearer%20admin-token']) {
      expect((await server.ask(`/api/v1/devices?${query}`)).status).toBe(401);
    }
  });

  it('answers unknown paths and methods in the form of the API, to those who may know', async () => {
    for (const [method, path] of [
      ['GET', '/api/v1/nothing'],
      ['GET', '/api'],
      ['PUT', '/api/v1/devices'],
      ['POST', '/somewhere'],
      ['GET', '/api/v1/devices/a/b/c'],
    ] as const) {
      expect((await server.ask(path, { method })).status).toBe(401);
      const reply = await server.ask(path, { method, token: 'viewer-token' });
      expect([path, reply.status, reply.json.error?.code]).toEqual([path, 404, 'not_found']);
    }
  });

  it('is not talked round by odd spellings of a path', async () => {
    for (const path of [
      '//api/v1/audit',
      '/api/v1/%61udit',
      '/api//v1/audit',
      '/api/v1/audit/',
      '/api/v1/./audit',
      '/api/v1/audit%00',
    ]) {
      const reply = await server.ask(path);
      expect([401, 404, 400]).toContain(reply.status);
      expect(reply.text).not.toContain('items');
    }
  });
});

describe('bad requests', () => {
  const patch = (body: unknown, headers: Record<string, string> = {}) =>
    server.ask('/api/v1/devices/pi-1', { method: 'PATCH', token: 'operator-token', body, headers });

  it('that are not JSON, or JSON of the wrong shape, say what is wrong', async () => {
    server.kept.devices.set('pi-1', device('pi-1'));
    expect((await patch('{')).json.error).toEqual({ code: 'bad_request', message: 'The request body is not valid JSON' });
    expect((await patch('{"__proto__": {"admin": true}}')).status).toBe(400);
    const wrong = await patch({ hosting_share: 2 });
    expect([wrong.status, wrong.json.error?.path]).toEqual([400, 'hosting_share']);
    expect((await patch({})).status).toBe(400);
    expect((await patch('')).status).toBe(400);
    expect((await patch('[]')).status).toBe(400);
  });

  it('of another content type get 415, so that no form of another page can send one', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'multipart/form-data']) {
      const reply = await patch('{"name":"x"}', { 'content-type': type });
      expect([type, [400, 415].includes(reply.status), reply.json.error?.code]).toEqual([type, true, 'bad_request']);
    }
  });

  it('with a body over 1 MB get 413', async () => {
    const reply = await patch({ name: 'x'.repeat(1_100_000) });
    expect([reply.status, reply.json.error?.code]).toEqual([413, 'too_large']);
  });

  it('with a broken percent sign in the path get 400 in the form of the API', async () => {
    const reply = await server.ask('/api/v1/devices/%zz', { token: 'viewer-token' });
    expect([reply.status, reply.json.error?.code]).toEqual([400, 'bad_request']);
  });

  it('with deep nesting in a command are refused', async () => {
    server.kept.devices.set('pi-1', device('pi-1'));
    const deep = `{"command":"x","args":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`;
    const reply = await server.ask('/api/v1/devices/pi-1/commands', { method: 'POST', token: 'operator-token', body: deep });
    expect(reply.status).toBe(400);
  });

  it('with a flood of headers are cut off, and the next one is served', async () => {
    const { port } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET /healthz HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(20_000)}\r\n`);
    const head = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    expect(head).toMatch(/^HTTP\/1\.1 4(31|00)/);
    socket.destroy();
    expect((await server.ask('/healthz')).status).toBe(200);
  });
});

describe('errors', () => {
  it('of the hub itself show no text and no stack', async () => {
    server.kept.devices.set('pi-1', device('pi-1'));
    server.kept.declarations.set('cpu', { kind: 'gauge', unit: '1', title: 'cpu' });
    server.kept.broken = new Error('SELECT secret FROM keys');
    const reply = await server.ask('/api/v1/devices/pi-1/series/cpu', { token: 'viewer-token' });
    expect(reply.status).toBe(500);
    expect(reply.json).toEqual({ error: { code: 'internal', message: 'Something went wrong in the hub; its log says more' } });
  });

  it('that are ours keep code, sentence, path and hint, and nothing else', async () => {
    server.kept.devices.set('pi-1', device('pi-1'));
    server.kept.declarations.set('cpu', { kind: 'gauge', unit: '1', title: 'cpu' });
    server.kept.broken = new AppError('busy', 'Later', { hint: 'wait', file: 'hub.sqlite', retry_after_s: 7 });
    const reply = await server.ask('/api/v1/devices/pi-1/series/cpu', { token: 'viewer-token' });
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '7']);
    expect(reply.json).toEqual({ error: { code: 'busy', message: 'Later', hint: 'wait' } });
  });
});

describe('a cookie', () => {
  const acknowledge = (headers: Record<string, string>) =>
    server.ask('/api/v1/alerts/acknowledge', { method: 'POST', cookie: 'operator-token', body: { ids: ['a'] }, headers });

  it('changes nothing for a page of another origin', async () => {
    const host = new URL(server.url).host;
    for (const origin of ['https://elsewhere.example', 'null', 'http://127.0.0.1:1', `http://${host}.elsewhere.example`]) {
      const reply = await acknowledge({ origin });
      expect([reply.status, reply.json.error?.code]).toEqual([403, 'forbidden']);
    }
    expect((await acknowledge({ origin: `http://${host}` })).status).toBe(200);
    expect((await acknowledge({})).status).toBe(200);
  });

  it('is not looked at when there is an Authorization header', async () => {
    expect((await acknowledge({ authorization: 'Basic x' })).status).toBe(401);
  });

  it('does not sign in for a page of another origin either', async () => {
    const reply = await server.ask('/api/v1/session', {
      method: 'POST',
      body: { name: 'a', password: 'b' },
      headers: { origin: 'https://elsewhere.example' },
    });
    expect(reply.status).toBe(403);
  });
});

describe('the audit log', () => {
  it('notes every change with who and what, and no secret', async () => {
    const { ask, kept } = server;
    await ask('/api/v1/users', {
      method: 'POST',
      token: 'admin-token',
      body: { name: 'bob', password: 'a long secret', role: 'viewer' },
    });
    await ask('/api/v1/join', { method: 'POST', body: { token: 'invite-token', device: 'pi-9' } });
    await ask('/api/v1/devices/pi-9', { method: 'DELETE', token: 'admin-token' });
    await ask('/api/v1/devices', { token: 'admin-token' });
    await ask('/api/v1/devices/pi-9', { method: 'DELETE', token: 'admin-token' });
    expect(kept.audited).toEqual([
      { by: 'a admin', action: 'POST /api/v1/users', subject: '/api/v1/users', detail: { name: 'bob', role: 'viewer' } },
      { by: 'nobody', action: 'POST /api/v1/join', subject: '/api/v1/join', detail: { device: 'pi-9' } },
      { by: 'a admin', action: 'DELETE /api/v1/devices/:device', subject: 'pi-9', detail: {} },
    ]);
  });

  it('has no field in any declaration that could be a secret', () => {
    const shown = routes.flatMap((route) => route.audit ?? []);
    expect(shown.filter((field) => /password|token|code|key|secret|old|new/.test(field))).toEqual([]);
  });
});

describe('starting', () => {
  it('on a taken port says which setting to change, for either listener', async () => {
    const port = Number(new URL(server.url).port);
    const other = await startTestServer();
    const at = { host: '127.0.0.1', port };
    await expect(other.api.listen({ http: at, https: null })).rejects.toThrow(/MUSTER_HTTP_PORT/);
    const https = { ...at, key: '', cert: '' };
    await expect(other.api.listen({ http: { ...at, port: 0 }, https })).rejects.toThrow(/MUSTER_HTTPS_PORT/);
    await expect(other.api.listen({ http: { host: '192.0.2.1', port: 0 }, https: null })).rejects.toThrow(/MUSTER_HTTP_HOST/);
    await other.stop();
  });

  it('may be undone twice', async () => {
    await server.stop();
    await server.stop();
  });
});
