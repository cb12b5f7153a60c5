import * as v from 'valibot';
import { text } from '../fields.js';
import { byKey } from '../paging.js';
import { defineRoute } from '../route.js';
import { DONE, done, list, role, token, user } from '../shapes.js';
import { requireWho } from './lookup.js';

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
  handle: ({ body, parts, exchange }) => parts.auth.addUser(body, requireWho(exchange)),
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
    await parts.auth.removeUser(params.name, requireWho(exchange));
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
  handle: ({ body, parts, exchange }) => parts.auth.addToken(body, requireWho(exchange)),
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
    await parts.auth.removeToken(params.token, requireWho(exchange));
    return DONE;
  },
});
