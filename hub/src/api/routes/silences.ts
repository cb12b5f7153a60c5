import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { text } from '../fields.js';
import { noticeScope, weekly } from '../notice-shapes.js';
import { defineRoute } from '../route.js';
import { alert, DONE, done, list } from '../shapes.js';
import { nameOf } from './lookup.js';

const time = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const setting = {
  scope: noticeScope,
  from: v.optional(time),
  to: v.optional(time),
  weekly: v.optional(weekly),
};
const silence = v.object({ ...setting, comment: v.string(), id: v.string(), by: v.string(), created_at: v.number() });

export const listSilences = defineRoute({
  method: 'GET',
  path: '/api/v1/silences',
  role: 'viewer',
  summary: 'Times in which alerts of a scope give no notice: to come, under way, and over within a week',
  reply: list(silence),
  handle: async ({ parts }) => ({ items: structuredClone(parts.notify.silences()) }),
});

export const addSilence = defineRoute({
  method: 'POST',
  path: '/api/v1/silences',
  role: 'operator',
  summary: 'Silences a scope once ({from?, to}) or every week ({weekly: {days, from, to, time_zone}, from?, to?})',
  body: v.object({ ...setting, comment: v.optional(v.pipe(v.string(), v.maxLength(1_000)), '') }),
  reply: silence,
  errors: ['too_many', 'storage'],
  audit: ['scope', 'from', 'to', 'weekly', 'comment'],
  handle: async ({ body, parts, exchange }) => structuredClone(await parts.notify.addSilence(body, nameOf(exchange.who))),
});

export const deleteSilence = defineRoute({
  method: 'DELETE',
  path: '/api/v1/silences/:id',
  role: 'operator',
  summary: 'Ends a silence',
  params: v.object({ id: text(100) }),
  reply: done,
  errors: ['not_found', 'storage'],
  async handle({ params, parts }) {
    if (await parts.notify.deleteSilence(params.id)) return DONE;
    throw new AppError('not_found', `There is no silence "${params.id}"`, { path: 'id' });
  },
});

const LONGEST_MS = 30 * 86_400_000;

export const snoozeAlert = defineRoute({
  method: 'POST',
  path: '/api/v1/alerts/:alert/snooze',
  role: 'operator',
  summary: 'No notice of this alert until a time, or for so long; {"until": null} wakes it',
  params: v.object({ alert: v.pipe(v.string(), v.maxLength(500)) }),
  body: v.pipe(
    v.object({
      until: v.optional(v.nullable(time)),
      for_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(LONGEST_MS))),
    }),
    v.check(({ until, for_ms }) => (until === undefined) !== (for_ms === undefined), 'needs either "until" or "for_ms"'),
  ),
  reply: alert,
  errors: ['not_found', 'storage'],
  audit: ['until', 'for_ms'],
  async handle({ params, body, parts, exchange }) {
    const until = body.for_ms === undefined ? (body.until ?? null) : parts.now() + body.for_ms;
    if (until !== null && (until <= parts.now() || until > parts.now() + LONGEST_MS))
      throw new AppError('bad_request', 'An alert can be snoozed for at most 30 days, from now on', { path: 'until' });
    const [one] = parts.alerts.get(params.alert) ? await parts.alerts.snooze([params.alert], nameOf(exchange.who), until) : [];
    if (!one) throw new AppError('not_found', `There is no alert "${params.alert}"`, { path: 'alert' });
    return { ...one, silenced: parts.notify.silenced(one) };
  },
});
