import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { text } from '../fields.js';
import { defineRoute } from '../route.js';
import { DONE, done, list } from '../shapes.js';

const time = v.nullable(v.number());
const watch = v.object({
  id: v.string(),
  title: v.string(),
  url: v.nullable(v.string()),
  every_s: v.number(),
  state: v.picklist(['waiting', 'ok', 'failing', 'away']),
  last_ok: time,
  last_error: v.nullable(v.string()),
  created_at: v.number(),
});

export const listWatches = defineRoute({
  method: 'GET',
  path: '/api/v1/watches',
  role: 'admin',
  summary: 'Other hubs that this one watches, and how each fares',
  reply: list(watch),
  handle: async ({ parts }) => ({ items: parts.notify.watches.all() }),
});

export const createAddWatch = (public_url: string | null) =>
  defineRoute({
    method: 'POST',
    path: '/api/v1/watches',
    role: 'admin',
    summary:
      'Watches another hub: with its address it is asked for /healthz, three failures are a critical alert; without one the reply holds an address that the other hub is to ask as its heartbeat, shown this once',
    body: v.object({
      title: text(80),
      url: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(2_000)))),
      every_s: v.optional(v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(86_400))),
    }),
    reply: v.object({ ...watch.entries, heartbeat: v.nullable(v.string()) }),
    errors: ['too_many', 'storage'],
    // Not the address: what was copied may end in a token or a set-up code.
    audit: ['title', 'every_s'],
    async handle({ body, parts }) {
      const { watch: made, token } = await parts.notify.watches.add(body);
      const { http, https } = parts.addresses();
      const base = (public_url ?? https ?? http).replace(/\/+$/, '');
      return { ...made, heartbeat: token === null ? null : `${base}/heartbeat/${token}` };
    },
  });

export const deleteWatch = defineRoute({
  method: 'DELETE',
  path: '/api/v1/watches/:id',
  role: 'admin',
  summary: 'Watches it no longer',
  params: v.object({ id: text(100) }),
  reply: done,
  errors: ['not_found', 'storage'],
  async handle({ params, parts }) {
    if (await parts.notify.watches.remove(params.id)) return DONE;
    throw new AppError('not_found', `There is no watch "${params.id}"`, { path: 'id' });
  },
});

export const hearHeartbeat = defineRoute({
  method: 'GET',
  path: '/heartbeat/:token',
  role: 'open',
  by_token: true,
  // All that its token is good for is to say that a hub is well.
  plain: true,
  summary: 'Where a watched hub says that it is well',
  params: v.object({ token: v.pipe(v.string(), v.regex(/^[\w-]{20,100}$/, 'must be the token of a watch')) }),
  reply: done,
  errors: ['not_found'],
  async handle({ params, parts }) {
    if (parts.notify.watches.heard(params.token)) return DONE;
    throw new AppError('not_found', 'Nobody expects this heartbeat; set the watch up anew');
  },
});
