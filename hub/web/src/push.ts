import type { Client } from './client.js';
import { readStored, writeStored } from './theme.js';

/** Notices to this very browser, by the push service of its maker; they come while no page is open. */
const WORKER = '/push-worker.js';
const KEPT = 'muster.push_id';

/** What keeps this browser from it; null: nothing. */
export const pushObstacle = (): string | null => {
  if (!window.isSecureContext)
    return 'Browsers take notices only from pages that came over HTTPS with a certificate they trust, or from this machine itself (localhost). This page came over plain HTTP: open the hub by its https address, or on its own machine.';
  if (!('serviceWorker' in navigator) || !('PushManager' in window))
    return 'This browser cannot take notices while the page is closed. On an iPhone or iPad, add this page to the home screen first and open it from there.';
  if (Notification.permission === 'denied')
    return 'Notifications of this page are blocked in this browser; allow them in its settings for this address, then load the page again.';
  return null;
};

/** Whoever installed it meanwhile: the newest worker is looked for each time. */
const registered = (): Promise<ServiceWorkerRegistration> => navigator.serviceWorker.register(WORKER, { updateViaCache: 'none' });

export const bytesOf = (base64url: string): Uint8Array<ArrayBuffer> => {
  const text = atob(base64url.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(text, (one) => one.charCodeAt(0));
};

const isFor = (subscription: PushSubscription, public_key: string): boolean => {
  const key = subscription.options.applicationServerKey;
  const wanted = bytesOf(public_key);
  return key !== null && key.byteLength === wanted.length && new Uint8Array(key).every((byte, at) => byte === wanted[at]);
};

/** `Firefox on Linux`, so that a person knows it in a list. */
export const browserName = (agent: string): string => {
  const browser = (
    [
      [/Edg\//, 'Edge'],
      [/OPR\//, 'Opera'],
      [/Firefox\//, 'Firefox'],
      [/Chrome\//, 'Chrome'],
      [/Safari\//, 'Safari'],
    ] as const
  ).find(([pattern]) => pattern.test(agent));
  const system = (
    [
      [/Android/, 'Android'],
      [/iPhone|iPad/, 'iOS'],
      [/Windows/, 'Windows'],
      [/Mac OS X/, 'macOS'],
      [/Linux/, 'Linux'],
    ] as const
  ).find(([pattern]) => pattern.test(agent));
  return [browser?.[1] ?? 'Browser', system ? `on ${system[1]}` : ''].filter(Boolean).join(' ');
};

type Needs = Pick<Client, 'pushSubscriptions' | 'addPushSubscription' | 'deletePushSubscription'>;

export interface PushState {
  items: { id: string; title?: string }[];
  /** Id of this browser at the hub; null: it is not told. */
  own: string | null;
}

export const readPush = async (client: Needs): Promise<PushState> => {
  const { items } = await client.pushSubscriptions();
  const kept = readStored(KEPT);
  return { items, own: items.some(({ id }) => id === kept) ? kept : null };
};

export class PushError extends Error {}

/** The push service of the browser is asked for an address, which the hub keeps. */
export const subscribe = async (client: Needs): Promise<void> => {
  if ((await Notification.requestPermission()) !== 'granted')
    throw new PushError('The browser was not allowed to show notifications; nothing was changed.');
  const { public_key } = await client.pushSubscriptions();
  const { pushManager } = await ready();
  const before = await pushManager.getSubscription();
  if (before && !isFor(before, public_key)) await before.unsubscribe();
  const asked = { userVisibleOnly: true, applicationServerKey: bytesOf(public_key) };
  const subscription = await pushManager.subscribe(asked).catch((error: unknown) => {
    throw new PushError(
      `The push service of this browser refused: ${error instanceof Error ? error.message : 'no reason given'}.`,
    );
  });
  const { id } = await client.addPushSubscription({ ...subscription.toJSON(), title: browserName(navigator.userAgent) });
  writeStored(KEPT, id);
};

const ready = async (): Promise<ServiceWorkerRegistration> => {
  try {
    await registered();
    return await navigator.serviceWorker.ready;
  } catch {
    throw new PushError(
      'This browser did not take the part of the page that shows notices, most likely as it does not trust the certificate of the hub. Give the hub a certificate that it trusts, or open the page on the machine of the hub.',
    );
  }
};

export const unsubscribe = async (client: Needs, id: string): Promise<void> => {
  await client.deletePushSubscription(id);
  if (id !== readStored(KEPT)) return;
  writeStored(KEPT, '');
  const registration = await navigator.serviceWorker?.getRegistration('/');
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
};
