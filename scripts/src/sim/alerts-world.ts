import { createAlerts } from '@muster/hub/alerts/engine';
import type { RuleDeclaration } from '@muster/hub/alerts/rule';
import type { HandStore } from '@muster/hub/alerts/testing/store';
import type { Link } from '@muster/hub/bus/bus';
import { createTracker } from '@muster/hub/devices/tracker';
import { createLatest } from '@muster/hub/ingest/latest';
import { createNotify, type Notify } from '@muster/hub/notify/dispatcher';
import type { NotifierDeclaration } from '@muster/hub/notify/notifier';
import { createPlaces } from '@muster/hub/notify/places';
import type { Device, Stake } from '@muster/hub/parts';
import { silentLog } from '@muster/shared/log';
import { seriesKey, undeclared } from '@muster/shared/metrics';
import type { TestClock } from '@muster/shared/testing/clock';
import type { LiveAlertEvent } from '@muster/shared/wire/live';
import { COLUMNS } from './alerts-device.js';

/** Presence, latest values, alerts and notices of a hub under a hand-moved clock: the real ones, without broker and disk. */
export interface AlertWorld {
  connect(device: string, boot: string): void;
  /** The link ends: `keepalive` after a silence, `lost` when the process dies. */
  drop(device: string, reason: 'keepalive' | 'lost'): void;
  /** Says goodbye and disconnects. */
  stop(device: string): void;
  report(device: string, values: number[]): void;
  /** The hub's process ends and is back so many seconds later; devices find it again by `connect`. Killed, it loses what it had not written. */
  restart(away_s: number, killed: boolean): Promise<void>;
  connected(device: string): boolean;
  notify(): Pick<Notify, 'putNotifier' | 'addSilence' | 'notifiers'>;
}

export const INTERVAL_S = 60;

export interface WorldNeeds {
  clock: TestClock;
  store: HandStore;
  devices: readonly Device[];
  /** Address that a device connects from. */
  remote(device: string): string;
  stake(device: string): Stake | null;
  rules: ReadonlyMap<string, RuleDeclaration>;
  notifiers: ReadonlyMap<string, NotifierDeclaration>;
  hear(event: LiveAlertEvent): void;
  /** 0..1 */
  chance(): number;
}

export const createAlertWorld = async (needs: WorldNeeds): Promise<AlertWorld> => {
  const { clock, store } = needs;
  const links = new Map<string, { link: Link; boot: string }>();
  const begin = createHub({ ...needs, known: new Map(needs.devices.map((one) => [one.id, one])), newId: counting() });
  let next_link = 1;
  let hub = await begin([]);

  return {
    notify: () => hub.notify,
    connected: (device) => links.has(device),
    connect(device, boot) {
      const remote = needs.remote(device);
      const link: Link = { id: next_link++, grant: { agent: device, devices: new Set([device]) }, remote, keepalive_s: 5 };
      links.set(device, { link, boot });
      hub.places.heard(device, remote);
      hub.tracker.opened(link);
      hub.tracker.born(link, { boot, session: link.id, interval_ms: INTERVAL_S * 1_000 });
    },
    drop(device, reason) {
      const one = links.get(device);
      links.delete(device);
      if (one) hub.tracker.closed(one.link, reason);
    },
    stop(device) {
      const one = links.get(device);
      links.delete(device);
      if (!one) return;
      hub.tracker.stopping(one.link, one.boot);
      hub.tracker.closed(one.link, 'clean');
    },
    report(device, values) {
      const one = links.get(device);
      if (!one) return;
      hub.tracker.reported(one.link, device, true);
      if (hub.latest.newest(device) === undefined) hub.latest.admit(device, COLUMNS);
      hub.latest.put(device, COLUMNS, [{ boot: null, seq: null, ts: clock.now(), values }]);
    },
    async restart(away_s, killed) {
      const { latest } = hub;
      const kept = needs.devices.flatMap(({ id: device }) =>
        latest.of(device).map(({ metric, labels, ts, value }) => ({ device, series: seriesKey(metric, labels), ts, value })),
      );
      links.clear();
      store.automatic(!killed);
      hub.stop();
      store.crash();
      store.automatic(true);
      clock.advance(away_s * 1_000);
      hub = await begin(kept);
    },
  };
};

type Seed = Parameters<ReturnType<typeof createLatest>['seed']>[0];
interface Building extends WorldNeeds {
  known: ReadonlyMap<string, Device>;
  newId: (bytes: number) => Uint8Array;
}

/** Starts the parts of a hub's process on what the store has, in the order of the hub. */
const createHub = (needs: Building) => async (seed: Seed) => {
  const { clock, store, known, rules } = needs;
  const latest = createLatest(clock.now);
  const { writer } = store;
  const found = store.recovered();
  const device = (id: string) => known.get(id);
  const all = () => known.values();
  const tracker = createTracker({ clock, writer, device, newest: latest.newest, log: silentLog }, found.documents);
  const registry = { get: device, all, declaration: (_id: string, metric: string) => undeclared(metric) };
  const basics = { writer, clock, random: needs.newId, log: silentLog };
  const alerts = createAlerts({ ...basics, rules, registry, latest, presence: tracker }, found);
  const where = { device, all, sites: { get: () => undefined }, networks: () => [], now: clock.now, writer };
  const places = createPlaces(where, found.documents);
  const notify = createNotify(
    {
      ...{ ...basics, notifiers: needs.notifiers, chance: needs.chance, alerts, device, presence: tracker },
      ...{ earns: places.earns, placeOf: places.of, stake: needs.stake, base: 'https://muster.example.org' },
      http: { request: async () => ({ status: 200, headers: {}, text: '' }) },
      audit: { note: async () => {} },
    },
    found,
  );
  tracker.changed.on(alerts.presenceChanged);
  latest.updated.on(alerts.valuesUpdated);
  alerts.event.on(needs.hear);
  alerts.event.on(notify.take);
  notify.prepare();
  tracker.start();
  await alerts.start(store.reader);
  await notify.start();
  latest.seed(seed);
  tracker.recall();
  const stop = () => {
    notify.stop();
    alerts.stop();
    tracker.stop();
  };
  return { latest, tracker, alerts, places, notify, stop };
};

/** Ids that never come twice. */
const counting = () => {
  let next = 1;
  return (bytes: number): Uint8Array => {
    const id = Buffer.alloc(bytes);
    id.writeUInt32BE(next++, bytes - 4);
    return id;
  };
};
