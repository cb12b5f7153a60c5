import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { type Alert, fiatText, type Group, ownerOf, reasonOf, stakeOf, withoutStake } from '../alert-groups.js';
import { useApp } from '../app.js';
import { duration, fullTime, shortTime } from '../format.js';
import { quietWord } from './alert-actions.js';
import { SeverityWord } from './icons.js';

/** Alerts as lines: how bad, what, where, what it costs, since when, who took it. */
interface Lines {
  alerts: readonly Alert[];
  /** On a device's own page the device is not repeated. */
  of: 'fleet' | 'device';
  /** In a list of one kind its word and empty columns are left out. */
  group?: Group;
  picked?: Signal<ReadonlySet<string>>;
}

const lasted = (alert: Alert, now: number): string =>
  duration(Math.max(0, (alert.state === 'resolved' ? (alert.resolved_at ?? now) : now) - alert.since));

const STATE_WORDS = { firing: 'Firing', pending: 'Pending', resolved: 'Resolved' } as const;

export const AlertLines = ({ alerts, of, group, picked }: Lines) => (
  <ul class={`alerts of-${of}${group ? ` g-${group}` : ''}${picked ? '' : ' unpicked'}`}>
    {alerts.map((alert) => (
      <AlertLine key={alert.id} alert={alert} of={of} plain={group !== undefined}>
        {picked && alert.state !== 'resolved' && <Pick alert={alert} picked={picked} />}
      </AlertLine>
    ))}
  </ul>
);

/** An alert of the hub itself is about no device. */
export const placeOfAlert = ({ device }: Alert): string => (device === '' ? '/hub' : `/devices/${device}`);

interface Line {
  alert: Alert;
  of: Lines['of'];
  plain: boolean;
  children: ComponentChildren;
}

const AlertLine = ({ alert, of, plain, children }: Line) => {
  const { clock, router } = useApp();
  const stake = of === 'fleet' ? stakeOf(alert) : null;
  const path = `/alerts?alert=${encodeURIComponent(alert.id)}`;
  return (
    <li class={alert.state}>
      <span class="pick">{children}</span>
      <SeverityWord severity={alert.severity} state={alert.state} />
      <span class="what">
        {of === 'fleet' && (
          <a href={placeOfAlert(alert)} title={alert.device}>
            {alert.device_name}
          </a>
        )}
        <a
          class="title"
          href={router.place.value.page === 'alerts' ? router.here({ alert: alert.id }) : path}
          title={alert.title}
        >
          {alert.title}
        </a>
        <span class="why" title={alert.why}>
          {stake ? withoutStake(reasonOf(alert), stake) : reasonOf(alert)}
        </span>
      </span>
      {of === 'fleet' && <Stake alert={alert} />}
      <span class="state" title={alert.silenced ?? ''}>
        {quietWord(alert, clock.value) ?? (plain ? '' : STATE_WORDS[alert.state])}
      </span>
      <time
        class="since"
        title={`since ${fullTime(alert.since)}${alert.resolved_at ? `, resolved ${fullTime(alert.resolved_at)}` : ''}`}
      >
        {shortTime(alert.since, clock.value)}
      </time>
      <span class="lasted">{lasted(alert, clock.value)}</span>
      <Taken alert={alert} />
    </li>
  );
};

/** What its device would earn in a day. */
export const Stake = ({ alert }: { alert: Alert }) => {
  const { moneyOf } = useApp();
  const stake = alert.state === 'resolved' ? null : stakeOf(alert);
  if (!stake || stake.amount === 0n) return <span class="stake" />;
  const money = moneyOf(stake.currency);
  return (
    <span class="stake" title={`At stake: ${money.exact(fiatText(stake))} a day, by the device’s last 14 days`}>
      {money.shown(fiatText(stake))}
      <em>/day</em>
    </span>
  );
};

const Pick = ({ alert, picked }: { alert: Alert; picked: Signal<ReadonlySet<string>> }) => (
  <input
    type="checkbox"
    aria-label={`Select ${alert.title} of ${alert.device_name}`}
    checked={picked.value.has(alert.id)}
    onChange={(event) => {
      const next = new Set(picked.value);
      if (event.currentTarget.checked) next.add(alert.id);
      else next.delete(alert.id);
      picked.value = next;
    }}
  />
);

const Taken = ({ alert }: { alert: Alert }) => {
  if (!alert.acknowledged) return <span class="taken" />;
  const { by, at, comment } = alert.acknowledged;
  const owner = ownerOf(alert);
  return (
    <span class="taken" title={`Acknowledged by ${by}, ${fullTime(at)}${comment ? `: ${comment}` : ''}`}>
      {owner}
      {comment ? `: ${comment}` : ' has it'}
    </span>
  );
};
