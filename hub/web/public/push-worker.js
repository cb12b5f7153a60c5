/** Shows a notice that the push service brought, and opens what it is about; runs while no page is open. */
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

const read = (data) => {
  try {
    return data?.json() ?? {};
  } catch {
    return {};
  }
};

/** Always a page of this hub, whatever address the notice names it by. */
const pageOf = (address) => {
  try {
    const { protocol, pathname, search } = new URL(address, self.location.origin);
    return /^https?:$/.test(protocol) ? pathname + search : '/alerts';
  } catch {
    return '/alerts';
  }
};

self.addEventListener('push', (event) => {
  const notice = read(event.data);
  const { title = 'Muster', severity, resolved = false } = notice;
  // A browser that shows nothing for a push shows a sentence of its own.
  const shown = self.registration.showNotification(String(title), {
    body: String(notice.body ?? notice.text ?? ''),
    ...(notice.tag ? { tag: String(notice.tag), renotify: !resolved } : {}),
    requireInteraction: severity === 'critical' && !resolved,
    silent: resolved || severity === 'info',
    icon: '/favicon.svg',
    timestamp: Number(notice.ts) || Date.now(),
    data: { page: pageOf(notice.url ?? notice.link ?? '/alerts') },
  });
  event.waitUntil(shown);
});

const open = async (page) => {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  for (const one of windows) {
    try {
      await one.focus();
      return await one.navigate(page);
    } catch {
      // Not one that this worker may steer.
    }
  }
  return self.clients.openWindow(page);
};

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.page ?? '/alerts'));
});
