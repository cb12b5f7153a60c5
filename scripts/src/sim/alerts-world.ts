import { createAlerts } from '@muster/hub/alerts/engine';
import type { RuleDeclaration } from '@muster/hub/alerts/rule';
import { createHandStore } from '@muster/hub/alerts/testing/store';
import type { Link } from '@muster/hub/bus/bus';
import { createTracker } from '@muster/hub/devices/tracker';
import { createLatest } from '@muster/hub/ingest/latest';
import type { Device } from '@muster/hub/parts';
import { silentLog } from '@muster/shared/log';
import { undeclared } from '@muster/shared/metrics';
import { createTestClock, type TestClock } from '@muster/shared/testing/clock';
import type { LiveAlertEvent } from '@muster/shared/wire/live';
import { COLUMNS } from './alerts-device.js';

/** Presence, latest values and alerts of a hub under a hand-moved clock: the real ones, without broker and disk. */
export interface AlertWorld {
  /** Seconds since the start. */
  advance(seconds: number): void;
  connect(device: string, boot: string): void;
  /** The link ends: `keepalive` after a silence, `lost` when the process dies. */
  drop(device: string, reason: 'keepalive' | 'lost'): void;
  /** Says goodbye and disconnects. */
  stop(device: string): void;
  report(device: string, values: number[]): void;
  /** The hub's process ends and is back so many seconds later; devices find it again by `connect`. */
  restart(away_s: number): Promise<void>;
  connected(device: string): boolean;
}

export const INTERVAL_S = 60;

export const createAlertWorld = async (
  devices: readonly string[],
  rules: ReadonlyMap<string, RuleDeclaration>,
  hear: (event: LiveAlertEvent) => void,
): Promise<AlertWorld> => {
  const clock = createTestClock();
  const store = createHandStore();
  store.automatic(true);
  const known = new Map(devices.map((id) => [id, deviceOf(id)]));
  const links = new Map<string, { link: Link; boot: string }>();
  const needs = { clock, store, known, rules, hear, newId: counting() };
  let next_link = 1;
  let process = build(needs);
  await process.alerts.start(store.reader);

  return {
    advance: (seconds) => clock.advance(seconds * 1_000),
    connected: (device) => links.has(device),
    connect(device, boot) {
      const link: Link = { id: next_link++, grant: { agent: device, devices: new Set([device]) }, remote: '', keepalive_s: 5 };
      links.set(device, { link, boot });
      process.tracker.opened(link);
      process.tracker.born(link, { boot, session: link.id, interval_ms: INTERVAL_S * 1_000 });
    },
    drop(device, reason) {
      const one = links.get(device);
      links.delete(device);
      if (one) process.tracker.closed(one.link, reason);
    },
    stop(device) {
      const one = links.get(device);
      links.delete(device);
      if (!one) return;
      process.tracker.stopping(one.link, one.boot);
      process.tracker.closed(one.link, 'clean');
    },
    report(device, values) {
      const one = links.get(device);
      if (!one) return;
      process.tracker.reported(one.link, device, true);
      if (process.latest.newest(device) === undefined) process.latest.admit(device, COLUMNS);
      process.latest.put(device, COLUMNS, [{ boot: null, seq: null, ts: clock.now(), values }]);
    },
    async restart(away_s) {
      process.alerts.stop();
      process.tracker.stop();
      const { latest } = process;
      const kept = devices.flatMap((device) =>
        latest.of(device).map(({ ts, value }, index) => ({ device, series: COLUMNS[index] ?? '', ts, value })),
      );
      links.clear();
      store.crash();
      clock.advance(away_s * 1_000);
      process = build(needs);
      await process.alerts.start(store.reader);
      process.latest.seed(kept);
    },
  };
};

interface Building {
  clock: TestClock;
  store: ReturnType<typeof createHandStore>;
  known: ReadonlyMap<string, Device>;
  rules: ReadonlyMap<string, RuleDeclaration>;
  hear: (event: LiveAlertEvent) => void;
  newId: (bytes: number) => Uint8Array;
}

/** The parts of a hub's process on what the store has. */
const build = ({ clock, store, known, rules, hear, newId }: Building) => {
  const latest = createLatest(clock.now);
  const { writer } = store;
  const found = store.recovered();
  const device = (id: string) => known.get(id);
  const tracker = createTracker({ clock, writer, device, newest: latest.newest, log: silentLog }, found.documents);
  const registry = { get: device, all: () => known.values(), declaration: (_id: string, metric: string) => undeclared(metric) };
  const basics = { writer, clock, random: newId, log: silentLog, rules };
  const alerts = createAlerts({ ...basics, registry, latest, presence: tracker }, found);
  tracker.changed.on(alerts.presenceChanged);
  latest.updated.on(alerts.valuesUpdated);
  alerts.event.on(hear);
  tracker.start();
  return { latest, tracker, alerts };
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

const deviceOf = (id: string): Device => ({
  ...{ id, name: id, site: null, tags: [], about: {}, agent_version: null, interval_ms: INTERVAL_S * 1_000 },
  ...{ carried_by: null, created_at: 0, watts: null, purchase_price: null, hosting_share: null },
});
