import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { AppError } from '@muster/shared/errors';
import type { IClientOptions } from 'mqtt/lib/client';
import { createPinger, isPong, type Pinger } from './pinger.js';
import { openSocket } from './socket.js';

// The package's own switch: Node's streams in place of a second copy of them, 0.9 MiB (measured).
process.env['READABLE_STREAM'] = 'disable';
// The client alone, without mqtt.js's own ways to connect (ws, socks); by require, as loaders disagree on its default export.
const { default: MqttClient } = createRequire(import.meta.url)('mqtt/lib/client') as typeof import('mqtt/lib/client');
type Client = InstanceType<typeof MqttClient>;

/** One MQTT connection, from CONNACK to its end. Never reconnects: mqtt.js would resend before the birth. */
export interface Link {
  /** Resolves when the PUBACK came; rejects when the connection ended before. */
  publish(topic: string, payload: string): Promise<void>;
  subscribe(topic: string): Promise<void>;
  /** Resolves with the reason once the connection has ended. */
  closed: Promise<string>;
  /** Cuts the connection; the hub then publishes the will. */
  cut(): void;
  /** DISCONNECT: the hub drops the will. */
  goodbye(): Promise<void>;
}

export interface LinkRequest {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  address: string;
  pin: string | null;
  device: string;
  key: string;
  keepalive_s: number;
  will: { topic: string; payload: string };
  onMessage(topic: string, payload: Uint8Array): void;
  signal: AbortSignal;
}

export type OpenLink = (request: LinkRequest) => Promise<Link>;

/** Opens the socket (pin first), then CONNECT on it; resolves at CONNACK. */
export const openLink: OpenLink = async (request) => {
  const url = new URL(request.address);
  const tls = url.protocol === 'mqtts:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (tls ? 8883 : 1883));
  const socket = await openSocket({ host, port, tls, pin: request.pin, signal: request.signal });
  let giveUp = () => {};
  const pinger = createPinger(socket, request.keepalive_s, () => giveUp());
  feedByHand(socket, pinger);
  const client = new MqttClient(() => socket, optionsOf(request));
  const link = wrap(client, socket, pinger);
  giveUp = link.silent;
  client.on('message', (topic, payload) => request.onMessage(topic, payload));
  await connected(client, link, request);
  return link;
};

/** What mqtt.js would pipe into its parser, without the answers to pings: they took a third of the agent's processor time (measured). */
const feedByHand = (socket: Socket, pinger: Pinger): void => {
  const feed = (parser: NodeJS.WritableStream) => {
    socket.on('data', (piece: Buffer) => {
      pinger.heard();
      if (isPong(piece) || parser.write(piece)) return;
      socket.pause();
      parser.once('drain', () => socket.resume());
    });
    return parser;
  };
  socket.pipe = feed as Socket['pipe'];
};

const optionsOf = ({ device, key, keepalive_s, will }: LinkRequest): IClientOptions => ({
  clientId: device,
  username: device,
  password: key,
  keepalive: keepalive_s,
  clean: true,
  protocolVersion: 4,
  reconnectPeriod: 0,
  resubscribe: false,
  queueQoSZero: false,
  // 9 MiB of ready-made numbers otherwise (measured).
  writeCache: false,
  // Its pings never come: the pinger's do, counted from what we sent as the broker counts.
  timerVariant: { set: () => 1, clear() {} },
  reschedulePings: false,
  connectTimeout: 60_000,
  will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: false },
});

const connected = (client: Client, link: Link, { address, signal }: LinkRequest): Promise<void> =>
  new Promise((resolve, reject) => {
    const abort = () => {
      reject(new AppError('timeout', `${address} took the connection but did not answer CONNECT`));
      link.cut();
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    client.once('connect', () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    link.closed.then((why) => {
      signal.removeEventListener('abort', abort);
      reject(refusal(why, address));
    });
  });

const refusal = (why: string, address: string): AppError => {
  const refused = /not authorized|bad username|identifier rejected/i.test(why);
  if (refused) return new AppError('unauthorized', `The hub at ${address} refuses this device key; join again`);
  return new AppError('unreachable', `${address}: ${why}`);
};

const wrap = (client: Client, socket: Socket, pinger: Pinger): Link & { silent(): void } => {
  let reason = 'the connection was closed';
  const cut = () => {
    client.end(true);
    socket.destroy();
  };
  client.on('error', (error) => {
    reason = error.message;
    cut();
  });
  const pending = new Set<(why: AppError) => void>();
  const closed = new Promise<string>((resolve) =>
    client.once('close', () => {
      pinger.stop();
      for (const giveUp of pending) giveUp(new AppError('unreachable', reason));
      resolve(reason);
    }),
  );
  const whileOpen = <T>(act: (done: (error?: Error | null, result?: T) => void) => void): Promise<T | undefined> =>
    new Promise<T | undefined>((resolve, reject) => {
      pending.add(reject);
      pinger.sent();
      act((error, result) => {
        pending.delete(reject);
        if (error) reject(error);
        else resolve(result);
      });
    });
  return {
    closed,
    cut,
    silent() {
      reason = 'Keepalive timeout';
      cut();
    },
    async publish(topic, payload) {
      await whileOpen((done) => client.publish(topic, payload, { qos: 1 }, (error) => done(error)));
    },
    async subscribe(topic) {
      const granted = await whileOpen<{ qos: number }[]>((done) =>
        client.subscribe(topic, { qos: 1 }, (error, grants) => done(error, grants)),
      );
      if (granted?.[0]?.qos === 128) throw new AppError('forbidden', `The hub does not let this device subscribe to ${topic}`);
    },
    async goodbye() {
      // What is not acknowledged stays in the spool; mqtt.js would wait for it for ever.
      for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
      client.end(false);
      await closed;
    },
  };
};
