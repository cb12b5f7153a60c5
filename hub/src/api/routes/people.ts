import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { Identity } from '../../parts.js';
import { text } from '../fields.js';
import { byKey } from '../paging.js';
import { defineRoute, type Exchange } from '../route.js';
import { DONE, done, list, role, token, user } from '../shapes.js';

const by = (exchange: Exchange): Identity => {
  if (exchange.who) return exchange.who;
  throw new AppError('unauthorized', 'This needs a session or an API token');
};

export const listUsers = defineRoute({
  method: 'GET',
  path: '/api/v1/users',
  role: 'admin',
  summary: 'People who can sign in',
  reply: list(user),
  handle: async ({ parts }) => ({ items: byKey(parts.auth.users(), (one) => one.name) }),
});

export const addUser = defineRoute({
  method: 'POST',
  path: '/api/v1/users',
  role: 'admin',
  summary: 'A new user',
  body: v.object({ name: text(200), password: v.pipe(v.string(), v.maxLength(400)), role }),
  reply: user,
  errors: ['conflict'],
  audit: ['name', 'role'],
  handle: ({ body, parts, exchange }) => parts.auth.addUser(body, by(exchange)),
});

export const deleteUser = defineRoute({
  method: 'DELETE',
  path: '/api/v1/users/:name',
  role: 'admin',
  summary: 'Removes a user and ends their sessions; the last admin stays',
  params: v.object({ name: v.string() }),
  reply: done,
  errors: ['not_found', 'conflict'],
  async handle({ params, parts, exchange }) {
    await parts.auth.removeUser(params.name, by(exchange));
    return DONE;
  },
});

export const listTokens = defineRoute({
  method: 'GET',
  path: '/api/v1/tokens',
  role: 'admin',
  summary: 'API tokens, without their secrets',
  reply: list(token),
  handle: async ({ parts }) => ({ items: parts.auth.tokens() }),
});

export const addToken = defineRoute({
  method: 'POST',
  path: '/api/v1/tokens',
  role: 'admin',
  summary: 'A new API token; its secret is shown this once',
  body: v.object({ title: text(100), role }),
  reply: v.object({ ...token.entries, token: v.string() }),
  errors: ['conflict'],
  audit: ['title', 'role'],
  handle: ({ body, parts, exchange }) => parts.auth.addToken(body, by(exchange)),
});

export const deleteToken = defineRoute({
  method: 'DELETE',
  path: '/api/v1/tokens/:token',
  role: 'admin',
  summary: 'Removes an API token; its live connections close',
  params: v.object({ token: v.pipe(v.string(), v.maxLength(100)) }),
  reply: done,
  errors: ['not_found'],
  async handle({ params, parts, exchange }) {
    await parts.auth.removeToken(params.token, by(exchange));
    return DONE;
  },
});
