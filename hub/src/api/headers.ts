import type { IncomingMessage } from 'node:http';
import type { FastifyHelmetOptions } from '@fastify/helmet';
import { hostNameOf } from './remote.js';

/** Safari before 15.4 does not count ws: as 'self'; the host is spelled out, never a bare `ws:` that allows any. */
const ownSockets = (request: IncomingMessage): string => {
  const { host } = request.headers;
  return hostNameOf(host) === null ? "'self'" : `ws://${host} wss://${host}`;
};

/**
 * What a page may do. No `upgrade-insecure-requests`: it blanks a plain page at a LAN address.
 * No HSTS: with the hub's own certificate it would take away the browser's "go on" and close every port of the host to plain HTTP.
 */
export const HELMET: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      connectSrc: ["'self'", (request) => ownSockets(request)],
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
  strictTransportSecurity: false,
  // Browsers ignore these two on a plain address and say so in the console of every page.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xFrameOptions: { action: 'deny' },
};
