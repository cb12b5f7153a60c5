import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostNameOf, isLoopback, isLoopbackUrl } from './remote.js';
import { startTestServer, type TestServer } from './testing/server.js';

let folder: string;
let tls: { key: string; cert: string };
let server: TestServer | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'muster-web-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Muster</title>');
  writeFileSync(join(folder, 'assets', 'main-abc123.js'), 'plain');
  writeFileSync(join(folder, 'assets', 'main-abc123.js.gz'), 'packed');
  writeFileSync(join(folder, 'icon.svg'), '<svg/>');
  writeFileSync(join(folder, '..', 'muster-secret.txt'), 'outside');
  const made = await generate([{ name: 'commonName', value: 'muster' }], { keyType: 'ec' });
  tls = { key: made.private, cert: made.cert };
});
afterEach(() => server?.stop());
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(join(tmpdir(), 'muster-secret.txt'));
});

const start = async (options: Parameters<typeof startTestServer>[0] = {}) => {
  server = await startTestServer({ web_folder: folder, ...options });
  return server;
};
const foreign = { settings: { is_local: () => false } };

describe('addresses of this host', () => {
  it('are loopback in every spelling', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(isLoopback)).toEqual([true, true, true, true]);
    expect(['192.0.2.1', '::ffff:192.0.2.1', 'fe80::1', '128.0.0.1', '', undefined].map(isLoopback)).toEqual(
      Array(6).fill(false),
    );
  });

  it('are told from others in a URL and in a Host header', () => {
    expect(['http://localhost:1', 'http://[::1]:1', 'https://127.0.0.1'].map(isLoopbackUrl)).toEqual([true, true, true]);
    expect(['https://192.0.2.1', 'https://muster.example'].map(isLoopbackUrl)).toEqual([false, false]);
    expect(hostNameOf('[2001:db8::1]:7480')).toBe('[2001:db8::1]');
    expect(['a b', 'a/b', 'a@b', '', undefined].map(hostNameOf)).toEqual([null, null, null, null, null]);
  });
});

describe('plain HTTP from another host', () => {
  it('sends pages to HTTPS and refuses the API with a hint, whatever the credential', async () => {
    const { ask, https } = await start({ ...foreign, tls });
    const page = await ask('/devices/pi-1?tab=x', { headers: { host: 'muster.local:7480' } });
    expect([page.status, page.headers.location]).toEqual([
      302,
      `https://muster.local:${https?.split(':')[2]}/devices/pi-1?tab=x`,
    ]);
    for (const [method, path] of [
      ['GET', '/api/v1/devices'],
      ['POST', '/api/v1/join'],
      ['POST', '/api/v1/session'],
      ['GET', '/api/v1/nothing'],
      ['GET', '/metrics'],
    ] as const) {
      const reply = await ask(path, { method, token: 'admin-token', headers: { 'x-forwarded-for': '127.0.0.1' } });
      expect([path, reply.status, reply.json.error?.code]).toEqual([path, 403, 'needs_https']);
      expect(reply.json.error?.hint).toContain('--pin');
    }
    expect((await ask('/healthz')).json).toEqual({ status: 'ok' });
  });

  it('is not sent anywhere by a Host header that is none, or when there is no HTTPS', async () => {
    const { ask } = await start(foreign);
    expect((await ask('/')).status).toBe(403);
    expect((await ask('/', { headers: { host: 'a b' } })).status).toBeGreaterThanOrEqual(400);
  });

  it('is refused where HTTPS is served', async () => {
    const { ask, https } = await start({ ...foreign, tls });
    expect((await ask(`${https}/api/v1/devices`, { token: 'viewer-token' })).status).toBe(200);
    expect((await ask(`${https}/`)).text).toContain('Muster');
  });
});

describe('the dashboard', () => {
  it('is index.html for every page, not kept by the browser; hashed files are kept for good and sent packed', async () => {
    const { ask } = await start();
    for (const path of ['/', '/alerts', '/devices/pi-1']) {
      const page = await ask(path);
      expect([page.status, page.headers['cache-control']]).toEqual([200, 'no-cache']);
      expect(page.text).toContain('<title>Muster</title>');
    }
    const asset = await ask('/assets/main-abc123.js', { headers: { 'accept-encoding': 'gzip' } });
    expect([asset.text, asset.headers['content-encoding']]).toEqual(['packed', 'gzip']);
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(asset.headers['content-type']).toMatch(/javascript/);
    expect((await ask('/icon.svg')).headers['cache-control']).toBe('no-cache');
    expect((await ask('/assets/gone.js')).json.error?.code).toBe('not_found');
    expect((await ask('/', { method: 'HEAD' })).status).toBe(200);
  });

  it('has no way out of its folder', async () => {
    const { ask } = await start();
    const ways = [
      '/../muster-secret.txt',
      '/%2e%2e/muster-secret.txt',
      '/..%2fmuster-secret.txt',
      '/assets/..%2f..%2fmuster-secret.txt',
    ];
    const more = [
      '/..%5cmuster-secret.txt',
      '/%252e%252e/muster-secret.txt',
      '//../muster-secret.txt',
      '/.git/config',
      '/a%00.txt',
    ];
    for (const path of [...ways, ...more]) {
      const reply = await ask(path);
      expect(reply.text).not.toContain('outside');
      expect([path, [400, 403, 404].includes(reply.status)]).toEqual([path, true]);
    }
  });

  it('says what to run when it is not built', async () => {
    const { ask } = await start({ web_folder: join(folder, 'none') });
    const reply = await ask('/');
    expect(reply.status).toBe(503);
    expect(reply.text).toContain('npm run build');
    expect((await ask('/api/v1/devices', { token: 'viewer-token' })).status).toBe(200);
  });

  it('may run only its own scripts and reach only its own host, in plain too', async () => {
    const { ask } = await start();
    const { headers } = await ask('/', { headers: { host: '192.0.2.7:7480' } });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("connect-src 'self' ws://192.0.2.7:7480 wss://192.0.2.7:7480");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval|upgrade-insecure-requests/);
    expect(headers['strict-transport-security']).toBeUndefined();
    expect(headers['x-content-type-options']).toBe('nosniff');
    const odd = await ask('/', { headers: { host: "a;script-src 'unsafe-inline'" } });
    expect(String(odd.headers['content-security-policy'])).not.toContain('unsafe-inline');
  });
});
