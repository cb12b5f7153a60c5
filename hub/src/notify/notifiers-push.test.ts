import { createDecipheriv, createECDH, createPublicKey, hkdfSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asAppError } from '@muster/shared/errors';
import { createHttp, type Http } from '@muster/shared/http';
import { check } from '@muster/shared/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notice } from './notifier.js';
import { createVapidKeys, encryptPush, isVapidKey, MOST_BODY, MOST_PAYLOAD } from './notifiers/lib/push.js';
import webPush from './notifiers/web_push.js';
import { countingRandom, NOTICE } from './testing/play.js';

const bytes = (text: string) => Buffer.from(text, 'base64url');

/** A browser: it has the private key, and reads what the service hands on. */
const createBrowser = () => {
  const pair = createECDH('prime256v1');
  pair.generateKeys();
  const auth = Buffer.from('auth-secret-Zq9!');
  const read = (body: Buffer): Record<string, unknown> => {
    const [salt, theirs, sealed] = [body.subarray(0, 16), body.subarray(21, 86), body.subarray(86)];
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), pair.getPublicKey(), theirs]);
    const ikm = Buffer.from(hkdfSync('sha256', pair.computeSecret(theirs), auth, info, 32));
    const key = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: aes128gcm\0', 16));
    const nonce = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: nonce\0', 12));
    const open = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(sealed.subarray(-16));
    const text = Buffer.concat([open.update(sealed.subarray(0, -16)), open.final()]);
    expect(text.at(-1)).toBe(2);
    return JSON.parse(text.subarray(0, -1).toString()) as Record<string, unknown>;
  };
  return { keys: { p256dh: pair.getPublicKey('base64url'), auth: auth.toString('base64url') }, read };
};

const startPushService = async (statusOf: (path: string) => number) => {
  const heard: { path: string; headers: Record<string, unknown>; body: Buffer }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    heard.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) });
    response.writeHead(statusOf(request.url ?? '')).end(`${request.url} ${request.headers.authorization}`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, close };
};

const vapid = createVapidKeys();
const browser = createBrowser();
const sendTo = (subscriptions: { id: string; endpoint: string }[], notice: Partial<Notice> = {}) =>
  webPush.send({
    config: check(webPush.config, { subject: 'mailto:me@example.org' }, 'the config'),
    push: { private_key: vapid.private_key, subscriptions: subscriptions.map((one) => ({ ...one, keys: browser.keys })) },
    notice: { ...NOTICE, ...notice },
    http: createHttp(),
    signal: new AbortController().signal,
  });

describe('browser push', () => {
  it('encrypts as RFC 8291, appendix A, does', () => {
    const given = [bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'), bytes('DGv6ra1nlYgDCS1FRnbzlw')];
    const keys = {
      p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      auth: 'BTBZMqHH6r4Tts7J_aSIgg',
    };
    const sealed = encryptPush('When I grow up, I want to be a watermelon', keys, () => given.shift() ?? Buffer.alloc(0));
    expect(sealed.toString('base64url')).toBe(
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
    );
    expect(encryptPush('x'.repeat(MOST_PAYLOAD), browser.keys, countingRandom).length).toBe(MOST_BODY);
  });

  it('is read by the browser, and its sender is known to the service', async () => {
    const service = await startPushService(() => 201);
    await sendTo([{ id: 'laptop', endpoint: `${service.url}/send/abc` }], { title: 'Räck 🛰️ <7> خادم', severity: 'warning' });
    await service.close();
    const [heard] = service.heard;
    if (!heard) throw new Error('nothing came');
    expect(browser.read(heard.body)).toMatchObject({ title: 'Räck 🛰️ <7> خادم', event: 41, url: NOTICE.link, tag: 'alert-41' });
    expect(heard.headers).toMatchObject({ 'content-encoding': 'aes128gcm', ttl: '86400', urgency: 'high' });
    expect(heard.headers['topic']).toMatch(/^[\w-]{32}$/);
    const [, head, claims, signature, k] =
      /^vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)$/.exec(String(heard.headers['authorization'])) ?? [];
    expect(k).toBe(vapid.public_key);
    const point = bytes(k ?? '');
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    expect(verify('sha256', Buffer.from(`${head}.${claims}`), { key, dsaEncoding: 'ieee-p1363' }, bytes(signature ?? ''))).toBe(
      true,
    );
    expect(JSON.parse(bytes(claims ?? '').toString())).toMatchObject({ aud: service.url, sub: 'mailto:me@example.org' });
  });

  it.each([
    ['/gone', ['expired', false], ['gone']],
    ['/gone /ok', ['expired', false], ['gone']],
    ['/gone /busy /ok', ['bad_reply', true], ['gone']],
    ['/wrong /ok', ['forbidden', false], []],
  ])('to %s tells what failed, who is gone, and shows no address', async (paths, outcome, gone) => {
    const statuses: Record<string, number> = { '/gone': 410, '/busy': 500, '/wrong': 403, '/ok': 201 };
    const service = await startPushService((path) => statuses[path.replace(/-5ecret.*/, '')] ?? 500);
    const subscriptions = paths.split(' ').map((path) => ({ id: path.slice(1), endpoint: `${service.url}${path}-5ecret-token` }));
    const error = asAppError(await sendTo(subscriptions).catch((thrown: unknown) => thrown));
    await service.close();
    expect([error.code, error.retry]).toEqual(outcome);
    expect(error.details['gone']).toEqual(gone);
    expect(service.heard).toHaveLength(subscriptions.length);
    expect(JSON.stringify([String(error), error.details])).not.toMatch(/5ecret|vapid t/);
  });

  it('fits any title and text into what every service takes', async () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 9_000 }),
      fc.constantFrom('"', '\\', '🛰️', '\u0001', 'x').map((part) => part.repeat(9_000)),
    );
    const property = fc.asyncProperty(anyText, anyText, async (title, text) => {
      const http: Http = {
        request: async ({ bytes: body }) => {
          expect(body?.length).toBeLessThanOrEqual(MOST_BODY);
          browser.read(Buffer.from(body ?? ''));
          return { status: 201, headers: {}, text: '' };
        },
      };
      const push = {
        private_key: vapid.private_key,
        subscriptions: [{ id: 'a', endpoint: 'https://push.example.org/a', keys: browser.keys }],
      };
      await webPush.send({ config: {}, push, notice: { ...NOTICE, title, text }, http, signal: new AbortController().signal });
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('makes keys that it takes, and takes no others', () => {
    expect(isVapidKey(createVapidKeys().private_key)).toBe(true);
    expect(isVapidKey(Buffer.alloc(32).toString('base64url'))).toBe(false);
    expect(isVapidKey('abc')).toBe(false);
  });
});
