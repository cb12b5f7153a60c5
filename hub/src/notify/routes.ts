/** Who is told what: an ordered list, the first that matches holds unless it says to go on. */
import { AppError } from '@muster/shared/errors';
import { check } from '@muster/shared/schema';
import type { LiveAlert, Severity } from '@muster/shared/wire/live';
import * as v from 'valibot';
import type { NoticeRoute } from '../parts.js';
import { NOTIFY_LIMITS } from './limits.js';
import { isInScope, noticeScope, type ScopeNeeds } from './scope.js';
import { isWithin, type LocalTimes, weeklyTimes } from './times.js';

const id = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1-63 of a-z, 0-9, _ and -'));
const ids = v.pipe(v.array(id), v.maxLength(NOTIFY_LIMITS.notifiers));
const WEEK_MS = 604_800_000;
const span = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

export const noticeRoute = v.strictObject({
  id,
  match: v.strictObject({
    severity: v.optional(v.picklist(['critical', 'warning', 'info'], 'must be critical, warning or info'), 'warning'),
    scope: v.optional(noticeScope, { all: true }),
    times: v.optional(v.nullable(weeklyTimes), null),
  }),
  notifiers: v.optional(v.nullable(ids), null),
  group_by: v.optional(v.picklist(['site', 'rule', 'none'], 'must be site, rule or none'), 'site'),
  wait_ms: v.optional(span(0, 1_000), 1_000),
  repeat_ms: v.optional(v.nullable(span(60_000, WEEK_MS)), 4 * 3_600_000),
  escalate: v.optional(v.nullable(v.strictObject({ after_ms: span(60_000, WEEK_MS), notifiers: ids })), null),
  resolved: v.optional(v.boolean(), true),
  quiet_hours: v.optional(v.nullable(weeklyTimes), null),
  go_on: v.optional(v.boolean(), false),
});
const list = v.pipe(v.array(noticeRoute), v.maxLength(NOTIFY_LIMITS.routes));

export const DEFAULT_ROUTES: NoticeRoute[] = [v.parse(noticeRoute, { id: 'default', match: {} })];

/** Throws `bad_request` naming the field; a notifier that is gone must not block every other change. */
export const checkRoutes = (input: unknown, before: readonly NoticeRoute[], exists: (notifier: string) => boolean) => {
  const routes: NoticeRoute[] = check(list, input, 'The routes');
  const known = new Set(before.flatMap(namedBy));
  for (const [index, route] of routes.entries()) {
    if (routes.findIndex((one) => one.id === route.id) !== index)
      throw new AppError('bad_request', `Two routes have the id "${route.id}"`, { path: `${index}.id` });
    const unknown = namedBy(route).find((one) => !exists(one) && !known.has(one));
    if (unknown !== undefined)
      throw new AppError('bad_request', `Route "${route.id}": there is no notifier "${unknown}"; add it first`, {
        path: `${index}.notifiers`,
      });
  }
  return routes;
};

const namedBy = ({ notifiers, escalate }: NoticeRoute): string[] => [...(notifiers ?? []), ...(escalate?.notifiers ?? [])];

const RANK: Record<Severity, number> = { critical: 2, warning: 1, info: 0 };
export const worst = (severities: Iterable<Severity>): Severity =>
  [...severities].reduce((a, b) => (RANK[b] > RANK[a] ? b : a), 'info');

export interface RouteContext extends ScopeNeeds {
  now: number;
  local: LocalTimes;
}

export const routesFor = (routes: readonly NoticeRoute[], alert: LiveAlert, context: RouteContext): NoticeRoute[] => {
  const found: NoticeRoute[] = [];
  for (const route of routes) {
    const { severity, scope, times } = route.match;
    if (RANK[alert.severity] < RANK[severity] || !isInScope(scope, alert, context)) continue;
    if (times && !isWithin(times, context.now, context.local)) continue;
    found.push(route);
    if (!route.go_on) break;
  }
  return found;
};

/** Quiet hours hold what is not critical. */
export const isQuiet = ({ quiet_hours }: NoticeRoute, { severity }: LiveAlert, { now, local }: RouteContext): boolean =>
  quiet_hours !== null && severity !== 'critical' && isWithin(quiet_hours, now, local);
