import type { Incident, RuleSetting } from '@muster/hub/parts';
import type { Alert } from './alert-groups.js';

/** Site outages and the alerts that they hold. Pure. */
export interface Outage {
  incident: Incident;
  alerts: Alert[];
}

/** Declarations that say that a device is away. */
const AWAY_RULES: ReadonlySet<string> = new Set(['offline', 'not_reporting']);
export const saysAway = (alert: Alert, rules: ReadonlyMap<string, RuleSetting>): boolean =>
  AWAY_RULES.has(rules.get(alert.rule)?.rule ?? alert.rule);

/** Began before its incident by less than this: clocks of presence and alert differ. */
const SLACK_MS = 60_000;

/** Open or over: the alerts that say that a device of it was away. */
export const alertsOf = (incident: Incident, alerts: readonly Alert[], rules: ReadonlyMap<string, RuleSetting>): Alert[] => {
  const devices = new Set(incident.devices);
  const from = incident.started - SLACK_MS;
  const to = incident.resolved ?? Number.POSITIVE_INFINITY;
  return alerts.filter(
    (alert) => devices.has(alert.device) && alert.since >= from && alert.since <= to && saysAway(alert, rules),
  );
};

/** Outages take the place of their alerts in a list. */
export const foldIncidents = (
  alerts: readonly Alert[],
  incidents: readonly Incident[],
  rules: ReadonlyMap<string, RuleSetting>,
): { outages: Outage[]; rest: readonly Alert[] } => {
  const outages = incidents
    .filter(({ resolved }) => resolved === null)
    .map((incident) => ({ incident, alerts: alertsOf(incident, alerts, rules) }))
    .filter((outage) => outage.alerts.length > 0);
  if (outages.length === 0) return { outages, rest: alerts };
  const folded = new Set(outages.flatMap((outage) => outage.alerts));
  return { outages, rest: alerts.filter((alert) => !folded.has(alert)) };
};

/** `nobody yet`, `all by ada`, `3 of 12 by ada, bob`. */
export const takenText = (alerts: readonly Alert[]): string => {
  const taken = alerts.flatMap(({ acknowledged }) => acknowledged ?? []);
  if (taken.length === 0) return 'nobody yet';
  const names = [...new Set(taken.map(({ by }) => by))].slice(0, 3).join(', ');
  return `${taken.length === alerts.length ? 'all' : `${taken.length} of ${alerts.length}`} by ${names}`;
};
