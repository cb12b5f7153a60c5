import { connect, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';

/** A light MQTT 3.1.1 client for thousands of connections in one process: QoS 1 with PUBACK times, will, keepalive. */
export interface SimClient {
  publish(topic: string, payload: string): Promise<void>;
  subscribe(topic: string): Promise<void>;
  /** DISCONNECT, then the socket ends. */
  end(): void;
  /** The socket dies without a word, as after kill -9. */
  kill(): void;
  /** Nothing more is read or written, but the socket stays open, as with SIGSTOP. */
  freeze(): void;
  readonly unacknowledged: number;
  onClosed(listener: () => void): void;
}

export interface SimConnect {
  host: string;
  port: number;
  id: string;
  key: string;
  keepalive_s: number;
  will: { topic: string; payload: string };
}

const CONNECT_MS = 20_000;

interface Open {
  socket: Socket;
  /** Packet id → what to do at its acknowledgement. */
  waiting: Map<number, () => void>;
  next: number;
  frozen: boolean;
}

/** Resolves at CONNACK; rejects with what the hub answered. */
export const connectSim = (options: SimConnect): Promise<SimClient> =>
  new Promise((resolve, reject) => {
    const socket = connect(options.port, options.host).setNoDelay(true);
    const parser = mqttPacket.parser();
    const open: Open = { socket, waiting: new Map(), next: 1, frozen: false };
    const deadline = setTimeout(() => socket.destroy(new Error(`${options.id}: no CONNACK within ${CONNECT_MS} ms`)), CONNECT_MS);
    const ping = setInterval(() => open.frozen || send(open, { cmd: 'pingreq' }), options.keepalive_s * 1_000);
    socket.on('data', (chunk) => parser.parse(chunk));
    socket.on('connect', () => send(open, connectPacket(options)));
    socket.on('error', reject);
    socket.on('close', () => {
      clearInterval(ping);
      clearTimeout(deadline);
      reject(new Error(`${options.id}: the hub closed the connection`));
    });
    parser.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connack') {
        clearTimeout(deadline);
        if (packet.returnCode === 0) resolve(asClient(open));
        else reject(new Error(`${options.id}: refused with code ${packet.returnCode}`));
      } else acknowledge(open, packet);
    });
  });

const connectPacket = (options: SimConnect): Packet => ({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  clientId: options.id,
  keepalive: options.keepalive_s,
  username: options.id,
  password: Buffer.from(options.key),
  will: { topic: options.will.topic, payload: Buffer.from(options.will.payload), qos: 1, retain: false },
});

const send = ({ socket }: Open, packet: Packet) => {
  if (!socket.destroyed) socket.write(mqttPacket.generate(packet));
};

const acknowledge = (open: Open, packet: Packet) => {
  if (packet.cmd === 'publish' && packet.qos === 1) send(open, { cmd: 'puback', messageId: packet.messageId ?? 0 });
  if (packet.cmd !== 'puback' && packet.cmd !== 'suback') return;
  const id = packet.messageId ?? 0;
  open.waiting.get(id)?.();
  open.waiting.delete(id);
};

const asClient = (open: Open): SimClient => {
  const request = (make: (messageId: number) => Packet) =>
    new Promise<void>((resolve, reject) => {
      if (open.socket.destroyed) return reject(new Error('the connection is closed'));
      const id = nextId(open);
      open.waiting.set(id, resolve);
      send(open, make(id));
    });
  return {
    publish: (topic, payload) =>
      request((messageId) => ({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain: false })),
    subscribe: (topic) => request((messageId) => ({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos: 1 }] })),
    end: () => {
      send(open, { cmd: 'disconnect' });
      open.socket.end();
    },
    kill: () => open.socket.destroy(),
    freeze: () => {
      open.frozen = true;
      open.socket.pause();
    },
    get unacknowledged() {
      return open.waiting.size;
    },
    onClosed: (listener) => void open.socket.on('close', listener),
  };
};

const nextId = (open: Open): number => {
  do open.next = (open.next % 65_535) + 1;
  while (open.waiting.has(open.next));
  return open.next;
};
