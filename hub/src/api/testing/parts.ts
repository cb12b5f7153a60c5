import { AppError } from '@muster/shared/errors';
import { type MetricDeclaration, parseSeriesKey, undeclared } from '@muster/shared/metrics';
import { secret, url } from '@muster/shared/schema';
import { createSignal } from '@muster/shared/signal';
import type { LiveAlert, LiveDevice, LiveValue } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { noBusCounts } from '../../bus/bus.js';
import type { Auth, Device, HubSourceView, Parts, PresenceKeeper, PricesView, Site } from '../../parts.js';
import type { LedgerEntry, LogRecord } from '../../store/store.js';
import { createTestAuth, NOW } from './auth.js';
import { notifyOf } from './notify.js';
import { readerOf } from './reader.js';

/** Parts in memory, as small as the port allows, for tests of the API; a test changes what it holds. */
export interface Kept {
  devices: Map<string, Device>;
  sites: Map<string, Site>;
  values: Map<string, LiveValue[]>;
  states: Map<string, LiveDevice['state']>;
  declarations: Map<string, MetricDeclaration>;
  alerts: LiveAlert[];
  rows: { ts: number; series: Record<string, number> }[];
  entries: LedgerEntry[];
  logs: LogRecord[];
  audited: { by: string; action: string; subject: string; detail: unknown }[];
  connected: Set<string>;
  asked: unknown[];
  store_healthy: boolean;
  broken: Error | null;
}

export { NOW };

export const device = (id: string, more: Partial<Device> = {}): Device => ({
  id,
  name: id,
  site: null,
  tags: [],
  about: {},
  agent_version: '0.1.0',
  interval_ms: 10_000,
  carried_by: null,
  created_at: NOW,
  watts: null,
  purchase_price: null,
  hosting_share: null,
  ...more,
});

export const alert = (id: string, more: Partial<LiveAlert> = {}): LiveAlert => ({
  id,
  rule: 'offline',
  device: 'pi-1',
  device_name: 'pi-1',
  title: 'Device offline',
  why: 'pi-1 is lost',
  severity: 'critical',
  state: 'firing',
  value: null,
  since: NOW,
  fired_at: NOW,
  resolved_at: null,
  acknowledged: null,
  event: 1,
  ...more,
});

const createKept = (): Kept => ({
  devices: new Map(),
  sites: new Map(),
  values: new Map(),
  states: new Map(),
  declarations: new Map(),
  alerts: [],
  rows: [],
  entries: [],
  logs: [],
  audited: [],
  connected: new Set(),
  asked: [],
  store_healthy: true,
  broken: null,
});

/** Parts over what is kept; bearer tokens are `viewer-token`, `operator-token` and `admin-token` unless `auth` is given. */
export const createTestParts = (auth: Auth = createTestAuth()): { parts: Parts; kept: Kept } => {
  const kept = createKept();
  const view = (id: string) => (kept.devices.has(id) ? lineOf(kept, id) : undefined);
  const parts: Parts = {
    now: () => NOW,
    auth,
    registry: registryOf(kept),
    joining: joiningOf(kept),
    presence: presenceOf(kept),
    latest: latestOf(kept),
    alerts: alertsOf(kept),
    earnings: earningsOf(kept),
    sources: sourcesOf(kept),
    notify: notifyOf(kept),
    money: moneyOf(kept),
    audit: {
      async note(by, action, subject, detail) {
        kept.audited.push({ by, action, subject, detail });
      },
    },
    reader: readerOf(kept, NOW),
    uplinks: {
      connected: () => undefined,
      command(agent, command) {
        kept.asked.push(command);
        return kept.connected.has(agent);
      },
    },
    addresses: () => ({
      http: 'http://127.0.0.1:7480',
      https: 'https://192.0.2.7:7443',
      mqtt: 'mqtt://127.0.0.1:1883',
      mqtts: 'mqtts://192.0.2.7:8883',
      pin: 'sha256:pin',
    }),
    self: () => selfOf(kept),
    view,
    views: () => [...kept.devices.keys()].flatMap((id) => view(id) ?? []),
  };
  return { parts, kept };
};

const lineOf = (kept: Kept, id: string): LiveDevice => {
  const { name, site, tags, carried_by } = kept.devices.get(id) ?? device(id);
  const state = kept.states.get(id) ?? 'online';
  const alerts = { firing: 0, pending: 0 };
  return {
    id,
    name,
    site,
    tags,
    carried_by,
    state,
    since: NOW,
    last_seen: NOW,
    boot: null,
    main: {},
    earnings_today: [],
    alerts,
  };
};

const registryOf = (kept: Kept): Parts['registry'] => ({
  get: (id) => kept.devices.get(id),
  all: () => kept.devices.values(),
  async patch(id, patch) {
    const after = { ...(kept.devices.get(id) ?? device(id)), ...patch };
    kept.devices.set(id, after);
    return after;
  },
  async remove(id) {
    kept.devices.delete(id);
  },
  async credential(id, options) {
    kept.asked.push({ credential: id, ...options });
    return { key: `key-of-${id}` };
  },
  async carries(agent, devices) {
    for (const id of devices) kept.devices.set(id, device(id, { carried_by: agent }));
  },
  async place(devices) {
    const made = devices.filter((id) => !kept.devices.has(id));
    for (const id of made) kept.devices.set(id, device(id));
    return made;
  },
  declare: () => [],
  verify: () => null,
  born: () => [],
  columns: () => undefined,
  declaration: (_device, metric) => kept.declarations.get(metric) ?? undeclared(metric),
  catalogue: () => [...kept.declarations].map(([metric, declaration]) => ({ metric, declaration })),
  waiting: () => [],
  sites: {
    all: () => [...kept.sites.values()],
    get: (id) => kept.sites.get(id),
    async put(site) {
      kept.sites.set(site.id, site);
    },
    delete: async (id) => kept.sites.delete(id),
  },
  changed: createSignal(),
  removed: createSignal(),
  revoked: createSignal(),
});

const joiningOf = (kept: Kept): Parts['joining'] => ({
  async invite(invite) {
    kept.asked.push(invite);
    return { token: 'invite-token', expires: NOW + 3_600_000 };
  },
  async join({ token, device: id }) {
    if (token !== 'invite-token') throw new AppError('unauthorized', 'This invite is not known');
    kept.devices.set(id, device(id));
    return { device: id, key: `key-of-${id}` };
  },
});

const presenceOf = (kept: Kept): PresenceKeeper => ({
  get: (id) => ({ state: kept.states.get(id) ?? 'online', since: NOW, last_seen: NOW, boot: null }),
  changed: createSignal(),
  availability: async (_id, from, to) => [{ state: 'online', from, to }],
});

const latestOf = (kept: Kept): Parts['latest'] => ({
  of: (id) => kept.values.get(id) ?? [],
  value: () => undefined,
  across: (metric) =>
    [...kept.values]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([id, values]) =>
        values.filter((one) => one.metric === metric).map(({ labels, value, ts }) => ({ device: id, labels, value, ts })),
      ),
  updated: createSignal(),
});

const alertsOf = (kept: Kept): Parts['alerts'] => ({
  open: () => kept.alerts,
  get: (id) => kept.alerts.find((one) => one.id === id),
  list: ({ state, device: of }) =>
    kept.alerts.filter((one) => (state === undefined || one.state === state) && (of === undefined || one.device === of)),
  async acknowledge(ids, by, comment) {
    kept.alerts = kept.alerts.map((one) => (ids.includes(one.id) ? { ...one, acknowledged: { by, at: NOW, comment } } : one));
    return kept.alerts.filter((one) => ids.includes(one.id));
  },
  async assign(ids, { by, owner, comment }) {
    const acknowledged = { by, at: NOW, comment, owner };
    kept.alerts = kept.alerts.map((one) => (ids.includes(one.id) ? { ...one, acknowledged } : one));
    return kept.alerts.filter((one) => ids.includes(one.id));
  },
  async unacknowledge(ids) {
    kept.alerts = kept.alerts.map((one) => (ids.includes(one.id) ? { ...one, acknowledged: null } : one));
    return kept.alerts.filter((one) => ids.includes(one.id));
  },
  async snooze(ids, by, until) {
    const snoozed = until === null ? null : { by, at: NOW, until };
    kept.alerts = kept.alerts.map((one) => (ids.includes(one.id) ? { ...one, snoozed } : one));
    return kept.alerts.filter((one) => ids.includes(one.id));
  },
  counts: () => ({ firing: 0, pending: 0 }),
  rules: () => [],
  setRules: async (rules) => rules,
  preview: async () => ({ from: 0, to: NOW, devices: 0, looked_at: 0, complete: true, items: [] }),
  declarations: () => [{ id: 'offline', title: 'Device offline', severity: 'critical', config: {} }],
  events: async (after, limit) =>
    kept.alerts
      .map((one) => ({ number: one.event, ts: NOW, change: 'firing' as const, by: 'rule', alert: one }))
      .filter((event) => event.number > after)
      .slice(0, limit),
  newest: 0,
  event: createSignal(),
});

const earningsOf = (kept: Kept): Parts['earnings'] => ({
  book: () => [],
  async earnings(query) {
    kept.asked.push(query);
    const streams = [{ network: 'storj', token: 'STORJ', decimals: 8, amount: '900719925474099299', estimated: false }];
    return [{ key: 'pi-1', streams, fiat: null, cost: null, net: null }];
  },
  bookHub: () => [],
  account: (network, account) => (account === 'a' ? { network, account, periods: [], streams: [] } : undefined),
  async share(of, { from = NOW, shares }) {
    kept.asked.push({ share: of, from, shares });
    return { ...of, periods: [{ from, shares }], streams: [] };
  },
  async choose({ network, account, token }, source) {
    kept.asked.push({ choose: account, token, source });
    return { network, account, periods: [], streams: [] };
  },
  totals: () => [],
  today: () => [],
  networks: () => [
    {
      id: 'storj/pi-1',
      network: 'storj',
      device: 'pi-1',
      account: 'a',
      token: 'STORJ',
      source: 'storj',
      booked: true,
      state: 'ok',
      last_reading: NOW,
      last_error: null,
    },
  ],
  changed: createSignal(),
});

const sourcesOf = (kept: Kept): Parts['sources'] => {
  const views = new Map<string, HubSourceView>();
  const config = v.object({ url: url(), key: v.optional(secret()) });
  return {
    kinds: () => [{ id: 'json', title: 'JSON', docs: 'https://example.org', every: 60_000, config }],
    all: () => [...views.values()],
    get: (id) => views.get(id),
    async put(id, { network, config: own, every = null, devices = [], enabled = true }) {
      const made = devices.filter((one) => !kept.devices.has(one));
      const state = { state: 'waiting', last_error: null, last_ok: null, next_at: NOW, readings: 0, samples: 0 } as const;
      const view: HubSourceView = { id, network, config: own, every, devices, enabled, ...state };
      views.set(id, view);
      return { source: view, made };
    },
    delete: async (id) => views.delete(id),
  };
};

const NO_PRICES: PricesView = {
  currency: 'USD',
  sources: { HNT: { provider: 'coingecko', id: 'helium' } },
  providers: {
    coingecko: { address: 'http://127.0.0.1:1', key_set: true, last_error: null, last_try: null, next_try: null },
    jupiter: { address: 'http://127.0.0.1:2', key_set: false, last_error: null, last_try: null, next_try: null },
  },
  rates: {},
  watts_by_tag: {},
  state: [],
};

const moneyOf = (kept: Kept): Parts['money'] => ({
  earnings: earningsOf(kept).earnings,
  async compare(query) {
    kept.asked.push(query);
    const totals = { streams: [], fiat: '0.00000000', cost: null, net: null };
    return { from: query.from, to: query.to, currency: 'USD', devices: 3, totals, items: [] };
  },
  async *export(query) {
    kept.asked.push(query);
    if (query.format === 'json') yield '[]';
    else yield* ['head\r\n', 'line\r\n'];
  },
  stake: () => null,
  prices: () => NO_PRICES,
  async setPrices(change) {
    kept.asked.push(change);
    return NO_PRICES;
  },
});

const selfOf = (kept: Kept): ReturnType<Parts['self']> => ({
  started_at: NOW,
  version: '0.1.0',
  store_healthy: kept.store_healthy,
  store_since: NOW,
  connections: 1,
  devices: kept.devices.size,
  quarantined: { clock: 2 },
  bus: { ...noBusCounts(), connections: 1, received: 5, refused: { ...noBusCounts().refused, wrong_key: 3 } },
});

/** A value of a series by its key. */
export const value = (key: string, number: number, ts = NOW): LiveValue => {
  const parsed = parseSeriesKey(key);
  return { metric: parsed?.metric ?? key, labels: { ...parsed?.labels }, value: number, ts };
};
