import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ListenerName, listenError } from '../listen-error.js';

export interface ListenSettings {
  http: { host: string; port: number };
  https: { host: string; port: number; key: string; cert: string } | null;
}

export interface Listener {
  server: Server;
  host: string;
  port: number;
}

export interface Listeners {
  http: Listener;
  https: Listener | null;
}

/** Slow senders are cut: headers in 15 s, a whole request in 30 s, a connection that moves nothing in 2 min. */
const DEADLINES: ServerOptions = {
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
};
const IDLE_MS = 120_000;
/** Browsers and scripts; leaves the file handles that 10,000 devices need. */
const MAX_CONNECTIONS = 2_000;

/** Opens both listeners or none; a taken port is an error that names its setting. */
export const openListeners = async (handler: RequestListener, settings: ListenSettings): Promise<Listeners> => {
  const http = await open(createServer(DEADLINES, handler), settings.http, 'http');
  if (!settings.https) return { http, https: null };
  const { key, cert } = settings.https;
  try {
    return { http, https: await open(createTlsServer({ ...DEADLINES, key, cert }, handler), settings.https, 'https') };
  } catch (error) {
    await closeListener(http);
    throw error;
  }
};

const open = (server: Server, { host, port }: { host: string; port: number }, name: ListenerName): Promise<Listener> =>
  new Promise((resolve, reject) => {
    server.maxConnections = MAX_CONNECTIONS;
    server.timeout = IDLE_MS;
    server.once('error', (error) => reject(listenError(name, { host, port }, error)));
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      server.on('error', () => {});
      resolve({ server, host, port: (server.address() as AddressInfo).port });
    });
  });

export const closeListener = ({ server }: Listener): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
