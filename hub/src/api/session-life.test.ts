import { createHash, randomBytes } from 'node:crypto';
import { silentLog } from '@muster/shared/log';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuth } from '../auth/accounts.js';
import type { Auth } from '../parts.js';
import type { Writer } from '../store/store.js';
import { type Answered, startTestServer, type TestServer } from './testing/server.js';

/** The real accounts behind the real API; only scrypt is stood in for and nothing is written. */
const createRealAuth = (): Auth => {
  const writer: Writer = {
    healthy: true,
    accepts: () => true,
    number: () => 1,
    write: async () => {},
    queue: (_changes, { done }) => done?.(),
  };
  return createAuth(
    {
      writer,
      now: Date.now,
      random: randomBytes,
      log: silentLog,
      derive: async (password, salt) => createHash('sha256').update(salt).update(password).digest(),
    },
    { documents: [], admin_token: 'an-admin-token-of-16', control_token: null },
  );
};

const PASSWORD = 'ten characters are enough';
let auth: Auth;
let server: TestServer;
beforeEach(async () => {
  auth = createRealAuth();
  server = await startTestServer({ auth });
});
afterEach(() => server.stop());

const cookieOf = (reply: Answered) => /^muster_session=([^;]*)/.exec(String(reply.headers['set-cookie']?.[0]))?.[1] ?? '';
const post = (path: string, body: unknown, cookie?: string) =>
  server.ask(`/api/v1${path}`, { method: 'POST', body, ...(cookie === undefined ? {} : { cookie }) });
const signIn = (password = PASSWORD) => post('/session', { name: 'ada', password });
const whoIs = (cookie: string) => server.ask('/api/v1/session', { cookie });
const setUp = () => post('/setup', { code: auth.setup_code, name: 'ada', password: PASSWORD });

describe('a session', () => {
  it('begins with the set-up link, once', async () => {
    expect((await whoIs('')).json.error).toMatchObject({ hint: expect.stringContaining('set-up link'), setup_needed: true });
    expect((await post('/setup', { code: 'guess', name: 'eve', password: PASSWORD })).status).toBe(401);
    const code = auth.setup_code;
    const reply = await setUp();
    expect(reply.json).toEqual({ user: { name: 'ada', role: 'admin' }, kind: 'session' });
    expect((await whoIs(cookieOf(reply))).json).toEqual({ user: { name: 'ada', role: 'admin' }, kind: 'session' });
    expect((await post('/setup', { code, name: 'eve', password: PASSWORD })).json.error?.code).toBe('conflict');
  });

  it('is a cookie that scripts and other sites cannot have', async () => {
    const reply = await setUp();
    const cookie = String(reply.headers['set-cookie']?.[0]);
    expect(cookie).toMatch(/^muster_session=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(reply.text).not.toContain(cookieOf(reply));
  });

  it('is a secure cookie over TLS', async () => {
    const made = await generate([{ name: 'commonName', value: 'muster' }], { keyType: 'ec' });
    const other = await startTestServer({ auth, tls: { key: made.private, cert: made.cert } });
    await setUp();
    const reply = await other.ask(`${other.https}/api/v1/session`, { method: 'POST', body: { name: 'ada', password: PASSWORD } });
    expect(String(reply.headers['set-cookie']?.[0])).toMatch(/; Secure$/);
    await other.stop();
  });

  it('ends at sign-out', async () => {
    await setUp();
    const cookie = cookieOf(await signIn());
    const reply = await server.ask('/api/v1/session', { method: 'DELETE', cookie });
    expect(String(reply.headers['set-cookie']?.[0])).toMatch(/^muster_session=; Max-Age=0;/);
    expect((await whoIs(cookie)).status).toBe(401);
  });

  it('ends everywhere when the password changes; who changed it goes on with a fresh one', async () => {
    const here = cookieOf(await setUp());
    const there = cookieOf(await signIn());
    expect((await post('/password', { old: 'wrong', new: 'another long password' }, here)).status).toBe(401);
    expect((await post('/password', { old: PASSWORD, new: 'short' }, here)).status).toBe(400);
    const reply = await post('/password', { old: PASSWORD, new: 'another long password' }, here);
    expect(reply.status).toBe(200);
    expect((await whoIs(here)).status).toBe(401);
    expect((await whoIs(there)).status).toBe(401);
    expect((await whoIs(cookieOf(reply))).status).toBe(200);
    expect((await signIn()).status).toBe(401);
  });

  it('ends with its user, and a token with its removal', async () => {
    const admin = cookieOf(await setUp());
    await post('/users', { name: 'bob', password: PASSWORD, role: 'viewer' }, admin);
    const bob = cookieOf(await post('/session', { name: 'bob', password: PASSWORD }));
    const made = await post('/tokens', { title: 'grafana', role: 'viewer' }, admin);
    const token = String(made.json['token']);
    expect((await server.ask('/api/v1/devices', { token })).status).toBe(200);
    expect((await server.ask('/api/v1/tokens', { cookie: admin })).text).not.toContain(token);
    await server.ask('/api/v1/users/bob', { method: 'DELETE', cookie: admin });
    await server.ask(`/api/v1/tokens/${made.json['id']}`, { method: 'DELETE', cookie: admin });
    expect((await whoIs(bob)).status).toBe(401);
    expect((await server.ask('/api/v1/devices', { token })).status).toBe(401);
  });

  it('does not come of guessing: after ten tries the name waits', async () => {
    await setUp();
    for (let i = 0; i < 10; i++) expect((await signIn('wrong')).status).toBe(401);
    const reply = await signIn();
    expect([reply.status, Number(reply.headers['retry-after']) > 0]).toEqual([429, true]);
  });

  it('is not needed by the token of the settings', async () => {
    expect((await server.ask('/api/v1/audit', { token: 'an-admin-token-of-16' })).status).toBe(200);
    expect((await server.ask('/api/v1/session', { method: 'DELETE', token: 'an-admin-token-of-16' })).status).toBe(400);
  });
});
