import { silentLog } from '@muster/shared/log';
import { type MetricDeclaration, parseSeriesKey, undeclared } from '@muster/shared/metrics';
import { loadPlugins } from '@muster/shared/plugins';
import { createTestClock } from '@muster/shared/testing/clock';
import type { LiveAlertEvent, LiveValue, PresenceState } from '@muster/shared/wire/live';
import type { Device, Presence } from '../../parts.js';
import { type AlertNeeds, type Alerts, createAlerts } from '../engine.js';
import type { RuleDeclaration } from '../rule.js';
import { createHandStore } from './store.js';

export const rules = await loadPlugins<RuleDeclaration>(new URL('../rules/', import.meta.url));

export const aDevice = (id: string, more: Partial<Device> = {}): Device => ({
  ...{ id, name: `Name of ${id}`, site: null, tags: [], about: {}, agent_version: null, interval_ms: 10_000 },
  ...{ carried_by: null, created_at: 0, watts: null, purchase_price: null, hosting_share: null },
  ...more,
});

/** Alerts with everything around them in the hand of the test: clock, devices, presence, values and store. */
export const createHarness = (given: ReadonlyMap<string, RuleDeclaration> = rules, more: Partial<AlertNeeds> = {}) => {
  const clock = createTestClock();
  const store = createHandStore();
  const devices = new Map<string, Device>();
  const states = new Map<string, Presence>();
  const values = new Map<string, Map<string, LiveValue>>();
  const events: LiveAlertEvent[] = [];
  const subjects = new Map<string, string>();
  let random = 0;
  let declared: (metric: string) => MetricDeclaration = undeclared;
  let alerts: Alerts;

  const make = () => {
    alerts = createAlerts(
      {
        ...{ writer: store.writer, clock, log: silentLog, rules: given },
        random: (bytes) => Uint8Array.from({ length: bytes }, () => random++ & 255),
        registry: { get: (id) => devices.get(id), all: () => devices.values(), declaration: (_id, metric) => declared(metric) },
        presence: { get: (id) => states.get(id) ?? NEVER_SEEN },
        ...{ latest: { of: (id) => [...(values.get(id)?.values() ?? [])] }, ...more },
      },
      store.recovered(),
    );
    alerts.event.on((event) => {
      events.push(structuredClone(event));
      subjects.set(event.alert.id, store.subject(event.alert.id) ?? subjects.get(event.alert.id) ?? '');
    });
  };
  make();

  return {
    clock,
    store,
    devices,
    events,
    get alerts() {
      return alerts;
    },
    start: () => alerts.start(store.reader),
    declare(of: typeof declared) {
      declared = of;
    },
    /** What of its device an alert is about, as its stored document says. */
    subjectOf: (id: string) => subjects.get(id) ?? '',
    device(id: string, more: Partial<Device> = {}) {
      devices.set(id, aDevice(id, more));
      alerts.deviceChanged(id);
    },
    presence(id: string, state: PresenceState, boot: string | null = null) {
      states.set(id, { state, since: clock.now(), last_seen: clock.now(), boot });
      alerts.presenceChanged({ device: id });
    },
    report(id: string, report: Record<string, number>) {
      const news = liveValues(report, clock.now());
      alerts.valuesUpdated({ device: id, values: withNews(values, id, news) });
    },
    /** Ends the process without a word and starts it again on what was committed; devices are `reconnecting`. */
    async restart(after_ms = 0) {
      alerts.stop();
      store.crash();
      clock.advance(after_ms);
      values.clear();
      for (const [id, state] of states) states.set(id, awaited(state));
      make();
      await alerts.start(store.reader);
    },
    /** `change` words of what was announced, and forgets them. */
    heard: () => events.splice(0).map(({ change, alert }) => `${change} ${alert.rule} ${alert.device}`),
  };
};

const liveValues = (report: Record<string, number>, ts: number): LiveValue[] =>
  Object.entries(report).flatMap(([series, value]) => {
    const key = parseSeriesKey(series);
    return key ? [{ metric: key.metric, labels: { ...key.labels }, value, ts }] : [];
  });

/** Whoever was there is expected back. */
const awaited = (presence: Presence): Presence =>
  presence.state === 'online' || presence.state === 'quiet' ? { ...presence, state: 'reconnecting' } : presence;

const NEVER_SEEN: Presence = { state: 'never_seen', since: 0, last_seen: null, boot: null };

const withNews = (values: Map<string, Map<string, LiveValue>>, id: string, news: readonly LiveValue[]): readonly LiveValue[] => {
  const known = values.get(id) ?? new Map<string, LiveValue>();
  for (const value of news) known.set(`${value.metric}${JSON.stringify(value.labels)}`, value);
  values.set(id, known);
  return news;
};
