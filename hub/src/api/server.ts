import type { IncomingMessage, RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import helmet from '@fastify/helmet';
import { AppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { check } from '@muster/shared/schema';
import Fastify, { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import * as v from 'valibot';
import type { Identity, Parts } from '../parts.js';
import { writeCookie } from './cookie.js';
import { createErrorHandler, sendFailure } from './failures.js';
import { createGuard, credentialsOf, isTls } from './guard.js';
import { HELMET } from './headers.js';
import { INSTALLER_FOLDER, loadInstaller } from './installer.js';
import { closeListener, type Listeners, type ListenSettings, openListeners } from './listen.js';
import { servePages } from './pages.js';
import { isLoopback } from './remote.js';
import type { Exchange, RouteDeclaration } from './route.js';
import { createRoutes } from './routes/index.js';

export interface ApiNeeds {
  parts: Parts;
  /** Prometheus text, in pieces. */
  metrics: () => AsyncIterable<string>;
  /** Where the built dashboard lies. */
  web_folder: string;
  /** Where `install.sh` and the packed agent lie; of this package unless said otherwise. */
  installer_folder?: URL | undefined;
  log: Log;
  settings: ApiSettings;
}

export interface ApiSettings {
  /** MUSTER_PUBLIC_URL. */
  public_url: string | null;
  /** Which addresses are this host itself; loopback unless said otherwise. */
  is_local?: ((address: string | undefined) => boolean) | undefined;
  /** Holds every reply against its declaration: for tests, it costs time. */
  check_replies?: boolean | undefined;
}

export interface Api {
  /** To be awaited before the first request. */
  ready(): Promise<void>;
  handler: RequestListener;
  /** Opens the listeners (after `ready`); their servers also carry the live channel's upgrades. */
  listen(settings: ListenSettings): Promise<Listeners>;
  /** Who a request comes from; for upgrades, which do not pass the routes. */
  identify(request: IncomingMessage): Identity | null;
  stop(): Promise<void>;
}

const BODY_BYTES = 1_000_000;
/** A series key can be a path part. */
const PARAM_CHARS = 500;

export const createApi = (needs: ApiNeeds): Api => {
  const app = Fastify({
    logger: false,
    trustProxy: false,
    bodyLimit: BODY_BYTES,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: PARAM_CHARS },
    frameworkErrors: (error, _request, reply) => void sendFailure(reply as unknown as FastifyReply, error),
  });
  let listeners: Listeners | null = null;
  let preparing: Promise<void> | null = null;
  const https_port = () => listeners?.https?.port ?? null;
  const { auth } = needs.parts;
  return {
    ready: () => {
      preparing ??= prepare(app, needs, https_port);
      return preparing;
    },
    handler: (request, response) => app.routing(request, response),
    async listen(settings) {
      listeners = await openListeners((request, response) => app.routing(request, response), settings);
      return listeners;
    },
    identify: (request) => auth.identify(credentialsOf(request)),
    async stop() {
      const open = listeners;
      listeners = null;
      if (open) await Promise.all([closeListener(open.http), open.https ? closeListener(open.https) : undefined]);
      await app.close();
    },
  };
};

const prepare = async (app: FastifyInstance, needs: ApiNeeds, https_port: () => number | null): Promise<void> => {
  const { settings, parts } = needs;
  app.setErrorHandler(createErrorHandler(needs.log));
  app.decorateRequest('who', null);
  acceptJsonOnly(app);
  await app.register(helmet, HELMET);
  app.addHook('onRequest', createGuard({ auth: parts.auth, is_local: settings.is_local ?? isLoopback, https_port }));
  const installer = await loadInstaller(needs.installer_folder ?? INSTALLER_FOLDER);
  const { metrics } = needs;
  for (const route of createRoutes({ metrics, public_url: settings.public_url, installer })) mount(app, route, needs);
  await servePages(app, needs.web_folder);
  await app.ready();
};

/** One content type, so that no form of another page can send a body; `__proto__` in it is an error. */
const acceptJsonOnly = (app: FastifyInstance): void => {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parse(request, body as string, done);
  });
  // A form or program that has only a token to send: what it sends beside is not read.
  app.addContentTypeParser('*', (request, payload, done) => {
    if (request.routeOptions.config.declaration?.by_token) {
      payload.resume();
      done(null, undefined);
    } else done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(request.headers['content-type']));
  });
};

const mount = (app: FastifyInstance, declaration: RouteDeclaration, needs: ApiNeeds): void => {
  app.route({
    method: declaration.method === 'GET' && declaration.path === '/healthz' ? ['GET', 'HEAD'] : declaration.method,
    url: declaration.path,
    config: { declaration },
    handler: (request, reply) => answer(declaration, { request, reply }, needs),
  });
};

const answer = async (
  route: RouteDeclaration,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  needs: ApiNeeds,
): Promise<FastifyReply> => {
  const { parts, settings } = needs;
  const exchange = exchangeOf(request, reply, settings);
  const result: unknown = await route.handle({ ...inputOf(route, request), parts, exchange });
  if (settings.check_replies) checkReply(route, result);
  if (route.method !== 'GET' && !route.by_token) await noteAudit(route, request, parts);
  reply.header('cache-control', 'no-store');
  if (route.by_token) reply.header('access-control-allow-origin', '*');
  if (route.content_type === undefined) return reply.type('application/json').send(JSON.stringify(result));
  if (!reply.hasHeader('content-type')) reply.type(route.content_type);
  return reply.send(result);
};

const inputOf = (route: RouteDeclaration, request: FastifyRequest) => ({
  params: route.params && check(route.params, request.params, 'The path'),
  query: route.query && check(route.query, request.query, 'The query'),
  body: route.body && check(route.body, request.body ?? {}, 'The body'),
});

const checkReply = (route: RouteDeclaration, result: unknown): void => {
  if (result instanceof Readable) return;
  const checked = v.safeParse(route.reply, route.content_type ? result : JSON.parse(JSON.stringify(result)));
  if (checked.success) return;
  const at = v.getDotPath(checked.issues[0]);
  throw new Error(`${route.method} ${route.path} answers other than it declares at ${at}: ${checked.issues[0].message}`);
};

const exchangeOf = (request: FastifyRequest, reply: FastifyReply, settings: ApiSettings): Exchange => {
  const tls = isTls(request.raw);
  const remote = request.raw.socket.remoteAddress ?? '';
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort(new AppError('timeout', 'The client went away')));
  return {
    who: request.who,
    remote,
    secure: tls || (settings.is_local ?? isLoopback)(remote),
    signal: gone.signal,
    status: (code) => void reply.code(code),
    type: (content_type) => void reply.type(content_type),
    session: (value) => void reply.header('set-cookie', writeCookie(value, tls)),
  };
};

/** Every call that changed something; only the body fields that its declaration names. */
const noteAudit = (route: RouteDeclaration, request: FastifyRequest, parts: Parts): Promise<void> => {
  const body = (request.body ?? {}) as Record<string, never>;
  const shown = (route.audit ?? []).filter((field) => body[field] !== undefined).map((field) => [field, body[field]]);
  const subject = Object.values(request.params as Record<string, string>).join('/');
  return parts.audit.note(
    request.who?.name ?? 'nobody',
    `${route.method} ${route.path}`,
    subject || request.url.split('?')[0] || '',
    Object.fromEntries(shown),
  );
};
