import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { AppError } from '@muster/shared/errors';
import { envName } from '@muster/shared/settings';

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

const listenError = (name: ListenerName, { host, port }: ListenAt, cause: NodeJS.ErrnoException): AppError => {
  const [part, sentence] = reasonOf(cause, host, port);
  const setting = `${name}.${part}`;
  const hint = `Set ${setting} (${envName(setting)}) to another one${part === 'port' ? ', or to 0 for any free one' : ''}`;
  return new AppError('bad_settings', `${sentence}. ${hint}.`, { path: setting, hint }, { cause });
};

const reasonOf = (cause: NodeJS.ErrnoException, host: string, port: number): ['host' | 'port', string] => {
  if (cause.code === 'EADDRINUSE') return ['port', `Port ${port} for MQTT on ${host} is in use by another program`];
  if (cause.code === 'EACCES') return ['port', `Port ${port} for MQTT on ${host} may not be opened by this user`];
  return ['host', `MQTT cannot listen on ${host} port ${port} (${cause.code ?? cause.message})`];
};

const addressOf = ({ name }: ListenerNeeds, { address, port }: AddressInfo): string =>
  `${name}://${isIPv6(address) ? `[${address}]` : address}:${port}`;
