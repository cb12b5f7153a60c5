import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { AppError } from '@muster/shared/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Auth, type Identity, ROLES } from '../parts.js';
import { readCookie } from './cookie.js';
import { hostNameOf } from './remote.js';
import type { RouteDeclaration, RouteRole } from './route.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route without one is not served. */
    declaration?: RouteDeclaration;
    /** The dashboard's files: open to all, nothing secret in them. */
    page?: boolean;
  }
  interface FastifyRequest {
    who: Identity | null;
  }
}

export interface GuardNeeds {
  auth: Auth;
  is_local: (address: string | undefined) => boolean;
  /** Port to send browsers to; null while there is no TLS listener. */
  https_port: () => number | null;
}

export const isTls = (request: IncomingMessage): boolean => (request.socket as Partial<TLSSocket>).encrypted === true;

const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i;

/** Cookie or Authorization header, nothing else; a header that is there decides alone. */
export const credentialsOf = ({ headers }: IncomingMessage): { session?: string | undefined; bearer?: string | undefined } => {
  const { authorization, cookie } = headers;
  if (authorization !== undefined) return { bearer: BEARER.exec(authorization)?.[1] ?? '' };
  return { session: readCookie(cookie) };
};

/** Deny by default, for every request, in this one place: without a declaration nothing is served. */
export const createGuard = (needs: GuardNeeds) => async (request: FastifyRequest, reply: FastifyReply) => {
  const { declaration, page } = request.routeOptions.config ?? {};
  const is_page = page === true && !isApiPath(request);
  request.who = null;
  const open = declaration?.role === 'open';
  if (open && declaration.plain) return;
  if (!isTls(request.raw) && !needs.is_local(request.raw.socket.remoteAddress)) {
    return is_page ? redirect(request, reply, needs.https_port()) : refusePlain(needs.https_port());
  }
  if (is_page || (open && declaration.by_token)) return;
  request.who = needs.auth.identify(credentialsOf(request.raw));
  refuseForeignOrigin(request);
  requireRole(request.who, declaration?.role ?? 'viewer', needs.auth);
  if (!declaration) throw notFound(request);
};

export const isApiPath = (request: FastifyRequest): boolean => /^\/+api(\/|$|\?)/.test(request.url);

export const notFound = (request: FastifyRequest): AppError =>
  new AppError('not_found', `There is nothing at ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}`, {
    hint: 'All paths are listed at /api/v1/openapi.json',
  });

const refusePlain = (https_port: number | null): never => {
  const where = https_port === null ? 'its HTTPS address' : `https on port ${https_port}`;
  throw new AppError('needs_https', `From another machine this hub answers over HTTPS only; use ${where}`, {
    hint: 'Join a device with the whole command that the hub shows, --pin included; it names the HTTPS address',
  });
};

/** Found, not moved for good: the port is a setting and browsers never forget a permanent redirect. */
const redirect = (request: FastifyRequest, reply: FastifyReply, https_port: number | null) => {
  const host = hostNameOf(request.headers.host);
  if (host === null || https_port === null) return refusePlain(https_port);
  return reply.redirect(`https://${host}:${https_port}${request.url}`, 302);
};

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A page elsewhere must not act with this browser's cookie, nor sign it in; programs with a token have no such browser. */
const refuseForeignOrigin = (request: FastifyRequest): void => {
  const { authorization, origin, host } = request.headers;
  if (SAFE.has(request.method) || authorization !== undefined || origin === undefined) return;
  if (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()) return;
  throw new AppError('forbidden', 'This request comes from a page of another address; open the dashboard itself');
};

const rank = (role: RouteRole): number => ROLES.indexOf(role as (typeof ROLES)[number]);

const requireRole = (who: Identity | null, role: RouteRole, auth: Auth): void => {
  if (role === 'open') return;
  if (!who) {
    const hint = auth.setup_needed
      ? 'Nobody can sign in yet: open the set-up link that the hub printed when it started'
      : 'Sign in, or send an API token as Authorization: Bearer …';
    const setup_needed = auth.setup_needed || undefined;
    throw new AppError('unauthorized', 'This needs a session or an API token', { hint, setup_needed });
  }
  if (rank(who.role) < rank(role)) throw new AppError('forbidden', `This needs the role ${role}; you are ${who.role}`);
};
