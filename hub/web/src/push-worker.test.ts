import { beforeEach, describe, expect, test } from 'vitest';
import source from '../public/push-worker.js?raw';
import { browserName, bytesOf } from './push.js';

type Listener = (event: object) => void;
interface Shown {
  title: string;
  body: string;
  tag?: string;
  requireInteraction: boolean;
  data: { page: string };
}

/** The worker in the surroundings that a browser gives it. */
const start = () => {
  const listeners = new Map<string, Listener>();
  const shown: Shown[] = [];
  const went: string[] = [];
  const open: { focus(): Promise<void>; navigate(page: string): Promise<void> }[] = [];
  const self = {
    location: { origin: 'https://hub.lan' },
    addEventListener: (name: string, listener: Listener) => listeners.set(name, listener),
    skipWaiting: async () => {},
    registration: { showNotification: async (title: string, options: object) => void shown.push({ title, ...options } as Shown) },
    clients: {
      claim: async () => {},
      matchAll: async () => open,
      openWindow: async (page: string) => void went.push(`new ${page}`),
    },
  };
  new Function('self', source)(self);
  const fire = async (name: string, event: object) => {
    const waited: Promise<unknown>[] = [];
    listeners.get(name)?.({ ...event, waitUntil: (one: Promise<unknown>) => waited.push(one) });
    await Promise.all(waited);
  };
  const push = (data: string | null) =>
    fire('push', { data: data === null ? null : { json: () => JSON.parse(data) as unknown } });
  const click = (page: string) => fire('notificationclick', { notification: { close() {}, data: { page } } });
  return { push, click, shown, went, open };
};

let worker: ReturnType<typeof start>;
beforeEach(() => {
  worker = start();
});

describe('the worker that shows pushed notices', () => {
  test('says what the notice says, and stays until it is read when it is critical', async () => {
    await worker.push(JSON.stringify({ title: 'Hot', body: 'It is hot', url: '/alerts?id=1', tag: 'a', severity: 'critical' }));
    await worker.push(JSON.stringify({ title: 'Hot', body: 'Over', tag: 'a', severity: 'critical', resolved: true }));
    expect(worker.shown).toMatchObject([
      { title: 'Hot', body: 'It is hot', tag: 'a', requireInteraction: true, data: { page: '/alerts?id=1' } },
      { body: 'Over', requireInteraction: false, data: { page: '/alerts' } },
    ]);
  });

  test('shows something for every push: what cannot be read too', async () => {
    for (const data of [null, '', 'no json', '{}']) await worker.push(data);
    expect(worker.shown.map(({ title }) => title)).toEqual(['Muster', 'Muster', 'Muster', 'Muster']);
  });

  test('opens pages of this hub only, whatever the notice names', async () => {
    for (const url of ['https://evil.example/alerts?id=2', 'javascript:alert(1)', 'https://hub.lan:8443/devices/a'])
      await worker.push(JSON.stringify({ title: 'x', url }));
    expect(worker.shown.map(({ data }) => data.page)).toEqual(['/alerts?id=2', '/alerts', '/devices/a']);
  });

  test('goes on in a page that is open, else in a new one', async () => {
    await worker.click('/alerts?id=1');
    worker.open.push({ focus: async () => {}, navigate: async (page) => void worker.went.push(`same ${page}`) });
    await worker.click('/alerts?id=2');
    worker.open[0] = { focus: () => Promise.reject(new Error('not mine')), navigate: async () => {} };
    await worker.click('/alerts?id=3');
    expect(worker.went).toEqual(['new /alerts?id=1', 'same /alerts?id=2', 'new /alerts?id=3']);
  });
});

test('a browser is named by its maker and system', () => {
  const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36';
  expect(browserName(chrome)).toBe('Chrome on Linux');
  expect(browserName(`${chrome} Edg/147.0`)).toBe('Edge on Linux');
  expect(browserName('Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0')).toBe('Firefox on Android');
  expect(browserName('curl')).toBe('Browser');
});

test('the key of the hub is read as bytes', () => {
  expect([...bytesOf('BPz-_w')]).toEqual([4, 252, 254, 255]);
});
