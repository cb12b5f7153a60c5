import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { NotifierView, Parts } from '../../parts.js';
import { configSchema } from '../config-schema.js';
import { jsonObject, text } from '../fields.js';
import { defineRoute } from '../route.js';
import { DONE, done, list } from '../shapes.js';

const time = v.nullable(v.number());
const line = {
  id: v.string(),
  kind: v.string(),
  enabled: v.boolean(),
  per_minute: v.number(),
  state: v.picklist(['ok', 'failed', 'waiting']),
  last_ok: time,
  last_error: v.nullable(v.string()),
  waiting: v.number(),
  held_back: v.number(),
  given_up: v.number(),
  next_at: time,
  templates: v.object({ title: v.nullable(v.string()), text: v.nullable(v.string()) }),
  acknowledge: v.boolean(),
  listen_error: v.nullable(v.string()),
};
const notifier = v.object({ ...line, config: jsonObject });

const RESERVED = ['kinds', 'heartbeat'];
const id = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1-63 of a-z, 0-9 and -'),
  v.check((one) => !RESERVED.includes(one), `must not be ${RESERVED.join(' or ')}`),
);
const params = v.object({ id });
const template = v.optional(v.nullable(v.pipe(v.string(), v.maxLength(4_000))));
const setting = {
  kind: text(40),
  config: jsonObject,
  enabled: v.optional(v.boolean()),
  per_minute: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(600))),
  templates: v.optional(v.object({ title: template, text: template })),
  acknowledge: v.optional(v.boolean()),
};
/** Never the configuration: it may hold secrets. */
const AUDITED = ['id', 'kind', 'enabled', 'per_minute', 'templates', 'acknowledge'];

const shown = ({ config, ...view }: NotifierView) => ({ ...view, config: JSON.parse(JSON.stringify(config)) });

const requireNotifier = (parts: Parts, name: string): NotifierView => {
  const found = parts.notify.notifier(name);
  if (found) return found;
  throw new AppError('not_found', `There is no notifier "${name}"`, { path: 'id' });
};

export const listNotifiers = defineRoute({
  method: 'GET',
  path: '/api/v1/notifiers',
  role: 'viewer',
  summary: 'The channels that notices go to, and how each fares',
  reply: list(v.object(line)),
  handle: async ({ parts }) => ({ items: parts.notify.notifiers().map(({ config: _hidden, ...view }) => view) }),
});

export const listNotifierKinds = defineRoute({
  method: 'GET',
  path: '/api/v1/notifiers/kinds',
  role: 'admin',
  summary:
    'Kinds of notifiers, each with the JSON schema of its configuration (fields with "secret" are write-only), and what a template may hold',
  reply: v.object({
    items: v.array(v.object({ id: v.string(), title: v.string(), docs: v.string(), config: jsonObject })),
    placeholders: v.array(v.object({ name: v.string(), help: v.string() })),
  }),
  handle: async ({ parts }) => ({
    items: parts.notify.kinds().map(({ config, ...kind }) => ({ ...kind, config: configSchema(config) })),
    placeholders: parts.notify.placeholders(),
  }),
});

export const readNotifier = defineRoute({
  method: 'GET',
  path: '/api/v1/notifiers/:id',
  role: 'admin',
  summary: 'A notifier; its secrets are masked',
  params,
  reply: notifier,
  errors: ['not_found'],
  handle: async ({ params, parts }) => shown(requireNotifier(parts, params.id)),
});

export const addNotifier = defineRoute({
  method: 'POST',
  path: '/api/v1/notifiers',
  role: 'admin',
  summary: 'A new notifier; its id is that of its kind unless given',
  body: v.object({ id: v.optional(id), ...setting }),
  reply: notifier,
  errors: ['conflict', 'too_many', 'storage'],
  audit: AUDITED,
  async handle({ body, parts }) {
    const { id: named, ...rest } = body;
    const made = named ?? rest.kind.replaceAll('_', '-');
    if (parts.notify.notifier(made))
      throw new AppError('conflict', `There is a notifier "${made}" already; give another id`, { path: 'id' });
    return shown(await parts.notify.putNotifier(made, rest));
  },
});

export const putNotifier = defineRoute({
  method: 'PUT',
  path: '/api/v1/notifiers/:id',
  role: 'admin',
  summary: 'Makes or changes a notifier. A secret that is left out or sent masked stays as it is, unless an address changes',
  params,
  body: v.object(setting),
  reply: notifier,
  errors: ['too_many', 'storage'],
  audit: AUDITED,
  handle: async ({ params, body, parts }) => shown(await parts.notify.putNotifier(params.id, body)),
});

export const deleteNotifier = defineRoute({
  method: 'DELETE',
  path: '/api/v1/notifiers/:id',
  role: 'admin',
  summary: 'Removes a notifier and what waits for it',
  params,
  reply: done,
  errors: ['not_found', 'storage'],
  async handle({ params, parts }) {
    requireNotifier(parts, params.id);
    await parts.notify.deleteNotifier(params.id);
    return DONE;
  },
});

export const testNotifier = defineRoute({
  method: 'POST',
  path: '/api/v1/notifiers/:id/test',
  role: 'admin',
  summary: 'Sends a notice to try the channel; answers what went wrong',
  params,
  reply: done,
  errors: ['not_found', 'unreachable', 'timeout', 'bad_reply'],
  async handle({ params, parts }) {
    requireNotifier(parts, params.id);
    await parts.notify.test(params.id);
    return DONE;
  },
});

const heartbeat = v.object({
  address: v.nullable(v.string()),
  every_s: v.number(),
  last_ok: time,
  last_error: v.nullable(v.string()),
});

export const readHeartbeat = defineRoute({
  method: 'GET',
  path: '/api/v1/notifiers/heartbeat',
  role: 'admin',
  summary: "Dead man's switch: the address that hears from a healthy hub, without its path",
  reply: heartbeat,
  handle: async ({ parts }) => parts.notify.heartbeat(),
});

export const putHeartbeat = defineRoute({
  method: 'PUT',
  path: '/api/v1/notifiers/heartbeat',
  role: 'admin',
  summary: 'Sets the address that a healthy hub asks every so many seconds; null: none',
  body: v.object({
    url: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(2_000)))),
    every_s: v.optional(v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(86_400))),
  }),
  reply: heartbeat,
  errors: ['storage'],
  // The address is a secret.
  audit: ['every_s'],
  handle: async ({ body, parts }) => parts.notify.setHeartbeat(body),
});
