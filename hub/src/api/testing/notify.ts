import { AppError } from '@muster/shared/errors';
import { secret, url } from '@muster/shared/schema';
import * as v from 'valibot';
import type { HeartbeatView, HubWatch, NoticeRoute, NotifierView, NotifyDesk, PushView, Silence } from '../../parts.js';
import { NOW } from './auth.js';

/** A notice desk in memory; what it was asked goes to `asked`. */
export const notifyOf = (kept: { asked: unknown[] }): NotifyDesk => {
  const notifiers = new Map<string, NotifierView>();
  const silences = new Map<string, Silence>();
  let routes: NoticeRoute[] = [];
  let heartbeat: HeartbeatView = { address: null, every_s: 60, last_ok: null, last_error: null };
  return {
    ...answersOf(kept),
    push: pushOf(),
    watches: watchesOf(),
    placeholders: () => [{ name: 'title', help: 'the usual title' }],
    kinds: () => [
      { id: 'hook', title: 'Hook', docs: 'https://example.org', config: v.object({ url: url(), key: v.optional(secret()) }) },
    ],
    notifiers: () => [...notifiers.values()],
    notifier: (id) => notifiers.get(id),
    async putNotifier(id, { kind, config, enabled = true, per_minute = 10, templates = {}, acknowledge = true }) {
      const state = { state: 'waiting', last_ok: null, last_error: null, next_at: null, listen_error: null } as const;
      const wording = { templates: { title: templates.title ?? null, text: templates.text ?? null }, acknowledge };
      const counts = { waiting: 0, held_back: 0, given_up: 0 };
      const view: NotifierView = { id, kind, config, enabled, per_minute, ...state, ...wording, ...counts };
      notifiers.set(id, view);
      return view;
    },
    deleteNotifier: async (id) => notifiers.delete(id),
    async test(id) {
      if (!notifiers.has(id)) throw new AppError('not_found', `There is no notifier "${id}"`);
      kept.asked.push({ test: id });
    },
    routes: () => routes,
    async setRoutes(given) {
      routes = given as NoticeRoute[];
      return routes;
    },
    silences: () => [...silences.values()],
    async addSilence(given, by) {
      const silence: Silence = { ...(given as Silence), id: 's1', by, created_at: NOW };
      silences.set(silence.id, silence);
      return silence;
    },
    deleteSilence: async (id) => silences.delete(id),
    incidents: () => [
      {
        ...{ id: 'i1', site: 'home', place: 'Home', devices: ['pi-1'], count: 1, away: 1, started: NOW, resolved: null },
        per_hour: { currency: 'USD', fiat: '0.25000000' },
      },
    ],
    heartbeat: () => heartbeat,
    async setHeartbeat({ url: address, every_s = 60 }) {
      heartbeat = { ...heartbeat, every_s, address: address ? new URL(address).origin : null };
      return heartbeat;
    },
    windows: async (from, to) => [...silences.values()].map(({ scope }) => ({ scope, from, to })),
    silenced: ({ device }) =>
      [...silences.values()].some(({ scope }) => 'device' in scope && scope.device === device) ? 'silenced' : null,
  };
};

/** The token of the one notice that there is. */
export const NOTICE_TOKEN = 'abc.n1.hook.mac';

const answersOf = (kept: { asked: unknown[] }): Pick<NotifyDesk, 'asked' | 'answered'> => {
  let by: string | null = null;
  const asked: NotifyDesk['asked'] = (token) => {
    if (token === 'old') throw new AppError('expired', 'This link is no longer good');
    if (token !== NOTICE_TOKEN) throw new AppError('not_found', 'This link is not one of this hub');
    const alert = { id: 'a1', title: 'Device <offline>', device_name: 'Pi & 1', why: 'It is "lost"' };
    return { alerts: [{ ...alert, acknowledged_by: by }], over: false };
  };
  return {
    asked,
    async answered(token) {
      asked(token);
      by = 'notice:hook';
      kept.asked.push({ answered: token });
      return asked(token);
    },
  };
};

const pushOf = (): NotifyDesk['push'] => {
  const browsers = new Map<string, PushView & { user: string }>();
  return {
    public_key: async () => 'BPublicKey',
    of: (user) => [...browsers.values()].filter((one) => one.user === user).map(({ user: _user, ...view }) => view),
    async add(user, { endpoint, title = 'Browser' }) {
      const view = { id: 'p1', address: new URL(endpoint).origin, title, created_at: NOW };
      browsers.set(view.id, { ...view, user });
      return view;
    },
    remove: async (user, id) => browsers.get(id)?.user === user && browsers.delete(id),
  };
};

const watchesOf = (): NotifyDesk['watches'] => {
  const watches = new Map<string, HubWatch>();
  return {
    all: () => [...watches.values()],
    async add({ title, url = null, every_s = 30 }) {
      const watch: HubWatch = {
        ...{ id: 'w1', title, url, every_s, state: 'waiting', last_ok: null, last_error: null },
        created_at: NOW,
      };
      watches.set(watch.id, watch);
      return { watch, token: url === null ? 'heartbeat-token-of-w1' : null };
    },
    remove: async (id) => watches.delete(id),
    heard: (token) => watches.size > 0 && token === 'heartbeat-token-of-w1',
  };
};
