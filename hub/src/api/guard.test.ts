import type { FastifyReply, FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import type { Auth } from '../parts.js';
import { createGuard } from './guard.js';

/** A request of another machine, without TLS and without a credential. */
const asked = (declaration: object) =>
  ({
    ...{ method: 'GET', url: '/api/v1/things', headers: {}, routeOptions: { config: { declaration } } },
    raw: { headers: {}, socket: { remoteAddress: '192.0.2.7' } },
  }) as unknown as FastifyRequest;

const guard = (is_local: boolean) =>
  createGuard({ auth: { identify: () => null } as unknown as Auth, is_local: () => is_local, https_port: () => null });
const judge = (is_local: boolean, declaration: object) =>
  guard(is_local)(asked(declaration), {} as FastifyReply).then(
    () => 'served',
    (error: { code: string }) => error.code,
  );

test('what lets a request in without a credential or TLS does so on open routes alone, whatever else a route says', async () => {
  expect(await judge(false, { role: 'open', plain: true })).toBe('served');
  expect(await judge(true, { role: 'open', by_token: true })).toBe('served');
  expect(await judge(false, { role: 'viewer', plain: true })).toBe('needs_https');
  expect(await judge(true, { role: 'viewer', plain: true })).toBe('unauthorized');
  expect(await judge(true, { role: 'admin', by_token: true })).toBe('unauthorized');
});
