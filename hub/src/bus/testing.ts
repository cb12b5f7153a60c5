import { connect as connectTcp, type Socket } from 'node:net';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { vi } from 'vitest';
import type { BusHandlers, BusRefusal, CloseReason, Grant, Link, Outcome, Received } from './bus.js';

/** A bus's other side for tests: credentials, and everything that the bus tells, in order. */
export interface HeldMessage extends Received {
  link: Link;
  text: string;
  done: (outcome: Outcome) => void;
}

export interface Recorder extends BusHandlers {
  messages: HeldMessage[];
  refusals: BusRefusal[];
  links: Link[];
  ends: { agent: string; id: number; reason: CloseReason }[];
  /** `opened rig`, `received rig report`, `closed rig clean`, in the order of arrival. */
  story: string[];
  /** `ack` at once (default), or leave it to the test. */
  answer: 'ack' | 'hold';
}

export const keyOf = (agent: string): string => `key-of-${agent}`;

/** `carrier` also speaks for `hotspot`; `constructor` and `__proto__` are there to be asked for. */
export const createRecorder = (agents: readonly string[]): Recorder => {
  const grants = new Map<string, Grant>(agents.map((agent) => [agent, { agent, devices: devicesOf(agent) }]));
  const recorder: Recorder = {
    messages: [],
    refusals: [],
    links: [],
    ends: [],
    story: [],
    answer: 'ack',
    verify: (user, password) => (Buffer.from(password).toString() === keyOf(user) ? (grants.get(user) ?? null) : null),
    opened(link) {
      recorder.links.push(link);
      recorder.story.push(`opened ${link.grant.agent}`);
    },
    closed(link, reason) {
      recorder.ends.push({ agent: link.grant.agent, id: link.id, reason });
      recorder.story.push(`closed ${link.grant.agent} ${reason}`);
    },
    received(link, message, done) {
      recorder.messages.push({ ...message, link, text: Buffer.from(message.payload).toString(), done });
      recorder.story.push(`received ${message.device} ${message.kind}`);
      if (recorder.answer === 'ack') done('ack');
    },
    refused: (refusal) => void recorder.refusals.push(refusal),
  };
  return recorder;
};

const devicesOf = (agent: string): ReadonlySet<string> => new Set(agent === 'carrier' ? ['carrier', 'hotspot'] : [agent]);

/** An agent as mqtt.js makes one: no reconnect, so that a test sees every end. */
export const connectAgent = (url: string, agent: string, options: IClientOptions = {}): Promise<MqttClient> =>
  connectAsync(
    url,
    {
      clientId: agent,
      username: agent,
      password: keyOf(agent),
      keepalive: 5,
      reconnectPeriod: 0,
      connectTimeout: 5_000,
      clean: true,
      ...options,
    },
    false,
  ).then((client) => client.on('error', () => {}));

/** Waits for a condition with a deadline; never for a time. */
export const until = (condition: () => unknown, timeout = 10_000): Promise<unknown> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error(`still waiting for: ${condition}`);
    },
    { timeout, interval: 5 },
  );

// ---- packets by hand

const length = (bytes: number): number[] => {
  const out: number[] = [];
  let left = bytes;
  do {
    out.push((left % 128) + (left >= 128 ? 128 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return out;
};
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};
const packet = (first: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([first, ...length(body.length)]), body]);
};

export const raw = {
  header: (first: number, bytes: number): Buffer => Buffer.from([first, ...length(bytes)]),
  connect: (agent: string, { level = 4, keepalive = 5, key = keyOf(agent), id = agent } = {}): Buffer =>
    packet(
      0x10,
      text('MQTT'),
      Buffer.from([level, 0xc2, keepalive >> 8, keepalive & 255]),
      ...(level === 5 ? [Buffer.from([0])] : []),
      text(id),
      text(agent),
      text(key),
    ),
  publish: (topic: string, payload: string, id: number, { dup = false, qos = 1 } = {}): Buffer =>
    packet(
      0x30 | (qos << 1) | (dup ? 8 : 0),
      text(topic),
      ...(qos ? [Buffer.from([id >> 8, id & 255])] : []),
      Buffer.from(payload),
    ),
  pubrel: (id: number): Buffer => packet(0x62, Buffer.from([id >> 8, id & 255])),
  ping: Buffer.from([0xc0, 0]),
  disconnect: Buffer.from([0xe0, 0]),
};

/** Replies that have four bytes or fewer: CONNACK, PUBACK and the like, PINGRESP. */
export interface RawClient {
  socket: Socket;
  send(...parts: Uint8Array[]): void;
  /** Type of each reply, and its packet id where it has one: `puback 7`. */
  replies: string[];
  closed: () => boolean;
}

const NAMES: Record<number, string> = { 2: 'connack', 4: 'puback', 5: 'pubrec', 7: 'pubcomp', 13: 'pingresp' };

export const connectRaw = async (url: string): Promise<RawClient> => {
  const { hostname, port } = new URL(url);
  const socket = connectTcp({ host: hostname, port: Number(port), noDelay: true });
  const replies: string[] = [];
  let rest = Buffer.alloc(0);
  let over = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    over = true;
  });
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + (rest[1] ?? 0)) {
      const size = 2 + (rest[1] ?? 0);
      replies.push(replyOf(rest.subarray(0, size)));
      rest = rest.subarray(size);
    }
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return { socket, replies, send: (...parts) => void socket.write(Buffer.concat(parts)), closed: () => over };
};

const replyOf = (bytes: Buffer): string => {
  const type = (bytes[0] ?? 0) >> 4;
  const name = NAMES[type] ?? `type-${type}`;
  if (type === 2) return `${name} ${bytes[3]}`;
  return bytes.length >= 4 ? `${name} ${bytes.readUInt16BE(2)}` : name;
};
