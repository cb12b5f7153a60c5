import { type Signal, signal } from '@preact/signals';

/** Pages by path, with the browser's history. */
export type Place =
  | { page: 'fleet' }
  | { page: 'device'; id: string }
  | { page: 'alerts' }
  | { page: 'availability' }
  | { page: 'earnings' }
  | { page: 'hub' }
  | { page: 'rules' }
  | { page: 'notices' }
  | { page: 'silences' }
  | { page: 'missing' };

export interface Router {
  place: Signal<Place>;
  query: Signal<URLSearchParams>;
  go(path: string): void;
  /** The address here with other entries, empty ones left out: for links. */
  here(entries: Record<string, string>): string;
  /** Changes the address without a new entry in the history. */
  setQuery(query: Record<string, string>): void;
}

const PLAIN: Record<string, 'earnings' | 'alerts' | 'availability' | 'hub' | 'rules' | 'notices' | 'silences'> = {
  '/earnings': 'earnings',
  '/alerts': 'alerts',
  '/availability': 'availability',
  '/hub': 'hub',
  '/rules': 'rules',
  '/notices': 'notices',
  '/silences': 'silences',
};

export const placeOf = (path: string): Place => {
  if (path === '/' || path === '/index.html' || path === '/login' || path === '/setup') return { page: 'fleet' };
  const plain = PLAIN[path];
  if (plain) return { page: plain };
  const device = /^\/devices\/([a-z0-9][a-z0-9-]{0,62})$/.exec(path)?.[1];
  return device ? { page: 'device', id: device } : { page: 'missing' };
};

const opensHere = (event: MouseEvent, link: HTMLAnchorElement): boolean =>
  event.button === 0 &&
  !event.defaultPrevented &&
  !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) &&
  link.target === '' &&
  !link.hasAttribute('download') &&
  link.origin === location.origin &&
  !link.pathname.startsWith('/api/');

const pathWith = (path: string, query: URLSearchParams): string => {
  const text = query.toString();
  return path + (text ? `?${text}` : '');
};

export const createRouter = (): Router => {
  const place = signal(placeOf(location.pathname));
  const query = signal(new URLSearchParams(location.search));
  const read = () => {
    place.value = placeOf(location.pathname);
    query.value = new URLSearchParams(location.search);
  };
  const go = (path: string) => {
    history.pushState(null, '', path);
    read();
  };
  addEventListener('popstate', read);
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || !opensHere(event, link)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
  return {
    place,
    query,
    go,
    here(entries) {
      const next = new URLSearchParams(query.value);
      for (const [name, value] of Object.entries(entries)) {
        if (value === '') next.delete(name);
        else next.set(name, value);
      }
      return pathWith(location.pathname, next);
    },
    setQuery(entries) {
      const next = new URLSearchParams();
      for (const [name, value] of Object.entries(entries)) if (value !== '') next.set(name, value);
      history.replaceState(null, '', pathWith(location.pathname, next));
      query.value = next;
    },
  };
};

/** The one-time code of a set-up link; taken out of the address at once so that it stays in no history. */
export const takeSetupCode = (): string | null => {
  const code = new URLSearchParams(location.hash.slice(1)).get('setup');
  if (code === null) return null;
  history.replaceState(null, '', location.pathname + location.search);
  return code;
};
