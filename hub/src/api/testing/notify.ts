import { AppError } from '@muster/shared/errors';
import { secret, url } from '@muster/shared/schema';
import * as v from 'valibot';
import type { HeartbeatView, NoticeRoute, NotifierView, NotifyDesk, Silence } from '../../parts.js';
import { NOW } from './auth.js';

/** A notice desk in memory; what it was asked goes to `asked`. */
export const notifyOf = (kept: { asked: unknown[] }): NotifyDesk => {
  const notifiers = new Map<string, NotifierView>();
  const silences = new Map<string, Silence>();
  let routes: NoticeRoute[] = [];
  let heartbeat: HeartbeatView = { address: null, every_s: 60, last_ok: null, last_error: null };
  return {
    kinds: () => [
      { id: 'hook', title: 'Hook', docs: 'https://example.org', config: v.object({ url: url(), key: v.optional(secret()) }) },
    ],
    notifiers: () => [...notifiers.values()],
    notifier: (id) => notifiers.get(id),
    async putNotifier(id, { kind, config, enabled = true, per_minute = 10 }) {
      const state = { state: 'waiting', last_ok: null, last_error: null, next_at: null } as const;
      const view: NotifierView = { id, kind, config, enabled, per_minute, ...state, waiting: 0, held_back: 0, given_up: 0 };
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
