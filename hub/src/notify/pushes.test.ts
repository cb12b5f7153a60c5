import { createECDH } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttp } from '@muster/shared/http';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNotifiers } from './notifier-plugins.js';
import { isPushService } from './pushes.js';
import { createHarness, type HarnessOptions } from './testing/harness.js';

const notifiers = await loadNotifiers();
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Answers each browser as told, and notes who got how many. */
const startPushService = async () => {
  const statuses = new Map<string, number>();
  const heard: string[] = [];
  const keys = new Set<string>();
  const server = createServer(async (request, response) => {
    for await (const _part of request);
    const name = request.url?.slice(1) ?? '';
    heard.push(name);
    keys.add(/k=([\w-]+)/.exec(String(request.headers.authorization))?.[1] ?? '');
    response.writeHead(statuses.get(name) ?? 201).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, statuses, heard, keys };
};

const browserKeys = () => {
  const pair = createECDH('prime256v1');
  pair.generateKeys();
  return { p256dh: pair.getPublicKey('base64url'), auth: Buffer.alloc(16, 7).toString('base64url') };
};

const setUp = async (options: HarnessOptions = {}) => {
  const service = await startPushService();
  const hub = createHarness({ notifiers, http: createHttp(), allowsPush: () => true, ...options });
  open.push(() => hub.notify.stop());
  await hub.start([]);
  const subscribe = (user: string, name: string) =>
    hub.notify.push.add(user, { endpoint: `${service.url}/${name}`, keys: browserKeys(), title: name });
  return { hub, service, subscribe };
};

describe('browsers', () => {
  it('get every notice once they ask for it, and a channel comes with the first of them', async () => {
    const { hub, service, subscribe } = await setUp();
    expect(await subscribe('ada', 'laptop')).toMatchObject({ address: service.url, title: 'laptop' });
    await subscribe('bob', 'phone');
    expect(hub.notify.notifiers()).toMatchObject([{ id: 'web-push', kind: 'web_push', config: {} }]);
    hub.fire('1', 'pi');
    await hub.until(() => service.heard.length === 2, 'both got it');
    expect([...service.heard].sort()).toEqual(['laptop', 'phone']);
    expect([...service.keys]).toEqual([await hub.notify.push.public_key()]);
  });

  it.each([404, 410])(
    'that their service calls gone (%i) are dropped; the others get theirs and the channel is well',
    async (status) => {
      const { hub, service, subscribe } = await setUp();
      service.statuses.set('old', status);
      await subscribe('ada', 'old');
      await subscribe('ada', 'new');
      hub.fire('1', 'pi');
      await hub.until(() => hub.notify.push.of('ada').length === 1, 'the old one is dropped');
      await hub.until(() => hub.notify.notifiers()[0]?.state === 'ok', 'the channel is well');
      expect(hub.notify.push.of('ada')).toMatchObject([{ title: 'new' }]);
      expect([hub.hubAlerts, hub.notify.notifiers()]).toMatchObject([[], [{ given_up: 0, waiting: 0 }]]);
      await hub.crash();
      expect(hub.notify.push.of('ada')).toHaveLength(1);
    },
  );

  it('that are gone are dropped too while another one fails, and that one is tried again', async () => {
    const { hub, service, subscribe } = await setUp();
    service.statuses.set('old', 410).set('slow', 503);
    for (const name of ['old', 'slow']) await subscribe('ada', name);
    hub.fire('1', 'pi');
    await hub.until(() => hub.notify.push.of('ada').length === 1, 'the old one is dropped');
    service.statuses.clear();
    await hub.until(() => hub.notify.notifiers()[0]?.state === 'ok', 'the other got it');
    expect(service.heard.filter((name) => name === 'old')).toHaveLength(1);
  });

  it('are of one person: others neither see nor remove them, and the same browser again is not a second one', async () => {
    const { hub, subscribe } = await setUp();
    const { id } = await subscribe('ada', 'laptop');
    await subscribe('ada', 'laptop');
    expect([hub.notify.push.of('ada').length, hub.notify.push.of('bob')]).toEqual([1, []]);
    expect(await hub.notify.push.remove('bob', id)).toBe(false);
    await subscribe('bob', 'laptop');
    expect([hub.notify.push.of('ada'), hub.notify.push.of('bob').length]).toEqual([[], 1]);
    expect(await hub.notify.push.remove('bob', id)).toBe(true);
  });

  it('outlive a restart with the key of the hub, and go with the account of their person', async () => {
    const people = new Set(['ada', 'bob']);
    const { hub, subscribe } = await setUp({ hasUser: (name) => people.has(name) });
    await subscribe('ada', 'laptop');
    await subscribe('bob', 'phone');
    const key = await hub.notify.push.public_key();
    await hub.crash();
    expect([await hub.notify.push.public_key(), hub.notify.push.of('ada').length]).toEqual([key, 1]);
    people.delete('ada');
    await hub.pass(61_000, 5_000);
    expect([hub.notify.push.of('ada'), hub.notify.push.of('bob').length]).toEqual([[], 1]);
  });

  it('are at most twenty of a person', async () => {
    const { subscribe } = await setUp();
    for (let index = 0; index < 20; index++) await subscribe('ada', `b${index}`);
    await expect(subscribe('ada', 'one-more')).rejects.toThrow('remove one first');
    await subscribe('ada', 'b3');
  });

  it('are tried only where there is one', async () => {
    const { hub, service, subscribe } = await setUp();
    const { id } = await subscribe('ada', 'laptop');
    await hub.notify.test('web-push');
    expect(service.heard).toEqual(['laptop']);
    await hub.notify.push.remove('ada', id);
    await expect(hub.notify.test('web-push')).rejects.toThrow('No browser asks for notices yet');
  });
});

it.each([
  ['https://fcm.googleapis.com/fcm/send/x', true],
  ['https://updates.push.services.mozilla.com/wpush/v2/x', true],
  ['https://web.push.apple.com/x', true],
  ['http://fcm.googleapis.com/x', false],
  ['https://127.0.0.1/x', false],
  ['https://2130706433/x', false],
  ['https://[::1]/x', false],
  ['https://localhost/x', false],
  ['https://router.lan/x', false],
  ['https://db.internal./x', false],
  ['https://db.internal/x', false],
  ['https://u:p@push.example.org/x', false],
])('a hub sends to push services with a public name only: %s %s', async (endpoint, allowed) => {
  expect(isPushService(new URL(endpoint))).toBe(allowed);
  const { hub } = await setUp({ allowsPush: isPushService });
  const added = hub.notify.push.add('ada', { endpoint, keys: browserKeys() });
  if (allowed) expect(await added).toBeDefined();
  else await expect(added).rejects.toThrow('not the address of a push service');
});
