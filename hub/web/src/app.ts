import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { countFiring } from './alert-groups.js';
import { createBadge } from './badge.js';
import { type Bell, createBell } from './bell.js';
import { type Board, createBoard } from './board.js';
import { ApiError, allPages, type Client, createClient, type SessionReply, type SessionUser, sentenceOf } from './client.js';
import { createLive, type Live, type Socket } from './live.js';
import { createMoney, type Money } from './money.js';
import { createRouter, type Router, takeSetupCode } from './router.js';
import { createThemes, readStored, type Themes, writeStored } from './theme.js';

/** The parts of the dashboard, built once in `main` and handed down by context. */
export type Session = { kind: 'unknown' } | { kind: 'out'; setup_needed: boolean } | { kind: 'in'; user: SessionUser };

export interface App {
  client: Client;
  board: Board;
  live: Live;
  /** Values of the device that is looked at: a second socket, as each subscription costs a snapshot of all its channels. */
  deviceLive: Live;
  router: Router;
  themes: Themes;
  session: Signal<Session>;
  setupCode: Signal<string | null>;
  /** A sentence for the person about what just failed; null = nothing. */
  notice: Signal<string | null>;
  /** Hub time, moved on every second. */
  clock: Signal<number>;
  /** May acknowledge and add devices. */
  operates: Signal<boolean>;
  siteNames: Signal<Map<string, string>>;
  /** Sound and desktop notifications. */
  bell: Bell;
  /** Hub time in steps of a few seconds: what many lines are sorted by. */
  pace: ReadonlySignal<number>;
  /** Alerts that ask for somebody. */
  firing: ReadonlySignal<number>;
  /** Asks for all alerts anew, the lately resolved among them. */
  fetchAlerts(): Promise<void>;
  /** Amounts of a currency as text. */
  moneyOf(currency: string): Money;
  adding: Signal<boolean>;
  checkSession(): Promise<void>;
  signOut(): Promise<void>;
}

const Context = createContext<App | null>(null);
export const AppContext = Context.Provider;
export const useApp = (): App => {
  const app = useContext(Context);
  if (!app) throw new Error('The dashboard was drawn outside its context.');
  return app;
};

const LAST_EVENT = 'muster.last_event';
const readLast = (): number | null => {
  const number = Number(readStored(LAST_EVENT) ?? Number.NaN);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
};

const openSocket = (): Socket => {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`);
  return socket as Socket;
};

/** Alert events that come together are drawn together. */
const DRAW_MS = 60;
const PACE_MS = 5_000;

/** Formats of a currency cost too much to be made for every line. */
const createMoneys = () => {
  const made = new Map<string, Money>();
  return (currency: string): Money => {
    const money = made.get(currency) ?? createMoney(currency);
    made.set(currency, money);
    return money;
  };
};

const asSession = (reply: SessionReply): Session => ({ kind: 'in', user: reply.user });

export const createApp = (): App => {
  const session = signal<Session>({ kind: 'unknown' });
  const notice = signal<string | null>(null);
  const clock = signal(Date.now());
  const siteNames = signal(new Map<string, string>());
  const router = createRouter();
  const client = createClient({
    unauthorized: () => {
      session.value = { kind: 'out', setup_needed: false };
    },
  });
  const fetchAlerts = async () => board.putAlerts(await allPages((after) => client.alerts(after ? { after } : {})));
  const board = createBoard({
    now: Date.now,
    memory: { read: readLast, write: (number) => writeStored(LAST_EVENT, String(number)) },
    gap: () => void fetchAlerts().catch((error) => report(error)),
    fired: (alert) => bell.fired(alert),
    soon: (task) => void setTimeout(task, DRAW_MS),
  });
  const bell = createBell({ alert: board.get, now: board.now, go: router.go });
  const pace = computed(() => Math.floor(clock.value / PACE_MS) * PACE_MS);
  const report = (error: unknown) => {
    notice.value = sentenceOf(error);
  };
  const checkSession = async () => {
    try {
      session.value = asSession(await client.session());
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) session.value = { kind: 'out', setup_needed: error.setup_needed };
      else if (session.value.kind === 'unknown') report(error);
    }
  };
  const socketNeeds = {
    open: openSocket,
    after: (ms: number, task: () => void) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
    now: Date.now,
    random: Math.random,
    take: board.take,
  };
  const live = createLive({
    ...socketNeeds,
    channels: () => ['fleet', 'alerts'],
    last: board.last,
    ended: () => void checkSession(),
  });
  const deviceLive = createLive({
    ...socketNeeds,
    channels: () => (router.place.value.page === 'device' ? [`device:${router.place.value.id}`] : []),
    last: () => null,
    ended: () => {},
  });
  const signOut = async () => {
    await client.logout().catch(report);
    await checkSession();
  };
  const app: App = {
    ...{ client, board, live, deviceLive, router, session, notice, clock, siteNames, checkSession, signOut },
    ...{ bell, pace, fetchAlerts, moneyOf: createMoneys() },
    firing: computed(() => countFiring(board.alerts.value, pace.value)),
    themes: createThemes(),
    setupCode: signal(takeSetupCode()),
    adding: signal(false),
    operates: computed(() => session.value.kind === 'in' && session.value.user.role !== 'viewer'),
  };
  connectParts(app);
  return app;
};

const connectParts = (app: App): void => {
  setInterval(() => {
    app.clock.value = app.board.now();
  }, 1000);
  const hurry = () => {
    if (document.visibilityState !== 'visible') return;
    app.live.hurry();
    app.deviceLive.hurry();
  };
  addEventListener('online', hurry);
  document.addEventListener('visibilitychange', hurry);
  const inside = computed(() => app.session.value.kind === 'in');
  effect(() => {
    if (!inside.value) return app.live.stop();
    app.live.start();
    void loadSites(app);
  });
  effect(() => {
    const place = app.router.place.value;
    app.deviceLive.stop();
    if (inside.value && place.page === 'device') app.deviceLive.start();
  });
  const badge = createBadge();
  effect(() => {
    const firing = inside.value ? app.firing.value : 0;
    document.title = firing > 0 ? `(${firing}) Muster` : 'Muster';
    badge(firing);
  });
};

/** Names only: without them a site shows by its id. */
const loadSites = async (app: App): Promise<void> => {
  const reply = await app.client.sites().catch(() => null);
  if (reply) app.siteNames.value = new Map(reply.items.map((site) => [site.id, site.name]));
};
