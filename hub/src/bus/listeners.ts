import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { listenError } from '../listen-error.js';

/** Where to listen; port 0 takes a free one. */
export interface ListenAt {
  host: string;
  port: number;
}

/** The setting group that a listener's errors name. */
export type ListenerName = 'mqtt' | 'mqtts';

export interface Listener {
  /** `mqtt://host:port`, once listening. */
  address(): string | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ListenerNeeds {
  name: ListenerName;
  at: ListenAt;
  tls: { key: string; cert: string } | null;
  handshake_ms: number;
  /** Whether a raw connection may stay; asked before TLS. */
  admit: (socket: Socket) => boolean;
  accept: (socket: Socket) => void;
  failed: (error: Error) => void;
}

export const createListener = (needs: ListenerNeeds): Listener => {
  let server: Server | null = null;
  const sockets = new Set<Socket>();
  const arrive = (socket: Socket): void => {
    // A reset between two of our listeners must find someone who hears it.
    socket.on('error', () => {});
    if (!needs.admit(socket)) socket.destroy();
    else {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
  };
  return {
    address() {
      const info = server?.address() as AddressInfo | null | undefined;
      return info ? addressOf(needs, info) : undefined;
    },
    async start() {
      server = needs.tls ? createSecure(needs, needs.tls) : createServer({ noDelay: true }, needs.accept);
      server.prependListener('connection', arrive);
      await listen(server, needs);
      server.on('error', needs.failed);
    },
    async stop() {
      const closing = server;
      server = null;
      if (!closing) return;
      await new Promise<void>((resolve) => {
        closing.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
    },
  };
};

const createSecure = (needs: ListenerNeeds, tls: { key: string; cert: string }): Server => {
  const server = createTlsServer({ ...tls, minVersion: 'TLSv1.2', handshakeTimeout: needs.handshake_ms, noDelay: true });
  server.on('secureConnection', needs.accept);
  // Scanners and half handshakes. After its handshake time-out Node leaves the socket open (seen on 20.20).
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
};

const listen = (server: Server, { name, at }: ListenerNeeds): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(listenError(name, at, cause));
    server.once('error', fail);
    server.listen({ host: at.host, port: at.port, backlog: 4_096 }, () => {
      server.off('error', fail);
      resolve();
    });
  });

const addressOf = ({ name }: ListenerNeeds, { address, port }: AddressInfo): string =>
  `${name}://${isIPv6(address) ? `[${address}]` : address}:${port}`;
