import type { NoticeRoute, Silence, WeeklyTimes } from '@muster/hub/parts';
import { fullTime } from './format.js';
import { spanText } from './quantities.js';
import { type Names, scopeText } from './scopes.js';

/** Routes and silences as sentences. Pure. */
export const DAY_NAMES = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const ALL_DAYS = 7;

/** `Mon–Fri`, `Sat, Sun`, `daily`. */
export const daysText = (days: readonly number[]): string => {
  const sorted = [...new Set(days)].sort((a, b) => a - b);
  if (sorted.length === ALL_DAYS) return 'daily';
  const runs: number[][] = [];
  for (const day of sorted) {
    const last = runs.at(-1);
    if (last?.at(-1) === day - 1) last.push(day);
    else runs.push([day]);
  }
  const name = (day: number | undefined) => DAY_NAMES[(day ?? 1) - 1] ?? '';
  return runs.map((run) => (run.length > 2 ? `${name(run[0])}–${name(run.at(-1))}` : run.map(name).join(', '))).join(', ');
};

export const weeklyText = ({ days, from, to, time_zone }: WeeklyTimes): string =>
  `${daysText(days)} ${from}–${to} (${time_zone.replaceAll('_', ' ')})`;

export const silenceText = ({ from, to, weekly }: Silence, now: number): string => {
  const minute = (ts: number) => fullTime(ts).slice(0, 16);
  const begins = from !== undefined && from > now ? `from ${minute(from)}` : '';
  const ends = to === undefined ? '' : `until ${minute(to)}`;
  return [weekly ? weeklyText(weekly) : '', begins, ends].filter(Boolean).join(' ');
};

const SEVERITIES = { critical: 'Critical', warning: 'Warning and worse', info: 'Everything' } as const;
export const severityText = (severity: NoticeRoute['match']['severity']): string => SEVERITIES[severity];

const GROUPS = { site: 'one notice per site', rule: 'one notice per rule', none: 'a notice for each alert' } as const;
const channelsText = (ids: readonly string[] | null): string =>
  ids === null ? 'every channel' : ids.length === 0 ? 'nobody' : ids.join(', ');

/** Which alerts, and to whom. */
export const routeTitle = ({ match, notifiers }: NoticeRoute, names: Names): { what: string; whom: string } => {
  const scope = 'all' in match.scope ? '' : ` of ${scopeText(match.scope, names)}`;
  const times = match.times ? `, ${weeklyText(match.times)}` : '';
  return { what: `${severityText(match.severity)}${scope}${times}`, whom: channelsText(notifiers) };
};

/** What else it says. */
export const routeDetails = (route: NoticeRoute): string[] => {
  const { repeat_ms, escalate, quiet_hours, resolved, go_on, group_by } = route;
  return [
    GROUPS[group_by],
    repeat_ms === null ? 'told once' : `again every ${spanText(repeat_ms)} until acknowledged`,
    escalate ? `after ${spanText(escalate.after_ms)} also to ${channelsText(escalate.notifiers)}` : '',
    quiet_hours ? `quiet ${weeklyText(quiet_hours)} except critical` : '',
    resolved ? '' : 'not told when it ends',
    go_on ? 'routes below apply too' : '',
  ].filter(Boolean);
};

export const newRoute = (taken: readonly string[]): NoticeRoute => {
  let id = 'route';
  for (let at = 2; taken.includes(id); at++) id = `route-${at}`;
  return {
    ...{ id, match: { severity: 'warning', scope: { all: true }, times: null }, notifiers: null, group_by: 'site' },
    ...{ wait_ms: 1_000, repeat_ms: 4 * 3_600_000, escalate: null, resolved: true, quiet_hours: null, go_on: false },
  };
};

export const moved = <T>(list: readonly T[], from: number, to: number): T[] => {
  const next = [...list];
  const [one] = next.splice(from, 1);
  if (one !== undefined) next.splice(to, 0, one);
  return next;
};

/** The first route that takes all that comes leaves nothing to those behind it. */
export const isShadowed = (routes: readonly NoticeRoute[], at: number): boolean =>
  routes
    .slice(0, at)
    .some(({ match, go_on }) => !go_on && 'all' in match.scope && match.times === null && match.severity === 'info');
