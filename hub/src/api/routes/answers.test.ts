import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NOTICE_TOKEN } from '../testing/notify.js';
import { alert } from '../testing/parts.js';
import { type Asked, startTestServer, type TestServer } from '../testing/server.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer({ settings: { public_url: 'https://muster.example.org/' } });
});
afterEach(() => server.stop());

const page = `/acknowledge?token=${NOTICE_TOKEN}`;
const act = (method: string, path: string, asked: Asked = {}) => server.ask(path, { method, ...asked });

describe('the link of a notice', () => {
  it('shows a page without script that asks, and acknowledges nothing by itself: scanners follow links', async () => {
    for (let time = 0; time < 3; time++) {
      const { status, headers, text } = await act('GET', page);
      expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, 'text/html; charset=utf-8', 'no-store']);
      expect(text).toContain(`<form method="post" action="/acknowledge?token=${NOTICE_TOKEN}">`);
      expect(text).toContain('Pi &amp; 1: Device &lt;offline&gt;</strong><br>It is &quot;lost&quot;');
      expect(text).not.toMatch(/<script|style=|onclick/i);
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
    expect(server.kept.asked).toEqual([]);
  });

  it.each([
    [
      'a form of its page, as browsers send it',
      { headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'null' } },
    ],
    ['a form of its page behind a proxy of another name', { headers: { origin: 'https://muster.example.org' } }],
    ['a button of ntfy, without a body', {}],
    ['a program that sends something along', { body: '{"a": 1}' }],
    ['a program that sends text along', { body: 'x', headers: { 'content-type': 'text/plain' } }],
  ] as [string, Asked][])('acknowledges when it is posted to by %s', async (_who, asked) => {
    const { status, text, headers } = await act('POST', page, asked);
    expect([status, text.includes('<h1>Acknowledged</h1>')]).toEqual([200, true]);
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(server.kept.asked).toEqual([{ answered: NOTICE_TOKEN }]);
    expect((await act('GET', page)).text).toContain('acknowledged by notice:hook');
    // Its desk notes who did it; the token is in no record.
    expect(JSON.stringify(server.kept.audited)).not.toContain(NOTICE_TOKEN);
  });

  it.each([
    ['old', 410, 'This link is no longer good'],
    ['forged.a.b.c', 404, 'not one of this hub'],
  ])('says why it does nothing: %s', async (token, code, sentence) => {
    for (const method of ['GET', 'POST']) {
      const { status, text } = await act(method, `/acknowledge?token=${token}`);
      expect([status, text.includes(sentence)]).toEqual([code, true]);
    }
    expect((await act('POST', '/acknowledge?token=<script>')).status).toBe(400);
    expect((await act('POST', '/acknowledge')).status).toBe(400);
    expect(server.kept.asked).toEqual([]);
  });

  it('opens nothing else: neither its token nor no token is good for the API', async () => {
    server.kept.alerts.push(alert('a1'));
    for (const token of [NOTICE_TOKEN, undefined])
      for (const path of ['/api/v1/alerts', '/api/v1/alerts/a1/acknowledge', '/api/v1/push-subscriptions', '/api/v1/watches'])
        expect((await act(path.endsWith('acknowledge') ? 'POST' : 'GET', path, token ? { token } : {})).status).toBe(401);
  });

  it('crosses the network over TLS only', async () => {
    const far = await startTestServer({ settings: { is_local: () => false } });
    expect((await far.ask(page, { method: 'POST' })).json.error?.code).toBe('needs_https');
    expect((await far.ask(page)).json.error?.code).toBe('needs_https');
    await far.stop();
  });
});

describe('browsers of a person', () => {
  const keys = { p256dh: `B${'a'.repeat(86)}`, auth: 'b'.repeat(22) };
  const body = { endpoint: 'https://push.example.org/send/5ecret', expirationTime: null, keys, title: 'Laptop' };
  const person = (asked: Asked = {}): Asked => ({ cookie: 'viewer-token', ...asked });

  it('are kept for whoever is signed in, listed without their address, and removed', async () => {
    const made = await act('POST', '/api/v1/push-subscriptions', person({ body }));
    expect(made.json).toMatchObject({ id: 'p1', address: 'https://push.example.org', title: 'Laptop' });
    const listed = await act('GET', '/api/v1/push-subscriptions', person());
    expect(listed.json).toMatchObject({ public_key: 'BPublicKey', items: [{ id: 'p1' }] });
    expect((await act('GET', '/api/v1/push-subscriptions', { cookie: 'admin-token' })).json.items).toEqual([]);
    expect(JSON.stringify([made.json, listed.json, server.kept.audited])).not.toMatch(/5ecret|aaaa|bbbb/);
    expect((await act('DELETE', '/api/v1/push-subscriptions/p1', { cookie: 'admin-token' })).status).toBe(404);
    expect((await act('DELETE', '/api/v1/push-subscriptions/p1', person())).status).toBe(200);
  });

  it('are not for programs, and need the keys of a browser', async () => {
    expect((await act('POST', '/api/v1/push-subscriptions', { token: 'admin-token', body })).status).toBe(409);
    const wrong = { ...body, keys: { ...keys, auth: 'short' } };
    expect((await act('POST', '/api/v1/push-subscriptions', person({ body: wrong }))).status).toBe(400);
  });
});

describe('watches of other hubs', () => {
  it('are set by admins, on record, and the address to be asked is shown once', async () => {
    const url = 'http://barn.example.org:7480';
    for (const token of ['viewer-token', 'operator-token'])
      expect((await act('POST', '/api/v1/watches', { token, body: { title: 'Barn', url } })).status).toBe(403);
    const asked = await act('POST', '/api/v1/watches', { token: 'admin-token', body: { title: 'Barn', url } });
    expect(asked.json).toMatchObject({ id: 'w1', url, heartbeat: null, state: 'waiting' });
    expect(server.kept.audited.at(-1)).toMatchObject({ by: 'a admin', detail: { title: 'Barn' } });
    await act('POST', '/api/v1/watches', { token: 'admin-token', body: { title: 'Barn', url: `${url}/#setup=once` } });
    expect(JSON.stringify(server.kept.audited)).not.toContain('setup=once');
    const heard = await act('POST', '/api/v1/watches', { token: 'admin-token', body: { title: 'Attic' } });
    expect(heard.json['heartbeat']).toBe('https://muster.example.org/heartbeat/heartbeat-token-of-w1');
    const listed = await act('GET', '/api/v1/watches', { token: 'admin-token' });
    expect(JSON.stringify([listed.json, server.kept.audited])).not.toContain('heartbeat-token');
    expect((await act('DELETE', '/api/v1/watches/w1', { token: 'admin-token' })).status).toBe(200);
    expect((await act('DELETE', '/api/v1/watches/w1', { token: 'admin-token' })).status).toBe(404);
  });

  it('are heard without a session, also over the network without TLS, by their token alone', async () => {
    const far = await startTestServer({ settings: { is_local: () => false } });
    expect((await far.ask('/heartbeat/heartbeat-token-of-w1')).status).toBe(404);
    await far.stop();
    await act('POST', '/api/v1/watches', { token: 'admin-token', body: { title: 'Attic' } });
    expect((await act('GET', '/heartbeat/heartbeat-token-of-w1')).json).toEqual({ ok: true });
    expect((await act('GET', '/heartbeat/heartbeat-token-of-w2')).status).toBe(404);
  });
});
