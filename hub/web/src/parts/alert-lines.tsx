import type { LiveAlert } from '@muster/shared/wire/live';
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useApp } from '../app.js';
import { duration, fullTime, shortTime } from '../format.js';
import { SeverityWord } from './icons.js';

/** Alerts as lines: how bad, what, where, since when, who took it. */
interface Lines {
  alerts: readonly LiveAlert[];
  /** On a device's own page the device is not repeated. */
  of: 'fleet' | 'device';
  picked?: Signal<ReadonlySet<string>>;
}

const lasted = (alert: LiveAlert, now: number): string =>
  duration(Math.max(0, (alert.state === 'resolved' ? (alert.resolved_at ?? now) : now) - alert.since));

const STATE_WORDS = { firing: 'Firing', pending: 'Pending', resolved: 'Resolved' } as const;

/** It fires, but gives no notice. */
const quietWord = ({ state, snoozed, silenced }: LiveAlert, now: number): string | null => {
  if (state === 'resolved') return null;
  if (snoozed && snoozed.until > now) return 'Snoozed';
  return silenced ? 'Silenced' : null;
};

export const AlertLines = ({ alerts, of, picked }: Lines) => (
  <ul class={`alerts of-${of}`}>
    {alerts.map((alert) => (
      <AlertLine key={alert.id} alert={alert} of={of}>
        {picked && alert.state === 'firing' && <Pick alert={alert} picked={picked} />}
      </AlertLine>
    ))}
  </ul>
);

const AlertLine = ({ alert, of, children }: { alert: LiveAlert; of: Lines['of']; children: ComponentChildren }) => {
  const { clock } = useApp();
  return (
    <li class={alert.state}>
      <span class="pick">{children}</span>
      <SeverityWord severity={alert.severity} state={alert.state} />
      <span class="what">
        {of === 'fleet' && (
          <a href={`/devices/${alert.device}`} title={alert.device}>
            {alert.device_name}
          </a>
        )}
        <b>{alert.title}</b>
        <span class="why" title={alert.why}>
          {alert.why}
        </span>
      </span>
      <span class="state" title={alert.silenced ?? ''}>
        {quietWord(alert, clock.value) ?? STATE_WORDS[alert.state]}
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

const Pick = ({ alert, picked }: { alert: LiveAlert; picked: Signal<ReadonlySet<string>> }) => (
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

const Taken = ({ alert }: { alert: LiveAlert }) => {
  if (!alert.acknowledged) return <span class="taken" />;
  const { by, at, comment } = alert.acknowledged;
  return (
    <span class="taken" title={`Acknowledged by ${by}, ${fullTime(at)}${comment ? `: ${comment}` : ''}`}>
      {by}
      {comment ? `: ${comment}` : ' has it'}
    </span>
  );
};
