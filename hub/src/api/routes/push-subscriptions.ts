import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { text } from '../fields.js';
import { defineRoute, type Exchange } from '../route.js';
import { DONE, done } from '../shapes.js';
import { requireWho } from './lookup.js';

const subscription = v.object({ id: v.string(), address: v.string(), title: v.string(), created_at: v.number() });

/** A browser belongs to a person; a token is a program. */
const personOf = (exchange: Exchange): string => {
  const { kind, name } = requireWho(exchange);
  if (kind === 'session') return name;
  throw new AppError('conflict', 'Browsers get notices for a person: sign in to the dashboard instead of using a token');
};

export const listPushSubscriptions = defineRoute({
  method: 'GET',
  path: '/api/v1/push-subscriptions',
  role: 'viewer',
  summary: 'Browsers in which the person who asks gets notices, and the key (applicationServerKey) to subscribe one',
  reply: v.object({ public_key: v.string(), items: v.array(subscription) }),
  handle: async ({ parts, exchange }) => ({
    public_key: await parts.notify.push.public_key(),
    items: parts.notify.push.of(personOf(exchange)),
  }),
});

const KEY = 'must be the key of a subscription, in base64url';

export const addPushSubscription = defineRoute({
  method: 'POST',
  path: '/api/v1/push-subscriptions',
  role: 'viewer',
  summary: 'Brings notices to a browser: what PushSubscription.toJSON() gives; the same browser again replaces itself',
  body: v.object({
    endpoint: v.pipe(v.string(), v.url('must be the address of a push service'), v.maxLength(2_000)),
    keys: v.object({
      p256dh: v.pipe(v.string(), v.regex(/^B[\w-]{86}=?$/, KEY)),
      auth: v.pipe(v.string(), v.regex(/^[\w-]{22}(==)?$/, KEY)),
    }),
    /** How the person tells it from others. */
    title: v.optional(text(80)),
  }),
  reply: subscription,
  errors: ['too_many', 'storage'],
  // The address and the keys let anybody send.
  audit: ['title'],
  handle: async ({ body, parts, exchange }) => parts.notify.push.add(personOf(exchange), body),
});

export const deletePushSubscription = defineRoute({
  method: 'DELETE',
  path: '/api/v1/push-subscriptions/:id',
  role: 'viewer',
  summary: 'No more notices in this browser of the person who asks',
  params: v.object({ id: text(100) }),
  reply: done,
  errors: ['not_found', 'storage'],
  async handle({ params, parts, exchange }) {
    if (await parts.notify.push.remove(personOf(exchange), params.id)) return DONE;
    throw new AppError('not_found', 'There is no such browser of yours', { path: 'id' });
  },
});
