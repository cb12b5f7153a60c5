/** Decides which alert becomes a notice to whom; what was told is remembered, so that each is told once. */
import type { LiveAlert } from '@muster/shared/wire/live';
import type { NoticeRoute } from '../parts.js';
import type { Channels } from './channels.js';
import type { Incidents } from './incidents.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import { isFlapping, type Memo, type Memos, memoKey, type Told } from './memos.js';
import type { Mutes } from './mutes.js';
import type { NoticeKind, Outbox } from './outbox.js';
import { isQuiet, type RouteContext, routesFor } from './routes.js';

export interface TellerNeeds {
  channels: Pick<Channels, 'all' | 'get'>;
  outbox: Outbox;
  memos: Memos;
  incidents: Incidents;
  mutes: Mutes;
  alert(id: string): LiveAlert | undefined;
  routes(): readonly NoticeRoute[];
  context(): RouteContext;
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
      if (mutes.isAway(alert)) incidents.gather(alert);
      const before = memos.by(memoKey(alert));
      const memo = memos.fire(alert);
      if (!memo) return;
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
      if (back?.over) tellIncidentEnd(needs, back.incident, alert);
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
        const alert = rest.map((memo) => needs.alert(memo.alert ?? '')).find((one) => one && gone.includes(one.device));
        if (alert) tellIncidentEnd(needs, incident, alert);
      }
    },
  };
};

const settlingGroup = ({ key }: Memo): string => `settling\n${key}`;

const announce = (needs: TellerNeeds, memo: Memo, alert: LiveAlert): void => {
  const { mutes, incidents, memos } = needs;
  const context = needs.context();
  if (mutes.why(alert) !== null) return;
  if (isFlapping(memo) && memo.noticed !== null && context.now - memo.noticed < L.flap_notice_ms) return;
  const incident = mutes.isAway(alert) ? incidents.of(alert.device) : null;
  const known = incident === null ? null : incidents.toldOf(incident);
  memo.incident = incident;
  if (known) {
    Object.assign(memo, { told: structuredClone(known), settled: true });
    memos.save(memo);
    return;
  }
  const matching = routesFor(needs.routes(), alert, context);
  const news = matching.filter((route) => !isQuiet(route, alert, context) && !memo.told.some((told) => told.route === route.id));
  for (const route of news) memo.told.push(tellFiring(needs, { memo, alert, route }));
  memo.settled = matching.length > 0 && matching.every((route) => memo.told.some((told) => told.route === route.id));
  if (news.length === 0) return;
  memo.noticed = context.now;
  if (incident !== null) incidents.told(incident, structuredClone(memo.told));
  memos.save(memo);
};

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
  const threads = notifiers.map((notifier) => add(needs, telling, { kind: 'firing', notifier }));
  const thread = threads[0] ?? memo.incident ?? alert.id;
  return { route: route.id, notifiers, thread, first: now, at: now, escalated: false };
};

/** Those that can be told of it: a channel that fails does not hear so by itself. */
const targetsOf = ({ channels }: TellerNeeds, wanted: readonly string[] | null, alert: LiveAlert): string[] => {
  const ids = wanted ?? [...channels.all()].map(({ record }) => record.id);
  const own = alert.rule === 'hub' ? alert.subject : undefined;
  return ids.filter((id) => channels.get(id)?.record.enabled && own !== `notifier:${id}`);
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
  const { kind, notifier, delay_ms = kind === 'firing' ? route.wait_ms : 0 } = adding;
  const { id, device, device_name, title, why, severity, event } = alert;
  const at = (kind === 'resolved' ? alert.resolved_at : alert.fired_at) ?? needs.context().now;
  const group = adding.group ?? `${route.id}\n${memo.incident ?? groupOf(needs, route, alert)}`;
  const item = needs.outbox.add({
    ...{ id: `${adding.name ?? id}-${kind}-${memo.tells}-${notifier}`, notifier, kind, group, severity, event },
    ...{ incident: memo.incident, thread: adding.thread ?? memo.incident ?? id },
    place: route.group_by === 'site' ? needs.placeName(device) : '',
    not_before: needs.context().now + delay_ms,
    line: { alert: id, device, device_name, title, why, at, memo: memo.key },
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
      for (const notifier of to) add(needs, { memo, alert, route }, { kind: 'still', notifier, thread: told.thread });
      told.at = context.now;
      memo.noticed = context.now;
    }
    needs.memos.save(memo);
  }
};

/** To whoever heard that it fires. What flaps is over once it stayed so for a while. */
const tellEnd = (needs: TellerNeeds, memo: Memo, alert: LiveAlert): void => {
  const flapping = isFlapping(memo);
  for (const told of memo.told) {
    const route = needs.routes().find(({ id }) => id === told.route);
    if (!route?.resolved) continue;
    // Services that keep incidents close one by its thread: only the last alert of a notice does that.
    const thread = needs.memos.isOpen(told.thread) ? `${told.thread}/${alert.id}` : told.thread;
    const held = flapping ? { group: settlingGroup(memo), delay_ms: L.flap_back_ms } : {};
    for (const notifier of targetsOf(needs, told.notifiers, alert))
      add(needs, { memo, alert, route }, { kind: 'resolved', notifier, thread, ...held });
  }
};

const tellIncidentEnd = (needs: TellerNeeds, incident: string, alert: LiveAlert): void => {
  for (const told of needs.incidents.toldOf(incident) ?? []) {
    const route = needs.routes().find(({ id }) => id === told.route);
    if (!route?.resolved) continue;
    const memo = { key: incident, incident, tells: 0 } as Memo;
    for (const notifier of targetsOf(needs, told.notifiers, alert))
      add(needs, { memo, alert, route }, { kind: 'resolved', notifier, thread: told.thread, name: incident });
  }
};
