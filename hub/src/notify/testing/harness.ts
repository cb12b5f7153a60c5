/** Notices under a hand-moved clock: alerts by values, channels that note what they get, and a hub that can die at any moment. */
import { AppError, type ErrorCode } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import { type Log, silentLog } from '@muster/shared/log';
import { secret, url } from '@muster/shared/schema';
import { createTestClock } from '@muster/shared/testing/clock';
import type { LiveAlert, LiveAlertEvent, PresenceState } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { createHandWriter } from '../../hand-writer.js';
import type { Device } from '../../parts.js';
import { createNotify, type Notify } from '../dispatcher.js';
import type { Place } from '../incidents.js';
import { defineNotifier, type Notice, type NotifierDeclaration } from '../notifier.js';

const RULES = ['offline', 'threshold'].map((id) => ({
  ...{ id, rule: id, title: id, enabled: true, severity: 'critical' as const },
  ...{ scope: { all: true as const }, config: {} },
}));

export interface Sent extends Notice {
  to: string;
}

/** Turns of the loop that whatever is under way takes at most. */
const settle = async () => {
  for (let turn = 0; turn < 40; turn++) await Promise.resolve();
};

/** What is around the notices; it outlives them. */
const createWorld = () => {
  const clock = createTestClock();
  const writer = createHandWriter();
  const sent: Sent[] = [];
  const devices = new Map<string, Partial<Device>>();
  const states = new Map<string, PresenceState>();
  const open = new Map<string, LiveAlert>();
  const log: LiveAlertEvent[] = [];
  const hubAlerts: string[] = [];
  const audited: unknown[] = [];
  /** By channel address: what it answers instead of taking a notice. */
  const broken = new Map<string, { code: ErrorCode; retry_after_ms?: number } | 'hangs'>();

  /** All that a device shares with others, where it is more than its site. */
  const shared = new Map<string, Place[]>();
  /** Marks an alert; the harness gives it. */
  const mark: (id: string, marks: Partial<LiveAlert>, by?: string) => void = () => {};
  return { clock, writer, sent, devices, states, open, log, hubAlerts, audited, broken, shared, mark };
};
type World = ReturnType<typeof createWorld>;

const hookOf = ({ broken, sent }: World) =>
  defineNotifier({
    id: 'hook',
    title: 'Hook',
    docs: 'https://example.org',
    config: v.object({ url: url(), key: v.optional(secret()) }),
    async send({ config, notice }) {
      const to = new URL(config.url).hostname;
      const answer = broken.get(to);
      if (answer === 'hangs') return new Promise<never>(() => {});
      if (answer) throw new AppError(answer.code, `${to} says no to ${config.key ?? 'nobody'}`, { ...answer });
      sent.push({ ...structuredClone(notice), to });
    },
  });
/** What a test brings of its own; else nothing leaves the process. */
export interface HarnessOptions {
  /** Beside `hook`. */
  notifiers?: ReadonlyMap<string, NotifierDeclaration>;
  http?: Http;
  log?: Log;
  base?: string | null;
  allowsPush?: (endpoint: URL) => boolean;
  hasUser?: (name: string) => boolean;
  /** Since when an alert has been bad without a pause. */
  badSince?: (id: string) => number | null;
  /** What the hub says of itself becomes alerts. */
  raise?: (subject: string, firing: boolean, why: string) => void;
}

const quiet: Http = { request: async () => ({ status: 200, headers: {}, text: '' }) };

const make = (world: World, random: (bytes: number) => Uint8Array, options: HarnessOptions): Notify => {
  const { notifiers = new Map(), http = quiet, log: lines = silentLog, base = 'https://muster.example.org' } = options;
  const { writer, clock, open, log, hubAlerts, devices, states, audited, shared } = world;
  const placeOf = (id: string) => {
    const site = devices.get(id)?.site;
    return site ? { id: site, name: `Site ${site}`, site, devices: atSite(world, site) } : null;
  };
  return createNotify(
    {
      ...{ notifiers: new Map([['hook', hookOf(world)], ...notifiers]), writer, clock, log: lines, base, http },
      ...{ allowsPush: options.allowsPush, hasUser: options.hasUser },
      random,
      chance: () => 1,
      alerts: {
        get: (id) => open.get(id),
        open: () => [...open.values()],
        events: async (after, limit) => log.filter(({ number }) => (number ?? 0) > after).slice(0, limit),
        get newest() {
          return log.length;
        },
        rules: () => RULES,
        badSince: options.badSince,
        async acknowledge(ids, by, comment) {
          for (const id of ids) world.mark(id, { acknowledged: { by, at: clock.now(), comment } }, by);
          return ids.flatMap((id) => open.get(id) ?? []);
        },
        hub(subject, firing, why) {
          hubAlerts.push(`${subject} ${firing} ${why}`);
          options.raise?.(subject, firing, why);
        },
      },
      device: (id) => ({ name: `Name of ${id}`, site: null, tags: [], carried_by: null, ...devices.get(id) }),
      presence: { get: (id) => ({ state: states.get(id) ?? 'online', since: 0, last_seen: 0, boot: null }) },
      earns: (id, network) => id === 'earner' && network === 'storj',
      placeOf,
      placesOf: (id) => shared.get(id) ?? [placeOf(id) ?? []].flat(),
      carried: (agent) => [...devices].flatMap(([id, { carried_by }]) => (carried_by === agent ? [id] : [])),
      stake: () => ({ currency: 'USD', fiat_per_hour: '0.50000000', tokens: [] }),
      audit: { note: async (...noted) => void audited.push(noted) },
    },
    { documents: writer.documents(), numbers: { alerts: log.length, audit: 0, quarantine: 0 } },
  );
};

const atSite = ({ devices }: World, site: string): number => [...devices.values()].filter((one) => one.site === site).length;

const alertOf = (
  clock: World['clock'],
  { id, device, ...more }: Partial<LiveAlert> & { id: string; device: string },
): LiveAlert => ({
  ...{ id, rule: 'offline', device, device_name: `Name of ${device}`, title: 'Device offline', why: `${device} is lost.` },
  ...{ severity: 'critical', state: 'pending', value: null, since: clock.now(), fired_at: null, resolved_at: null },
  ...{ acknowledged: null, event: 0 },
  ...more,
});

export const createHarness = (options: HarnessOptions = {}) => {
  const world = createWorld();
  const { clock, writer, open, log, sent } = world;
  let count = 0;
  const random = (bytes: number) => Uint8Array.from({ length: bytes }, () => count++ & 255);
  let notify = make(world, random, options);
  notify.prepare();

  /** Stored; `told` false: the hub dies before anyone hears of it. */
  const record = (change: LiveAlertEvent['change'], alert: LiveAlert, told = true, by = 'hub') => {
    const numbered = { ...alert, event: log.length + 1 };
    if (numbered.state === 'resolved') open.delete(alert.id);
    else open.set(alert.id, numbered);
    const event: LiveAlertEvent = { number: log.length + 1, ts: clock.now(), change, by, alert: numbered };
    log.push(event);
    if (told) notify.take(structuredClone(event));
  };
  world.mark = (id, marks, by) => {
    const alert = open.get(id);
    if (alert) record('acknowledged', { ...alert, ...marks }, true, by);
  };
  return {
    ...world,
    settle,
    get notify() {
      return notify;
    },
    async start(channels: readonly string[] = ['ada']) {
      await notify.start();
      for (const id of channels)
        await notify.putNotifier(id, { kind: 'hook', config: { url: `http://${id}`, key: 'hush-hush' } });
      await settle();
    },
    pending(id: string, device: string, more: Partial<LiveAlert> = {}) {
      record('pending', alertOf(clock, { id, device, ...more }));
    },
    fire(id: string, device: string, more: Partial<LiveAlert> = {}, told = true) {
      const alert = { ...(open.get(id) ?? alertOf(clock, { id, device })), ...more };
      record('firing', { ...alert, state: 'firing', fired_at: clock.now() }, told);
    },
    resolve(id: string, told = true) {
      const alert = open.get(id);
      const change = alert?.state === 'firing' ? 'resolved' : 'cancelled';
      if (alert) record(change, { ...alert, state: 'resolved', resolved_at: clock.now() }, told);
    },
    /** Lets time pass in small steps, with room for promises between. */
    async pass(ms: number, step = 500) {
      await settle();
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(left, step));
        await settle();
      }
    },
    until: (condition: () => unknown, what: string) => untilSo(clock, condition, what),
    /** Dies without a word; what was not committed is lost. */
    async crash() {
      notify.stop();
      writer.queued.splice(0);
      notify = make(world, random, options);
      notify.prepare();
      await notify.start();
      await settle();
    },
    /** `to: title` of what was sent, and forgets it. */
    heard: () => sent.splice(0).map(({ to, title }) => `${to}: ${title}`),
  };
};
/** Lets time pass until it is so; what is over real sockets takes its own time. */
const untilSo = async (clock: World['clock'], condition: () => unknown, what: string) => {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`it never came to this: ${what}`);
    clock.advance(250);
    await settle();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};
export type Harness = ReturnType<typeof createHarness>;
