import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { Identity, Parts } from '../../parts.js';
import { defineRoute, type Exchange } from '../route.js';
import { DONE, done, session } from '../shapes.js';
import { requireWho } from './lookup.js';

/** Long enough for any password, short enough that nobody makes the hub hash a megabyte. */
const password = v.pipe(v.string(), v.maxLength(400));
const name = v.pipe(v.string(), v.minLength(1, 'must not be empty'), v.maxLength(200));

const welcome = (parts: Parts, exchange: Exchange, cookie: string) => {
  exchange.session(cookie);
  const who = parts.auth.identify({ session: cookie });
  if (!who) throw new AppError('unauthorized', 'The session ended before it began; sign in again');
  return viewOf(who);
};

const viewOf = ({ name, role, kind }: Identity) => ({ user: { name, role }, kind });

export const setup = defineRoute({
  method: 'POST',
  path: '/api/v1/setup',
  role: 'open',
  summary: 'Makes the first user with the one-time code of the set-up link, and signs in',
  body: v.object({ code: v.pipe(v.string(), v.maxLength(200)), name, password }),
  reply: session,
  errors: ['unauthorized', 'conflict'],
  audit: ['name'],
  async handle({ body, parts, exchange }) {
    const made = await parts.auth.setup(body);
    return welcome(parts, exchange, made.session);
  },
});

export const readSession = defineRoute({
  method: 'GET',
  path: '/api/v1/session',
  role: 'viewer',
  summary: 'Who you are',
  reply: session,
  handle: async ({ exchange }) => viewOf(requireWho(exchange)),
});

export const signIn = defineRoute({
  method: 'POST',
  path: '/api/v1/session',
  role: 'open',
  summary: 'Signs in; the session is a cookie',
  body: v.object({ name, password }),
  reply: session,
  errors: ['unauthorized', 'too_many', 'busy'],
  audit: ['name'],
  async handle({ body, parts, exchange }) {
    const made = await parts.auth.login(body, exchange.remote);
    return welcome(parts, exchange, made.session);
  },
});

export const signOut = defineRoute({
  method: 'DELETE',
  path: '/api/v1/session',
  role: 'viewer',
  summary: 'Signs out; its live connections close',
  reply: done,
  async handle({ parts, exchange }) {
    const who = requireWho(exchange);
    if (who.kind !== 'session') throw new AppError('bad_request', 'A token has no session to end; remove the token instead');
    await parts.auth.logout(who);
    exchange.session(null);
    return DONE;
  },
});

export const changePassword = defineRoute({
  method: 'POST',
  path: '/api/v1/password',
  role: 'viewer',
  summary: 'Changes your password; ends all your sessions and opens a fresh one here',
  body: v.object({ old: password, new: password }),
  reply: session,
  errors: ['too_many'],
  async handle({ body, parts, exchange }) {
    const who = requireWho(exchange);
    await parts.auth.changePassword(who, body);
    const made = await parts.auth.login({ name: who.name, password: body.new }, exchange.remote);
    return welcome(parts, exchange, made.session);
  },
});
