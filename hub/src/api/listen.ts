import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { AppError } from '@muster/shared/errors';

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
  const http = await open(createServer(DEADLINES, handler), settings.http, 'HTTP');
  if (!settings.https) return { http, https: null };
  const { key, cert } = settings.https;
  try {
    return { http, https: await open(createTlsServer({ ...DEADLINES, key, cert }, handler), settings.https, 'HTTPS') };
  } catch (error) {
    await closeListener(http);
    throw error;
  }
};

const open = (server: Server, { host, port }: { host: string; port: number }, name: 'HTTP' | 'HTTPS'): Promise<Listener> =>
  new Promise((resolve, reject) => {
    server.maxConnections = MAX_CONNECTIONS;
    server.timeout = IDLE_MS;
    server.once('error', (error) => reject(busyPort(error, { host, port, name })));
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      server.on('error', () => {});
      resolve({ server, host, port: (server.address() as AddressInfo).port });
    });
  });

const busyPort = (error: NodeJS.ErrnoException, at: { host: string; port: number; name: string }): AppError => {
  const setting = { port: `MUSTER_${at.name}_PORT`, host: `MUSTER_${at.name}_HOST` };
  const sentences: Record<string, string> = {
    EADDRINUSE: `Port ${at.port} on ${at.host} is taken by another program; stop it or set ${setting.port} to another port (0 takes a free one)`,
    EACCES: `Port ${at.port} on ${at.host} is not allowed for this user; set ${setting.port} to one above 1023`,
    EADDRNOTAVAIL: `${at.host} is not an address of this machine; set ${setting.host} to one that is, or to 0.0.0.0 for all`,
    ENOTFOUND: `${at.host} is not a known host name; set ${setting.host} to an address of this machine`,
  };
  const sentence = sentences[error.code ?? ''] ?? `Cannot listen on ${at.host}:${at.port}: ${error.message}; see ${setting.port}`;
  const path = `${at.name.toLowerCase()}.${error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' ? 'host' : 'port'}`;
  return new AppError('bad_settings', sentence, { path }, { cause: error });
};

export const closeListener = ({ server }: Listener): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
