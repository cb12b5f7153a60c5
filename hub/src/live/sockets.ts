import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Auth, Identity } from '../parts.js';
import { LiveClient } from './client.js';
import { CLOSE, type LiveLimits } from './limits.js';
import { refuseUpgrade } from './refuse.js';
import { judgeUpgrade } from './upgrade.js';

export interface SocketNeeds {
  identify: Auth['identify'];
  hear: (client: LiveClient, text: string) => void;
  gone: (client: LiveClient) => void;
  /** Monotonic, ms. */
  tick: () => number;
}

/** The open sockets: who may come in, who still answers, who must go. */
export const createSockets = (needs: SocketNeeds, limits: LiveLimits) => {
  const clients = new Set<LiveClient>();
  const options = {
    noServer: true,
    maxPayload: limits.max_payload,
    perMessageDeflate: false,
    clientTracking: false,
    // ws 8.21 knows it, its types do not.
    closeTimeout: limits.close_ms,
  };
  const server = new WebSocketServer(options);

  const forget = (client: LiveClient): void => {
    if (clients.delete(client)) needs.gone(client);
  };
  const accept = (socket: WebSocket, identity: Identity): void => {
    const client = new LiveClient(socket, identity, { limits, now: needs.tick() });
    clients.add(client);
    // A frame that ws refuses ends the socket; `close` follows.
    socket.on('error', () => {});
    socket.on('close', () => forget(client));
    socket.on('pong', () => {
      client.answered = true;
    });
    socket.on('message', (data) => clients.has(client) && needs.hear(client, String(data)));
  };
  const full = (identity: Identity): boolean => {
    const own = [...clients].filter((client) => client.identity.id === identity.id).length;
    return clients.size >= limits.sockets || own >= limits.sockets_per_identity;
  };

  return {
    clients: clients as ReadonlySet<LiveClient>,
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      socket.on('error', () => {});
      const verdict = judgeUpgrade(request, needs.identify);
      if (!verdict.ok) refuseUpgrade(socket, verdict.status, verdict.sentence);
      else if (full(verdict.identity)) refuseUpgrade(socket, 429, 'Too many live connections; close some and try again');
      else server.handleUpgrade(request, socket, head, (opened) => accept(opened, verdict.identity));
    },
    /** A socket that did not answer the last ping is dead. */
    ping(): void {
      for (const client of clients) {
        if (!client.answered) client.socket.terminate();
        else if (client.open) client.socket.ping();
        client.answered = false;
      }
    },
    /** Nothing more is sent to the sockets of a session or token that has ended. */
    end(identity: string): void {
      for (const client of [...clients]) {
        if (client.identity.id !== identity) continue;
        forget(client);
        client.socket.close(CLOSE.ended, 'signed out');
      }
    },
    closeAll(): void {
      for (const client of [...clients]) {
        forget(client);
        client.socket.close(CLOSE.going_away, 'the hub is stopping');
        // A server's close waits for its sockets; the close frame has left already where it can.
        client.socket.terminate();
      }
    },
  };
};
