import * as v from 'valibot';
import type { NoticeRoute } from '../../parts.js';
import { requireVersion, versionOf } from '../../shelf.js';
import { jsonObject } from '../fields.js';
import { noticeScope, severity, weekly } from '../notice-shapes.js';
import { defineRoute } from '../route.js';

const route = v.object({
  id: v.string(),
  match: v.object({ severity, scope: noticeScope, times: v.nullable(weekly) }),
  notifiers: v.nullable(v.array(v.string())),
  group_by: v.picklist(['site', 'rule', 'none']),
  wait_ms: v.number(),
  repeat_ms: v.nullable(v.number()),
  escalate: v.nullable(v.object({ after_ms: v.number(), notifiers: v.array(v.string()) })),
  resolved: v.boolean(),
  quiet_hours: v.nullable(weekly),
  go_on: v.boolean(),
});
const routes = v.object({ items: v.array(route), version: v.string() });
const asReply = (items: readonly NoticeRoute[]): v.InferOutput<typeof routes> => ({
  items: structuredClone([...items]),
  version: versionOf(items),
});

export const listNoticeRoutes = defineRoute({
  method: 'GET',
  path: '/api/v1/routes',
  role: 'viewer',
  summary: 'Who is told of which alerts: the first that matches holds, unless it says to go on',
  reply: routes,
  handle: async ({ parts }) => asReply(parts.notify.routes()),
});

export const setNoticeRoutes = defineRoute({
  method: 'PUT',
  path: '/api/v1/routes',
  role: 'operator',
  summary:
    'Replaces all routes; what is left out of one takes its default. With the version that was read, only where nobody changed them since',
  body: v.object({ items: v.pipe(v.array(jsonObject), v.maxLength(100)), version: v.optional(v.string()) }),
  reply: routes,
  errors: ['conflict', 'storage'],
  audit: ['items'],
  async handle({ body, parts }) {
    requireVersion('The routes', parts.notify.routes(), body.version);
    return asReply(await parts.notify.setRoutes(body.items));
  },
});
