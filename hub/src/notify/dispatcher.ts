/** From alert events to notices: who is told what, once, over restarts. */
import type { Clock } from '@muster/shared/clock';
import { AppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import { formatFiat, parseFiat } from '@muster/shared/money';
import { createSignal, type Signal } from '@muster/shared/signal';
import type { LiveAlert, LiveAlertEvent } from '@muster/shared/wire/live';
import type { AlertsDesk, AtStake, Audit, Device, NoticeRoute, NotifyDesk, PresenceKeeper, Stake } from '../parts.js';
import { keep } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import { createAnswers } from './answers.js';
import { createChannels, viewOfChannel } from './channels.js';
import { createHeartbeat } from './heartbeat.js';
import { createIncidents, type Place } from './incidents.js';
import { createKeptKey } from './keys.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import { createListeners } from './listeners.js';
import { createMemos } from './memos.js';
import { noticeOf, testNoticeOf, titleOf } from './message.js';
import { createMutes } from './mutes.js';
import type { NotifierDeclaration, NotifierWays } from './notifier.js';
import { createOutbox, memosOf } from './outbox.js';
import { createPapers } from './papers.js';
import { createPushes, isPushService, newPushKey } from './pushes.js';
import { checkRoutes, DEFAULT_ROUTES } from './routes.js';
import { createSender } from './sender.js';
import { silencedWindows } from './silence-windows.js';
import { createSilences, createSilenceWatch } from './silences.js';
import { createTeller } from './teller.js';
import { PLACEHOLDERS } from './template.js';
import { createLocalTimes } from './times.js';
import { createWatches } from './watches.js';

export interface NotifyNeeds {
  notifiers: ReadonlyMap<string, NotifierDeclaration>;
  writer: Writer;
  clock: Clock;
  log: Log;
  http: Http;
  ways?: Omit<NotifierWays, 'now'> | undefined;
  random: (bytes: number) => Uint8Array;
  /** 0..1 */
  chance: () => number;
  alerts: Pick<AlertsDesk, 'get' | 'open' | 'events' | 'newest' | 'rules'> & {
    hub(subject: string, firing: boolean, why: string): void;
    /** Since when it has been bad without a pause; missing: since it fired, unless it flaps. */
    badSince?: ((id: string) => number | null) | undefined;
    /** Missing: nothing can be acknowledged from a notice. */
    acknowledge?: AlertsDesk['acknowledge'] | undefined;
  };
  device(id: string): Pick<Device, 'name' | 'site' | 'tags' | 'carried_by'> | undefined;
  presence: Pick<PresenceKeeper, 'get'>;
  earns(device: string, network: string): boolean;
  placeOf(device: string): Place | null;
  /** All that it shares with others, the narrowest first; `placeOf` alone unless given. */
  placesOf?: ((device: string) => readonly Place[]) | undefined;
  /** Devices that an agent speaks for. */
  carried?: ((agent: string) => readonly string[]) | undefined;
  stake(device: string): Stake | null;
  /** Address of the dashboard for links. */
  base: string | null;
  audit: Audit;
  /** Whether a person still has an account; missing: all have. */
  hasUser?: ((name: string) => boolean) | undefined;
  /** Which addresses are push services; those with a public name unless said otherwise. */
  allowsPush?: ((endpoint: URL) => boolean) | undefined;
}

export interface Notify extends NotifyDesk {
  /** Before any event is stored: from then on none is missed. */
  prepare(): void;
  /** Takes up what was missed, and begins to send. */
  start(): Promise<void>;
  stop(): void;
  take(event: LiveAlertEvent): void;
  /** A silence or an incident began, ended or is another: whether alerts give notices may have changed. */
  muted: Signal<null>;
}

const STATE = 'notify';
const CURSOR = 'cursor';
const ROUTES = 'routes';
const TICK_MS = 1_000;
const TIDY_MS = 60_000;
const PAGE = 1_000;

export const createNotify = (needs: NotifyNeeds, recovered: Pick<Recovered, 'documents' | 'numbers'>): Notify => {
  const made = assemble(needs, recovered);
  const { channels, silences, incidents, sender, heartbeat, mutes, answers, pushes, watches } = made;
  const intake = createIntake(needs, made, recovered);
  let undo: (() => void)[] = [];
  return {
    ...createChannelDesk(needs, made),
    ...made.routing,
    silences: silences.all,
    addSilence: silences.add,
    deleteSilence: silences.delete,
    incidents: incidents.all,
    heartbeat: heartbeat.view,
    setHeartbeat: heartbeat.set,
    silenced: mutes.why,
    windows: (from, to) => silencedWindows(made.silences.everything(), { from, to, local: made.local }),
    muted: made.muted,
    ...{ asked: answers.asked, answered: answers.answered, push: pushes, watches },
    prepare: intake.prepare,
    take: intake.take,
    async start() {
      await intake.start();
      sender.start();
      for (const [id, why] of channels.unusable)
        needs.alerts.hub(`notifier:${id}`, true, `The notifier ${id} cannot be used; set it anew: ${why}`);
      undo = [
        needs.clock.every(TICK_MS, intake.tick),
        needs.clock.every(TICK_MS, made.watchSilences),
        needs.clock.every(TIDY_MS, made.tidy),
      ];
    },
    stop() {
      for (const end of undo.splice(0)) end();
      made.listeners.stop();
      sender.stop();
      channels.stop();
    },
  };
};

/** The channels as people see and change them. */
const createChannelDesk = (needs: NotifyNeeds, { channels, outbox, sender, pushes }: Made) => {
  const view = (id: string) => {
    const channel = channels.get(id);
    if (!channel) return undefined;
    const { clock } = needs;
    const next_at = channel.next > clock.monotonic() ? Math.round(clock.now() + channel.next - clock.monotonic()) : null;
    return viewOfChannel(channel, { waiting: outbox.count(id), next_at });
  };
  return {
    placeholders: () => Object.entries(PLACEHOLDERS).map(([name, help]) => ({ name, help })),
    kinds: () => [...needs.notifiers.values()].map(({ id, title, docs, config }) => ({ id, title, docs, config })),
    notifiers: () => [...channels.all()].flatMap(({ record }) => view(record.id) ?? []),
    notifier: view,
    async putNotifier(id, setting) {
      const failed = channels.unusable.has(id) || (channels.get(id)?.failures ?? 0) > 0;
      await channels.put(id, setting);
      if (failed) needs.alerts.hub(`notifier:${id}`, false, `The notifier ${id} was set anew.`);
      sender.look();
      const put = view(id);
      if (!put) throw new AppError('not_found', `The notifier "${id}" was removed meanwhile`);
      return put;
    },
    async deleteNotifier(id) {
      const gone = await channels.delete(id);
      outbox.removeOf(id);
      if (gone) needs.alerts.hub(`notifier:${id}`, false, `The notifier ${id} was removed.`);
      return gone;
    },
    async test(id) {
      const channel = channels.get(id);
      if (!channel) throw new AppError('not_found', `There is no notifier "${id}"`, { path: 'id' });
      if (channel.declaration.id === PUSH_KIND && pushes.size === 0)
        throw new AppError('conflict', 'No browser asks for notices yet: switch them on in the dashboard of one');
      await sender.send(channel, testNoticeOf(testOf(needs), channel.templates));
    },
  } satisfies Partial<Notify>;
};

const testOf = ({ clock, random, base, alerts }: NotifyNeeds) => ({
  idempotency_key: `test-${Buffer.from(random(8)).toString('hex')}`,
  link: base,
  event: alerts.newest,
  ts: clock.now(),
});

const assemble = (needs: NotifyNeeds, { documents }: Pick<Recovered, 'documents'>) => {
  const { writer, clock, log, http, alerts, device, presence, earns, placeOf } = needs;
  const now = () => clock.now();
  const local = createLocalTimes();
  const newId = () => Buffer.from(needs.random(8)).toString('hex');
  const papers = createPapers(writer);
  const outbox = createOutbox({ papers, now }, documents);
  const channels = createChannels(needs, documents);
  const memos = createMemos(papers, documents);
  const silences = createSilences({ writer, now, local, newId, device, earns }, documents);
  const muted = createSignal<null>();
  const carriedAway = createCarriedAway(needs);
  const stake = (devices: readonly string[]) => sumOf([...devices, ...carriedAway(devices)], needs.stake);
  const placesOf = needs.placesOf ?? ((id: string) => [placeOf(id) ?? []].flat());
  const incidents = createIncidents({ papers, now, newId, placesOf, stake, changed: () => muted.emit(null) }, documents);
  const mutes = createMutes({ silences, now, device, presence, alerts, awayAround: incidents.awayAround });
  const carried = (devices: readonly string[]) => carriedAway(devices).map((id) => device(id)?.name ?? id);
  const routing = createRouting(needs, channels.has, documents);
  const context = () => ({ now: now(), local, device, earns });
  const placeName = (id: string) => placeOf(id)?.name ?? '';
  const telling = { channels, outbox, memos, incidents, mutes, context, placeName };
  const badSince = ({ id, flapping, fired_at }: LiveAlert) =>
    alerts.badSince?.(id) ?? (flapping || alerts.badSince ? null : fired_at);
  const teller = createTeller({ ...telling, routes: routing.routes, alert: alerts.get, badSince });
  const kept = { papers, documents };
  const answers = createAnswers({
    ...{ key: keptBytes(kept, needs.random), now, base: needs.base, memos, alert: alerts.get, audit: needs.audit },
    acknowledge: alerts.acknowledge,
  });
  const pushes = createPushes(
    {
      ...{ writer, now, key: createKeptKey(kept, 'push_key', newPushKey), hasUser: needs.hasUser },
      ...{ allows: needs.allowsPush ?? isPushService, first: () => ensurePush(channels) },
      stored: papers.stored,
    },
    documents,
  );
  const sender = createPost(needs, { channels, outbox, papers, incidents, memos, answers, pushes, stake, carried });
  const heartbeat = createHeartbeat({ clock, http, writer }, documents);
  const watches = createWatches(
    {
      ...{ clock, http, writer, newId, newToken: () => Buffer.from(needs.random(32)).toString('base64url') },
      alarm: (watch, firing, why) => alerts.hub(`watch:${watch}`, firing, why),
    },
    documents,
  );
  const listeners = createListeners({ channels, clock, http, log, pressed: answers.pressed });
  const tidy = () => {
    silences.tidy();
    memos.tidy(now());
    pushes.tidy();
  };
  const watchSilences = createSilenceWatch(silences, () => muted.emit(null));
  const ticks = [heartbeat, watches, listeners];
  const desks = { answers, pushes, watches, listeners, ticks, local, muted, watchSilences };
  return { papers, outbox, channels, memos, silences, incidents, mutes, routing, teller, sender, heartbeat, tidy, ...desks };
};

interface PostNeeds {
  channels: ReturnType<typeof createChannels>;
  outbox: ReturnType<typeof createOutbox>;
  papers: ReturnType<typeof createPapers>;
  incidents: ReturnType<typeof createIncidents>;
  memos: ReturnType<typeof createMemos>;
  answers: ReturnType<typeof createAnswers>;
  pushes: ReturnType<typeof createPushes>;
  stake(devices: readonly string[]): AtStake | null;
  carried(devices: readonly string[]): readonly string[];
}

/** What leaves the hub: each item in words, and what becomes of it. */
const createPost = (
  needs: NotifyNeeds,
  { channels, outbox, papers, incidents, memos, answers, pushes, stake, carried }: PostNeeds,
) => {
  const { clock, http, log, alerts } = needs;
  /** A store that is full refuses the alert; the notice was delivered, or is given up, all the same. */
  const raise = (id: string, firing: boolean, why: string) => {
    try {
      alerts.hub(`notifier:${id}`, firing, why);
    } catch (error) {
      log.error('An alert about a notifier could not be kept', { notifier: id, why, error });
    }
  };
  return createSender({
    ...{ channels, outbox, papers, clock, http, log, random: needs.chance },
    ways: () => ({ ...needs.ways, push: pushes.way() }),
    gone: (_channel, ids) => pushes.gone(ids),
    render: (item, { record: { id, per_minute, acknowledge }, templates }) =>
      noticeOf(item, {
        ...{ base: needs.base, now: clock.now(), stake, incident: incidents.get, per_minute, templates, carried },
        answers: (thread) => (acknowledge === false ? {} : answers.offer(thread, id)),
      }),
    titleOf: (item) => titleOf(item, item.incident === null ? undefined : incidents.get(item.incident)),
    taken(item) {
      for (const key of memosOf(item)) memos.taken(key, clock.now());
    },
    failing({ record: { id } }, why) {
      const firing = why !== null;
      raise(id, firing, firing ? `The notifier ${id} fails: ${why}` : `The notifier ${id} works again.`);
    },
    gaveUp({ record: { id } }, { notice, event }, why) {
      raise(id, true, `The notifier ${id} did not take a notice: ${why}`);
      const detail = { title: notice?.title ?? '', event, why };
      needs.audit.note('hub', 'notice given up', id, detail).catch(() => {});
    },
  });
};

/** Of links and buttons in notices. */
const keptBytes = (kept: Parameters<typeof createKeptKey>[0], random: NotifyNeeds['random']): (() => Uint8Array) => {
  const key = createKeptKey(kept, 'answer_key', () => Buffer.from(random(32)).toString('base64url'));
  return () => Buffer.from(key(), 'base64url');
};

const PUSH_KIND = 'web_push';

/** The channel that brings notices to browsers comes with the first of them; an admin may change or remove it like every other. */
const ensurePush = async (channels: ReturnType<typeof createChannels>): Promise<void> => {
  if ([...channels.all()].some(({ declaration }) => declaration.id === PUSH_KIND)) return;
  await channels.put(channels.has('web-push') ? 'browsers' : 'web-push', { kind: PUSH_KIND, config: {} });
};

type Made = ReturnType<typeof assemble>;

/** What is away along with its agents: their notice speaks for it. */
const createCarriedAway =
  ({ carried = () => [], presence }: Pick<NotifyNeeds, 'carried' | 'presence'>) =>
  (devices: readonly string[]): string[] => {
    const named = new Set(devices);
    const isAway = (id: string) => !['online', 'quiet'].includes(presence.get(id).state);
    return devices.filter(isAway).flatMap((id) => carried(id).filter((one) => !named.has(one)));
  };

const sumOf = (devices: readonly string[], stake: (device: string) => Stake | null): AtStake | null => {
  let sum = 0n;
  let currency: string | null = null;
  for (const device of devices.slice(0, L.priced)) {
    const one = device === '' ? null : stake(device);
    if (!one || one.fiat_per_hour === null) continue;
    sum += parseFiat(one.fiat_per_hour);
    currency = one.currency;
  }
  return currency === null || sum === 0n ? null : { currency, fiat: formatFiat(sum) };
};

const createRouting = ({ writer }: NotifyNeeds, exists: (id: string) => boolean, documents: Recovered['documents']) => {
  const found = documents.find(({ collection, key }) => collection === STATE && key === ROUTES);
  let routes: NoticeRoute[] = found ? (found.value as unknown as NoticeRoute[]) : DEFAULT_ROUTES;
  return {
    routes: () => routes,
    async setRoutes(given: unknown): Promise<NoticeRoute[]> {
      const next = checkRoutes(given, routes, exists);
      await keep(writer, 100_000, () => {
        routes = next;
        return [{ kind: 'document', collection: STATE, key: ROUTES, value: next as unknown as Json }];
      });
      return next;
    },
  };
};

/** Events in their order, each once: the number of the newest is stored in the commit that holds what follows from it. */
const createIntake = (needs: NotifyNeeds, made: Made, { documents, numbers }: Pick<Recovered, 'documents' | 'numbers'>) => {
  const { alerts, log } = needs;
  const { papers, memos, incidents, mutes, teller, sender, ticks } = made;
  const found = documents.find(({ collection, key }) => collection === STATE && key === CURSOR);
  let cursor = typeof found?.value === 'number' ? found.value : numbers.alerts;
  let waiting: LiveAlertEvent[] | null = [];

  const digest = ({ number, change, alert }: LiveAlertEvent) => {
    if (number !== null && number <= cursor) return;
    if (change === 'pending' && mutes.isAway(alert)) incidents.gather(alert);
    if (change === 'firing') teller.fired(alert);
    if (change === 'resolved' || change === 'cancelled') teller.ended(alert);
    if (number === null) return;
    cursor = number;
    papers.put(STATE, CURSOR, () => cursor);
  };
  const catchUp = async () => {
    // A hub that was set up anew or restored counts from a lower number.
    if (cursor > alerts.newest) cursor = alerts.newest;
    for (let more = true; more; ) {
      const page = await alerts.events(cursor, PAGE);
      for (const event of page) digest(event);
      more = page.length >= PAGE;
    }
  };
  /** Alerts whose end is no longer in the log. */
  const reconcile = () => {
    const open = new Set(alerts.open().map(({ id }) => id));
    for (const { alert } of [...memos.firing()])
      if (alert !== null && !open.has(alert) && !alerts.get(alert)) memos.end(alert, needs.clock.now());
    for (const alert of alerts.open()) if (mutes.isAway(alert)) incidents.gather(alert);
  };
  return {
    prepare: () => papers.put(STATE, CURSOR, () => cursor),
    take(event: LiveAlertEvent) {
      if (waiting) return void waiting.push(event);
      digest(event);
      sender.look();
    },
    async start() {
      await catchUp();
      reconcile();
      const late = waiting ?? [];
      waiting = null;
      for (const event of late) digest(event);
    },
    tick() {
      papers.tick();
      try {
        for (const memo of [...memos.firing()]) {
          const alert = memo.alert === null ? undefined : alerts.get(memo.alert);
          if (alert?.state === 'firing') teller.consider(memo, alert);
        }
        teller.settle();
      } catch (error) {
        log.error('Notices could not be decided on; it is tried again', { error });
      }
      sender.look();
      for (const one of ticks) one.tick();
    },
  };
};
