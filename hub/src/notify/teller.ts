/** Decides which alert becomes a notice to whom; what was told is remembered, so that each is told once. */
import type { LiveAlert } from '@muster/shared/wire/live';
import type { NoticeRoute } from '../parts.js';
import type { Channels } from './channels.js';
import type { Incidents } from './incidents.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import { againText, isFlapping, type Memo, type Memos, memoKey, type Told, threadOf } from './memos.js';
import type { Mutes } from './mutes.js';
import type { Item, NoticeKind, Outbox } from './outbox.js';
import { DEFAULT_ROUTES, isQuiet, type RouteContext, routesFor } from './routes.js';

export interface TellerNeeds {
  channels: Pick<Channels, 'all' | 'get'>;
  outbox: Outbox;
  memos: Memos;
  incidents: Incidents;
  mutes: Mutes;
  alert(id: string): LiveAlert | undefined;
  routes(): readonly NoticeRoute[];
  context(): RouteContext;
  /** Since when it has been bad without a pause; null: it is well, or that is not known. */
  badSince(alert: LiveAlert): number | null;
  /** Where a device is, as people call it; '' when unknown. */
  placeName(device: string): string;
}

export interface Teller {
  fired(alert: LiveAlert): void;
  ended(alert: LiveAlert): void;
  /** An alert that fires still: what was held back may be due, or a repetition. */
  consider(memo: Memo, alert: LiveAlert): void;
  /** Incidents whose last few devices stay away: those are alerts of their own from now on. */
  settle(): void;
}

export const createTeller = (needs: TellerNeeds): Teller => {
  const { memos, incidents, mutes, outbox } = needs;
  return {
    fired(alert) {
      if (mutes.isAway(alert)) {
        incidents.gather(alert);
        resume(needs, incidents.of(alert.device));
      }
      const before = memos.by(memoKey(alert));
      const memo = memos.fire(alert);
      // Known already: it has grown worse, and more routes may ask for it.
      if (!memo) return before?.alert === alert.id ? announce(needs, before, alert) : undefined;
      if (before && outbox.withdraw(({ group }) => group === settlingGroup(memo))) {
        // Its end was not told yet: for everyone outside it goes on.
        Object.assign(memo, { told: before.told, settled: true });
        memos.save(memo);
      }
      if (!memo.settled) announce(needs, memo, alert);
    },
    ended(alert) {
      const back = mutes.isAway(alert) ? incidents.leave(alert.device) : null;
      const memo = memos.end(alert.id, needs.context().now);
      if (memo && memo.incident === null) tellEnd(needs, memo, alert);
      if (back?.over) tellIncidentEnd(needs, back.incident, { alert, flapping: memo !== null && isFlapping(memo) });
    },
    consider(memo, alert) {
      if (memo.settled) remind(needs, memo, alert);
      else announce(needs, memo, alert);
    },
    settle() {
      for (const { incident, gone } of incidents.settle()) {
        const rest = [...memos.firing()].filter((memo) => memo.incident === incident);
        for (const memo of rest) {
          memo.incident = null;
          memos.save(memo);
        }
        // Of one that is silenced nothing was told, but it speaks for the rest all the same.
        const firing = [...rest, ...memos.firing()].map(({ alert }) => needs.alert(alert ?? ''));
        const alert = firing.find((one) => one && gone.includes(one.device) && mutes.isAway(one));
        if (alert) tellIncidentEnd(needs, incident, { alert, flapping: false });
      }
    },
  };
};

const [GONE_ROUTE] = DEFAULT_ROUTES as [NoticeRoute];

const settlingGroup = ({ key }: Pick<Memo, 'key'>): string => `settling\n${key}`;

/** At most one notice an hour of what flaps, but an outage that stands is told. */
const isHeldBack = ({ badSince, context }: TellerNeeds, memo: Memo, alert: LiveAlert): boolean => {
  const { now } = context();
  if (!isFlapping(memo) || memo.noticed === null || now - memo.noticed >= L.flap_notice_ms) return false;
  const since = badSince(alert);
  return since === null || now - since < L.flap_stands_ms;
};

/** The end of the incident before it at this place was not told yet: for everyone outside it goes on. */
const resume = ({ incidents, outbox }: TellerNeeds, id: string | null): void => {
  if (id === null || incidents.toldOf(id)) return;
  const group = settlingGroup({ key: incidents.placeOf(id) });
  let before: string | null = null;
  const isOfPlace = (item: Item) => {
    if (item.group !== group) return false;
    before = item.incident;
    return true;
  };
  const told = outbox.withdraw(isOfPlace) && before !== null ? incidents.toldOf(before) : null;
  if (told) incidents.told(id, structuredClone(told));
};

const announce = (needs: TellerNeeds, memo: Memo, alert: LiveAlert): void => {
  const { mutes, incidents, memos } = needs;
  const context = needs.context();
  if (mutes.why(alert) !== null) return;
  if (isHeldBack(needs, memo, alert)) return;
  const incident = mutes.isAway(alert) ? incidents.of(alert.device) : null;
  memo.incident = incident;
  // What is told of an incident stands for each of its devices, but not for routes that are for some of them alone.
  const shared = (incident === null ? null : incidents.toldOf(incident)) ?? [];
  const joined = shared.filter(({ route }) => !memo.told.some((told) => told.route === route));
  memo.told.push(...structuredClone(joined));
  if (incident !== null && joined.length > 0 && incidents.grew(incident)) tellGrowth(needs, { memo, alert }, joined);
  const matching = routesFor(needs.routes(), alert, context);
  const isNews = ({ id }: NoticeRoute) => !memo.told.some((told) => told.route === id);
  const news = matching.filter((route) => isNews(route) && !isQuiet(route, alert, context) && hasEars(needs, route, alert));
  for (const route of news) memo.told.push(tellFiring(needs, { memo, alert, route }));
  const isTold = matching.every((route) => memo.told.some((told) => told.route === route.id));
  memo.settled = isTold && matching.length + shared.length > 0;
  if (news.length + joined.length === 0) return;
  memo.noticed = context.now;
  if (incident !== null && news.length > 0) incidents.told(incident, structuredClone(memo.told));
  memos.save(memo);
};

/** Else the one notice would still name three devices while hundreds followed one by one. */
const tellGrowth = (needs: TellerNeeds, { memo, alert }: Omit<Telling, 'route'>, told: readonly Told[]): void => {
  memo.tells++;
  for (const one of told)
    for (const notifier of targetsOf(needs, one.notifiers, alert))
      add(needs, { memo, alert, route: routeOf(needs, one) }, { kind: 'firing', notifier, thread: threadOf(one, notifier) });
};

/** Before the first channel is set up nobody can be told: it is told once somebody can, unless the route names nobody on purpose. */
const hasEars = (needs: TellerNeeds, { notifiers }: NoticeRoute, alert: LiveAlert): boolean =>
  notifiers?.length === 0 || targetsOf(needs, notifiers, alert).length > 0;

interface Telling {
  memo: Memo;
  alert: LiveAlert;
  route: NoticeRoute;
}

const tellFiring = (needs: TellerNeeds, telling: Telling): Told => {
  const { memo, alert, route } = telling;
  const { now } = needs.context();
  const heard = new Set(memo.told.flatMap((told) => told.notifiers));
  const notifiers = targetsOf(needs, route.notifiers, alert).filter((id) => !heard.has(id));
  memo.tells++;
  const threads = notifiers.map((notifier) => [notifier, add(needs, telling, { kind: 'firing', notifier })] as const);
  const thread = threads[0]?.[1] ?? memo.incident ?? alert.id;
  const others = threads.filter(([, one]) => one !== thread);
  const own = others.length > 0 && { threads: Object.fromEntries(others) };
  return { route: route.id, notifiers, thread, first: now, at: now, escalated: false, ...own };
};

/** Those that can be told of it: a channel that fails does not hear so by itself. */
const targetsOf = ({ channels }: TellerNeeds, wanted: readonly string[] | null, alert: LiveAlert): string[] => {
  const ids = wanted ?? [...channels.all()].map(({ record }) => record.id);
  const own = alert.rule === 'hub' ? alert.subject : undefined;
  return [...new Set(ids)].filter((id) => channels.get(id)?.record.enabled && own !== `notifier:${id}`);
};

interface Adding {
  kind: NoticeKind;
  notifier: string;
  thread?: string;
  group?: string;
  delay_ms?: number;
  /** Begins the id of the notice; else the alert's does. */
  name?: string;
}

/** Answers the thread of the notice that tells of it. */
const add = (needs: TellerNeeds, { memo, alert, route }: Telling, adding: Adding): string => {
  // The end waits as long as the beginning did: else it is told first of what ends within that second.
  const { kind, notifier, delay_ms = kind === 'firing' || kind === 'resolved' ? route.wait_ms : 0 } = adding;
  const { id, device, device_name, title, why, severity, event } = alert;
  const at = (kind === 'resolved' ? alert.resolved_at : alert.fired_at) ?? needs.context().now;
  const group = adding.group ?? `${route.id}\n${memo.incident ?? groupOf(needs, route, alert)}`;
  const item = needs.outbox.add({
    ...{ id: `${adding.name ?? id}-${kind}-${memo.tells}-${notifier}`, notifier, kind, group, severity, event },
    ...{ incident: memo.incident, thread: adding.thread ?? memo.incident ?? id },
    place: route.group_by === 'site' ? needs.placeName(device) : '',
    not_before: needs.context().now + delay_ms,
    line: {
      alert: id,
      device,
      device_name,
      title,
      why,
      at,
      memo: memo.key,
      again: kind === 'resolved' ? undefined : againText(memo),
    },
  });
  return item.thread;
};

const groupOf = (needs: TellerNeeds, { group_by }: NoticeRoute, { id, rule, device }: LiveAlert): string => {
  if (group_by === 'none') return `alert\n${id}`;
  return group_by === 'rule' ? `rule\n${rule}` : `place\n${needs.placeName(device)}`;
};

/** Repetition and escalation of what nobody takes. */
const remind = (needs: TellerNeeds, memo: Memo, alert: LiveAlert): void => {
  if (alert.acknowledged !== null) return;
  const context = needs.context();
  for (const told of memo.told) {
    const route = needs.routes().find(({ id }) => id === told.route);
    if (!route) continue;
    const late = route.escalate !== null && !told.escalated && context.now - told.first >= route.escalate.after_ms;
    const again = route.repeat_ms !== null && context.now - told.at >= route.repeat_ms;
    if ((!late && !again) || isQuiet(route, alert, context) || needs.mutes.why(alert) !== null) continue;
    memo.tells++;
    if (late) {
      const to = targetsOf(needs, route.escalate?.notifiers ?? [], alert);
      for (const notifier of to) add(needs, { memo, alert, route }, { kind: 'escalation', notifier, thread: told.thread });
      Object.assign(told, { escalated: true, notifiers: [...new Set([...told.notifiers, ...to])] });
    }
    if (again) {
      const to = targetsOf(needs, told.notifiers, alert);
      for (const notifier of to)
        add(needs, { memo, alert, route }, { kind: 'still', notifier, thread: threadOf(told, notifier) });
      told.at = context.now;
      memo.noticed = context.now;
    }
    if (memo.incident !== null) shareWith(needs.incidents, memo.incident, told);
    needs.memos.save(memo);
  }
};

/** Whoever was told later hears the end of the incident as well. */
const shareWith = (incidents: Incidents, id: string, { route, notifiers, at, escalated }: Told): void => {
  const shared = incidents.toldOf(id);
  if (!shared) return;
  const changed = { notifiers: [...notifiers], at, escalated };
  incidents.told(
    id,
    shared.map((one) => (one.route === route ? { ...one, ...changed } : one)),
  );
};

/** Whoever heard through a route that was removed or renamed meanwhile still hears the end. */
const routeOf = (needs: TellerNeeds, { route }: Told): NoticeRoute =>
  needs.routes().find(({ id }) => id === route) ?? { ...GONE_ROUTE, id: route };

/** To whoever heard that it fires. What flaps is over once it stayed so for a while. */
const tellEnd = (needs: TellerNeeds, memo: Memo, alert: LiveAlert): void => {
  const flapping = isFlapping(memo);
  // One that a route escalated to may have heard through another route as well.
  const heard = new Set<string>();
  for (const told of memo.told) {
    const route = routeOf(needs, told);
    if (!route.resolved) continue;
    // Services that keep incidents close one by its thread: only the last alert of a notice does that.
    for (const notifier of targetsOf(needs, told.notifiers, alert).filter((id) => heard.size < heard.add(id).size)) {
      const root = threadOf(told, notifier);
      const thread = needs.memos.isOpen(root, notifier) ? `${root}/${alert.id}` : root;
      const company = { group: `${route.id}\nend\n${root}` };
      const held = flapping ? { group: settlingGroup(memo), delay_ms: L.flap_back_ms } : company;
      add(needs, { memo, alert, route }, { kind: 'resolved', notifier, thread, ...held });
    }
  }
};

interface Ending {
  alert: LiveAlert;
  flapping: boolean;
}

const tellIncidentEnd = (needs: TellerNeeds, incident: string, { alert, flapping }: Ending): void => {
  const place = settlingGroup({ key: needs.incidents.placeOf(incident) });
  const held = flapping && { group: place, delay_ms: L.flap_back_ms };
  const heard = new Set<string>();
  for (const told of needs.incidents.toldOf(incident) ?? []) {
    const route = routeOf(needs, told);
    if (!route.resolved) continue;
    const memo = { key: incident, incident, tells: 0 } as Memo;
    for (const notifier of targetsOf(needs, told.notifiers, alert).filter((id) => heard.size < heard.add(id).size))
      add(needs, { memo, alert, route }, { kind: 'resolved', notifier, thread: told.thread, name: incident, ...held });
  }
};
