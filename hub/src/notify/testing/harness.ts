/** Notices under a hand-moved clock: alerts by values, channels that note what they get, and a hub that can die at any moment. */
import { AppError, type ErrorCode } from '@muster/shared/errors';
import { silentLog } from '@muster/shared/log';
import { secret, url } from '@muster/shared/schema';
import { createTestClock } from '@muster/shared/testing/clock';
import type { LiveAlert, LiveAlertEvent, PresenceState } from '@muster/shared/wire/live';
import * as v from 'valibot';
import { createHandWriter } from '../../hand-writer.js';
import type { Device } from '../../parts.js';
import { createNotify, type Notify } from '../dispatcher.js';
import type { Place } from '../incidents.js';
import { defineNotifier, type Notice } from '../notifier.js';

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

  return { clock, writer, sent, devices, states, open, log, hubAlerts, audited, broken, shared };
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
const make = (world: World, random: (bytes: number) => Uint8Array): Notify => {
  const { writer, clock, open, log, hubAlerts, devices, states, audited, shared } = world;
  const placeOf = (id: string) => {
    const site = devices.get(id)?.site;
    return site ? { id: site, name: `Site ${site}`, site, devices: atSite(world, site) } : null;
  };
  return createNotify(
    {
      ...{ notifiers: new Map([['hook', hookOf(world)]]), writer, clock, log: silentLog, base: 'https://muster.example.org' },
      http: { request: async () => ({ status: 200, headers: {}, text: '' }) },
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
        hub: (subject, firing, why) => void hubAlerts.push(`${subject} ${firing} ${why}`),
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

export const createHarness = () => {
  const world = createWorld();
  const { clock, writer, open, log, sent } = world;
  let count = 0;
  const random = (bytes: number) => Uint8Array.from({ length: bytes }, () => count++ & 255);
  let notify = make(world, random);
  notify.prepare();

  /** Stored; `told` false: the hub dies before anyone hears of it. */
  const record = (change: LiveAlertEvent['change'], alert: LiveAlert, told = true) => {
    const numbered = { ...alert, event: log.length + 1 };
    if (numbered.state === 'resolved') open.delete(alert.id);
    else open.set(alert.id, numbered);
    const event: LiveAlertEvent = { number: log.length + 1, ts: clock.now(), change, by: 'hub', alert: numbered };
    log.push(event);
    if (told) notify.take(structuredClone(event));
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
      if (alert)
        record(
          alert.state === 'firing' ? 'resolved' : 'cancelled',
          { ...alert, state: 'resolved', resolved_at: clock.now() },
          told,
        );
    },
    mark(id: string, marks: Partial<LiveAlert>) {
      const alert = open.get(id);
      if (alert) record('acknowledged', { ...alert, ...marks });
    },
    /** Lets time pass in small steps, with room for promises between. */
    async pass(ms: number, step = 500) {
      await settle();
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(left, step));
        await settle();
      }
    },
    /** Dies without a word; what was not committed is lost. */
    async crash() {
      notify.stop();
      writer.queued.splice(0);
      notify = make(world, random);
      notify.prepare();
      await notify.start();
      await settle();
    },
    /** `to: title` of what was sent, and forgets it. */
    heard: () => sent.splice(0).map(({ to, title }) => `${to}: ${title}`),
  };
};
export type Harness = ReturnType<typeof createHarness>;
