/** The hub's page of wires: builds every part with explicit arguments and connects their signals. */
import { randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@muster/shared/clock';
import { createGrpc } from '@muster/shared/grpc';
import { createHttp, type Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import type { NetworkDeclaration } from '@muster/shared/network';
import { loadNetworks } from '@muster/shared/network-plugins';
import { loadPlugins } from '@muster/shared/plugins';
import { createSignal } from '@muster/shared/signal';
import { addressesOf } from './addresses.js';
import { createAlertViews } from './alert-views.js';
import { createEarningFacts } from './alerts/earning-facts.js';
import { type Alerts, createAlerts } from './alerts/engine.js';
import type { RuleDeclaration } from './alerts/rule.js';
import { type Api, createApi } from './api/server.js';
import { createAuth } from './auth/accounts.js';
import type { Bus, BusHandlers, Link } from './bus/bus.js';
import { createEmbeddedBus } from './bus/embedded.js';
import { createJoining } from './devices/join.js';
import { createLimiter } from './devices/limiter.js';
import { createRegistry } from './devices/registry.js';
import { createTracker, type Tracker } from './devices/tracker.js';
import { createEarnings, type Earnings } from './earnings/book.js';
import { watchWriter } from './earnings/daily-watch.js';
import { createPriceView, expectsOf } from './earnings/expects.js';
import { createFiatBook, type FiatBook } from './earnings/fiat-book.js';
import { createIncome, type IncomeBook } from './earnings/income.js';
import { createIngest, type Ingest } from './ingest/ingest.js';
import { createLatest, type LatestKeeper } from './ingest/latest.js';
import { createQuarantine } from './ingest/quarantine.js';
import { createSequences } from './ingest/sequence.js';
import { createLive, type Live } from './live/live.js';
import { createNotify, type Notify, type NotifyNeeds } from './notify/dispatcher.js';
import { loadNotifiers } from './notify/notifier-plugins.js';
import { createPlaces } from './notify/places.js';
import type { Addresses, Parts, SelfView } from './parts.js';
import { createAudit } from './self/audit.js';
import type { Certificate } from './self/certificate.js';
import { createCommitCounts } from './self/commits.js';
import { createProcessView, metricsText } from './self/metrics.js';
import { createSources } from './sources/sources.js';
import { withCarried } from './stakes.js';
import type { OpenStore } from './store/open.js';
import type { Change, Writer } from './store/store.js';
import { createViews } from './view.js';

export interface HubSettings {
  version: string;
  http: { host: string; port: number };
  https: { host: string; port: number };
  mqtt: { host: string; port: number };
  mqtts: { host: string; port: number };
  public_url: string | null;
  admin_token: string | null;
  control_token: string;
}

export interface HubNeeds {
  clock: Clock;
  log: Log;
  certificate: Certificate;
  /** Being opened; the hub closes it. */
  store: Promise<OpenStore>;
}

export interface Hub {
  addresses(): Addresses;
  /** One-time code of the set-up link; null once an account exists. */
  setup_code(): string | null;
  stop(): Promise<void>;
}

/** Everything below shares these. */
interface Core {
  needs: Omit<HubNeeds, 'store'>;
  settings: HubSettings;
  store: OpenStore;
  links: Map<string, Link>;
  /** Filled once the listeners are open. */
  addresses: Addresses;
  /** It stops: what was under way may fail in silence. */
  ended: boolean;
}

/** Builds the parts on the open store, then the listeners, devices first: they wait for a PUBACK; on failure nothing is left running. */
export const startHub = async (needs: HubNeeds, settings: HubSettings): Promise<Hub> => {
  const { certificate } = needs;
  const store = await needs.store;
  const undo: (() => Promise<void> | void)[] = [() => store.close()];
  let core: Core | null = null;
  const stop = async () => {
    if (core) core.ended = true;
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    const addresses: Addresses = { http: '', https: null, mqtt: null, mqtts: null, pin: certificate.pin };
    core = { needs, settings, store, links: new Map(), addresses, ended: false };
    const built = await buildParts(core);
    undo.push(() => built.alerts.stop());
    undo.push(() => built.money.stop());
    await built.begin();
    undo.push(() => built.tracker.stop());
    const bus = buildBus(core, built);
    await bus.start();
    undo.push(() => bus.stop());
    await built.alerts.start(store.engine.early);
    built.sources.start();
    undo.push(() => built.sources.stop());
    undo.push(() => built.notify.stop());
    await built.notify.start();
    undo.push(built.shown.start());
    const { api, live } = buildEdges(core, built, bus);
    await api.ready();
    undo.push(() => api.stop());
    const listeners = await api.listen({ http: settings.http, https: { ...settings.https, ...certificate } });
    live.attach(listeners.http.server);
    if (listeners.https) live.attach(listeners.https.server);
    undo.push(() => live.stop());
    Object.assign(addresses, whereWeAre(core, listeners, bus));
    built.seed();
    return { addresses: () => addresses, setup_code: () => built.parts.auth.setup_code, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const buildParts = async (core: Core) => {
  const { clock, log } = core.needs;
  const { recovered, engine } = core.store;
  const queued = createSignal<readonly Change[]>();
  const writer = watchWriter(core.store.writer, queued.emit);
  const { documents } = recovered;
  const now = () => clock.now();
  const random = (bytes: number) => randomBytes(bytes);
  const basics = { writer, now, random, log };
  const registry = createRegistry(basics, documents);
  const limiter = createLimiter({ now, most: 20, window_ms: 60_000, keys: 10_000 });
  const joining = createJoining({ ...basics, registry, limiter }, documents);
  const latest = createLatest(now);
  const device = (id: string) => registry.get(id);
  const fed = (id: string) => sources.fed(id);
  const tracker = createTracker({ clock, writer, device, newest: (id) => latest.newest(id), fed, log }, documents);
  const sequences = createSequences(recovered.sequences, now);
  const quarantine = createQuarantine(basics);
  const earnings = createEarnings({ registry, now, log, writer }, recovered);
  const asking = { http: createHttp(), grpc: createGrpc(), networks: await loadNetworks(), random: Math.random };
  const sources = createSources({ ...basics, ...asking, clock, registry, latest, earnings, sourced: tracker.sourced }, documents);
  const ingest = createIngest({ ...basics, registry, tracker, sequences, latest, quarantine, earnings });
  const judging = { basics, registry, tracker, latest, earnings, asking };
  const { alerts, money, income, worth } = await buildWorth(core, judging);
  queued.on(money.take);
  queued.on(income.take);
  const { admin_token, control_token } = core.settings;
  const auth = createAuth(basics, { documents, admin_token, control_token });
  const audit = createAudit(basics);
  const wired = { registry, tracker, alerts, earnings, money, income };
  const { notify, places } = await buildNotify(core, { ...basics, ...wired, clock, audit, auth, http: asking.http });
  const stake = withCarried(money.stake, { presence: tracker, carried: places.carried });
  const shown = createAlertViews({ alerts, silenced: notify.silenced, stake, clock });
  const views = createViews({ registry, presence: tracker, latest, alerts, earnings });
  const parts = {
    ...{ now, registry, joining, latest, earnings, alerts: shown.desk, money, sources, notify, auth, audit },
    presence: tracker,
    reader: engine,
    ...views,
  };
  connectParts(core, { ...wired, ingest, latest, notify });
  registry.removed.on(places.forget);
  tracker.changed.on(shown.presenceChanged);
  notify.muted.on(shown.mutesChanged);
  return {
    ...{ parts, tracker, alerts, ingest, quarantine, sources, money, notify, places, shown },
    async begin() {
      notify.prepare();
      writer.queue(await earnings.start(engine.early), { bytes: 0 });
      clock.every(60_000, earnings.tick);
      clock.every(60_000, money.tick);
      clock.every(EARNINGS_STEP_MS, worth.step);
      tracker.start();
    },
    seed() {
      void seedLatest(core, { registry, latest, tracker, alerts });
      money.start().catch((error: unknown) => {
        if (!core.ended) log.warn('The ledger could not be read; comparing tries again when it is asked', { error });
      });
    },
  };
};

/** The networks that a device reports something of, or earns on. */
const networksOf =
  (known: ReadonlyMap<string, NetworkDeclaration>, { latest, earnings }: { latest: LatestKeeper; earnings: Earnings }) =>
  (device: string): ReadonlySet<string> => {
    const reported = latest.of(device).map(({ metric }) => metric.slice(0, metric.indexOf('.')));
    const earned = earnings.totals(device).map(({ network }) => network);
    return new Set([...reported.filter((network) => known.has(network)), ...earned]);
  };

const capacitiesOf = (networks: ReadonlyMap<string, NetworkDeclaration>) =>
  new Map([...networks.values()].flatMap(({ id, per }) => (per ? [[id, per] as const] : [])));
type Worth = Pick<Parts, 'registry'> & { latest: LatestKeeper; tracker: Tracker; earnings: Earnings } & {
  asking: { networks: ReadonlyMap<string, NetworkDeclaration>; http: Http };
  basics: { writer: Writer; now: () => number; random: (bytes: number) => Uint8Array; log: Log };
};

/** What is wrong and what it costs know each other: alerts say what is at stake, a comparison counts alerts. */
const buildWorth = async ({ needs, store, settings }: Core, { basics, registry, tracker, latest, earnings, asking }: Worth) => {
  const { clock, log } = needs;
  const { networks, http } = asking;
  const { recovered, engine } = store;
  const { now } = basics;
  const rules = await loadPlugins<RuleDeclaration>(new URL('./alerts/rules/', import.meta.url));
  const expects = expectsOf(networks);
  const income = createIncome({ ...earnings, cadence: (network) => expects(network)?.cadence ?? null, now });
  const price = createPriceView(() => money.prices(), clock);
  const worth = createEarningFacts({
    ...{ registry, presence: tracker, now, log, expects, price, stake: (id) => money.stake(id) },
    ...{ income: { of: income.of, load: () => income.load(engine) }, due: (id) => alerts.incomeDue(id) },
  });
  const judged = { money: worth, networks: networksOf(networks, { latest, earnings }), version: settings.version };
  const alerts: Alerts = createAlerts({ ...basics, clock, rules, registry, presence: tracker, latest, ...judged }, recovered);
  const money: FiatBook = createFiatBook(
    {
      ...{ ...basics, clock, registry, presence: tracker, latest, alerts: () => alerts, reader: engine },
      ...{ http, random: Math.random, capacities: capacitiesOf(networks) },
    },
    recovered,
  );
  return { alerts, money, income, worth };
};

const EARNINGS_STEP_MS = 5_000;

type Noticing = Omit<Wired, 'latest' | 'ingest' | 'notify'> &
  Pick<NotifyNeeds, 'writer' | 'random' | 'log' | 'http' | 'audit' | 'clock'> &
  Pick<Parts, 'auth'> & { now: () => number };

const buildNotify = async (core: Core, { registry, tracker, earnings, money, now, auth, ...needs }: Noticing) => {
  const hasUser = (name: string) => auth.users().some((user) => user.name === name);
  const device = (id: string) => registry.get(id);
  const { sites, all } = registry;
  const { writer, random } = needs;
  const places = createPlaces({ device, all, sites, networks: earnings.networks, now, writer }, core.store.recovered.documents);
  const notify = createNotify(
    {
      ...{ ...needs, notifiers: await loadNotifiers(), ways: { random }, chance: Math.random, device, presence: tracker },
      ...{ stake: money.stake, base: core.settings.public_url, placeOf: places.of, earns: places.earns },
      ...{ placesOf: places.all, carried: places.carried, hasUser },
    },
    core.store.recovered,
  );
  return { notify, places };
};

/** The newest stored values come behind the start: reading them waits for the heads of the whole fleet, devices do not. */
const seedLatest = async (
  core: Core,
  { registry, latest, tracker, alerts }: Pick<Wired, 'registry' | 'tracker' | 'alerts'> & { latest: LatestKeeper },
) => {
  try {
    for await (const values of core.store.engine.newest()) {
      const known = values.filter(({ device }) => registry.get(device));
      latest.seed(known);
      alerts.recalled(known);
      await new Promise((resolve) => setImmediate(resolve));
    }
    tracker.recall();
  } catch (error) {
    if (!core.ended)
      core.needs.log.warn('The newest stored values could not be read; each is shown once it is reported again', { error });
  }
};

type Built = Awaited<ReturnType<typeof buildParts>>;

type Wired = Pick<Parts, 'registry' | 'latest'> & { tracker: Tracker; ingest: Ingest; alerts: Alerts } & Books;
type Books = { earnings: Earnings; money: FiatBook; income: IncomeBook; notify: Notify };

/** What follows from what, between parts that do not know each other. */
const connectParts = (
  { store, needs }: Core,
  { registry, tracker, ingest, latest, alerts, earnings, money, income, notify }: Wired,
) => {
  tracker.changed.on(alerts.presenceChanged);
  latest.updated.on(alerts.valuesUpdated);
  alerts.event.on(notify.take);
  ingest.born.on(({ link, birth }) => store.writer.queue(earnings.born(link.grant.agent, birth.boot), { bytes: 0 }));
  ingest.event.on(({ device, event }) => store.writer.queue(earnings.heard(device, event), { bytes: 0 }));
  ingest.result.on(({ device, result: { ok, detail = null } }) =>
    needs.log.info('A device answered a command', { device, ok, detail }),
  );
  registry.changed.on(alerts.deviceChanged);
  registry.removed.on((device) => {
    tracker.forget(device);
    ingest.forget(device);
    income.forget(device);
    store.writer.queue([...earnings.forget(device), ...money.forget(device)], { bytes: 0, urgent: true });
    alerts.deviceRemoved(device);
  });
  store.writer.stalled.on(({ reason }) => {
    tracker.freeze(true);
    alerts.stalled(
      `The hub cannot write its database: ${reason}. Nothing is acknowledged until it can; agents keep their reports.`,
    );
  });
  store.writer.refused.on(({ changes, error }) => {
    needs.log.error('The store refused changes that it cannot hold', { kinds: changes.map(({ kind }) => kind), error });
  });
  store.writer.recovered.on(() => {
    tracker.freeze(false);
    alerts.recovered();
  });
};

const buildBus = (core: Core, built: Built): Bus => {
  const { clock, log, certificate } = core.needs;
  const { mqtt, mqtts } = core.settings;
  const bus = createEmbeddedBus({ clock, log, tls: certificate, handlers: handlersOf(core, built) }, { mqtt, mqtts });
  built.parts.registry.revoked.on((agent) => bus.disconnect(agent));
  core.store.writer.pressure.on((full) => bus.press(full));
  built.ingest.born.on(({ link }) => {
    bus.command(link.grant.agent, { id: randomUUID(), command: 'time', args: { now: clock.now() } });
  });
  return bus;
};

/** What people see of it: API and live channel. */
const buildEdges = (core: Core, built: Built, bus: Bus) => {
  const { clock, log } = core.needs;
  const { public_url } = core.settings;
  const parts: Parts = {
    ...built.parts,
    uplinks: { connected: (agent) => core.links.get(agent), command: (agent, command) => bus.command(agent, command) },
    addresses: () => core.addresses,
    self: createSelf(core, built, bus),
  };
  const process = createProcessView();
  const commits = createCommitCounts(core.store.writer);
  const metrics = () => metricsText({ parts, process, more: commits });
  const web_folder = fileURLToPath(new URL('./web/', import.meta.url)).replace('/src/', '/dist/');
  const api: Api = createApi({ parts, metrics, web_folder, log, settings: { public_url } });
  const live: Live = createLive({ ...parts, identify: parts.auth.identify, ended: parts.auth.ended, clock, log });
  return { api, live };
};

const handlersOf = ({ links, needs: { log } }: Core, { parts, tracker, ingest, places }: Built): BusHandlers => ({
  verify: (user, password) => parts.registry.verify(user, password),
  opened(link) {
    links.set(link.grant.agent, link);
    places.heard(link.grant.agent, link.remote);
    tracker.opened(link);
  },
  closed(link, reason) {
    if (links.get(link.grant.agent)?.id === link.id) links.delete(link.grant.agent);
    tracker.closed(link, reason);
  },
  received: (link, message, done) => ingest.received(link, message, done),
  refused: ({ reason, agent, remote, detail }) => log.debug('A device was refused', { reason, agent, remote, detail }),
});

const createSelf = ({ needs, settings, store }: Core, { parts, quarantine }: Built, bus: Bus): (() => SelfView) => {
  const started_at = needs.clock.now();
  let store_since = started_at;
  for (const change of [store.writer.stalled, store.writer.recovered]) {
    change.on(() => {
      store_since = needs.clock.now();
    });
  }
  return () => ({
    started_at,
    version: settings.version,
    store_healthy: store.writer.healthy,
    store_since,
    connections: bus.counts().connections,
    devices: [...parts.registry.all()].length,
    quarantined: quarantine.counts(),
    bus: bus.counts(),
  });
};

type Listeners = Awaited<ReturnType<Api['listen']>>;

const whereWeAre = ({ settings }: Core, { http, https }: Listeners, bus: Bus) => {
  const { mqtt = null, mqtts = null } = bus.addresses();
  const public_host = settings.public_url ? new URL(settings.public_url).hostname : null;
  return addressesOf({ http, https, mqtt, mqtts, public_host });
};
