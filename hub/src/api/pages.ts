import { access } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { AppError } from '@muster/shared/errors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendFailure } from './failures.js';
import { isApiPath, notFound } from './guard.js';

const YEAR_MS = 365 * 86_400_000;
/** Vite puts a hash in the names of these: what is at such a path never changes. */
const HASHED = /^assets\//;

/** The dashboard: its files, and index.html for every page that it draws itself. */
export const servePages = async (app: FastifyInstance, web_folder: string): Promise<void> => {
  await app.register(fastifyStatic, { root: web_folder, serve: false, preCompressed: true, dotfiles: 'ignore', index: false });
  app.route<{ Params: { '*': string } }>({
    method: ['GET', 'HEAD'],
    url: '/*',
    config: { page: true },
    handler: (request, reply) => {
      const path = request.params['*'];
      if (isApiPath(request)) throw notFound(request);
      return isFile(path) ? sendFile(reply, path) : sendIndex(reply, web_folder);
    },
  });
  app.setNotFoundHandler((request, reply) => answerMissing(request, reply));
};

/** Pages of the dashboard have no dot in their last part, and none at the start of any. */
const isFile = (path: string): boolean => /\.[^/]+$|(^|\/)\./.test(path);

const sendFile = (reply: FastifyReply, path: string): FastifyReply =>
  HASHED.test(path)
    ? reply.sendFile(path, { maxAge: YEAR_MS, immutable: true })
    : reply.header('cache-control', 'no-cache').sendFile(path, { cacheControl: false });

const sendIndex = async (reply: FastifyReply, web_folder: string): Promise<FastifyReply> => {
  const built = await access(join(web_folder, 'index.html')).then(
    () => true,
    () => false,
  );
  if (built) return sendFile(reply, 'index.html');
  return reply
    .code(503)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send('The dashboard is not built yet. Run "npm run build" in the folder of Muster, then load this page again.\n');
};

const answerMissing = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  request.routeOptions.config?.page === true
    ? sendFailure(reply, new AppError('not_found', 'There is no such file'))
    : sendFailure(reply, notFound(request));
