import type { LiveAlert, LiveAlertEvent, Severity } from '@muster/shared/wire/live';
import type { Alert } from './alert-groups.js';

/** Alert events: each one taken once, alerts as they stand, and the last number for the next resume. Pure. */

/** Beyond these the oldest go: far more than a replay and the live channel overlap by. */
const REMEMBERED = 4000;

const keyOf = (event: LiveAlertEvent): string => `${event.alert.id} ${event.change} ${event.ts}`;

/** Says whether an event is news: known by its number, or, while it has none, by alert, change and time. */
export const createSieve = () => {
  const numbers = new Set<number>();
  const keys = new Set<string>();
  return {
    isNews(event: LiveAlertEvent): boolean {
      const key = keyOf(event);
      const known = keys.has(key) || (event.number !== null && numbers.has(event.number));
      keys.add(key);
      if (event.number !== null) numbers.add(event.number);
      trim(keys);
      trim(numbers);
      return !known;
    },
  };
};
const trim = <T>(set: Set<T>): void => {
  for (const oldest of set) {
    if (set.size <= REMEMBERED) return;
    set.delete(oldest);
  }
};

/**
 * An older event never undoes a newer one: replay and live may cross. Cancelled pending alerts leave. What a snapshot that
 * knew the event does not hold as open is over, whatever the replay says of its past.
 */
export const applyEvent = (alerts: Map<string, Alert>, event: LiveAlertEvent, snapshot = 0): void => {
  const known = alerts.get(event.alert.id);
  if (known && known.event > event.alert.event) return;
  const was_open = event.number !== null && event.number <= snapshot && event.alert.state !== 'resolved';
  if (event.change === 'cancelled') alerts.delete(event.alert.id);
  else if (known || !was_open) alerts.set(event.alert.id, beside(known, event.alert));
};
/** What only lists say is kept until a list says otherwise. */
const beside = (known: Alert | undefined, alert: Alert): Alert => {
  if (!known) return alert;
  const { silenced, unknown, stake } = known;
  return {
    ...(silenced !== undefined && { silenced }),
    ...(unknown !== undefined && { unknown }),
    ...(stake !== undefined && { stake }),
    ...alert,
  };
};

/** A snapshot says which alerts are open: others that we held as open are not any more. */
export const applySnapshot = (alerts: Map<string, Alert>, open: readonly Alert[]): void => {
  const before = new Map(alerts);
  for (const alert of before.values()) if (alert.state !== 'resolved') alerts.delete(alert.id);
  for (const alert of open) alerts.set(alert.id, beside(before.get(alert.id), alert));
};

const SEVERITY_RANK: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };
const STATE_RANK = { firing: 0, pending: 1, resolved: 2 } as const;

/** Firing before pending before resolved; not yet acknowledged, worse and newer first. */
export const byUrgency = (a: LiveAlert, b: LiveAlert): number =>
  STATE_RANK[a.state] - STATE_RANK[b.state] ||
  Number(a.acknowledged !== null) - Number(b.acknowledged !== null) ||
  SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] ||
  timeOf(b) - timeOf(a);
const timeOf = (alert: LiveAlert): number => (alert.state === 'resolved' ? (alert.resolved_at ?? alert.since) : alert.since);
