/** A hub that does nothing but acknowledge, in a process of its own: what the load generator can give at most. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface Sink {
  port: number;
  pid: number;
  stop(): void;
}

export const startSink = async (): Promise<Sink> => {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['sink'], { execArgv: [] });
  const [port] = (await once(child, 'message')) as [number];
  return { port, pid: child.pid ?? 0, stop: () => void child.kill('SIGKILL') };
};

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const CONNECT = 1;
const PUBLISH = 3;
const PINGREQ = 12;
const PINGRESP = Buffer.from([0xd0, 0]);

const serve = async () => {
  const server = createServer({ noDelay: true }, answer);
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 });
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
  process.on('disconnect', () => process.exit(0));
};

const answer = (socket: Socket): void => {
  let rest = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const bytes = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    const answers: Buffer[] = [];
    let at = 0;
    for (let next = sizeAt(bytes, at); next > 0 && at + next <= bytes.length; next = sizeAt(bytes, at)) {
      const reply = replyTo(bytes, at);
      if (reply) answers.push(reply);
      at += next;
    }
    rest = bytes.subarray(at);
    if (answers.length) socket.write(answers.length === 1 ? (answers[0] ?? CONNACK) : Buffer.concat(answers));
  });
};

/** Whole length of the packet there; 0 while its header is incomplete. */
const sizeAt = (bytes: Buffer, at: number): number => {
  let length = 0;
  for (let i = 1; i <= 4 && at + i < bytes.length; i++) {
    const byte = bytes[at + i] ?? 0;
    length += (byte & 127) * 128 ** (i - 1);
    if (byte < 128) return 1 + i + length;
  }
  return 0;
};

const replyTo = (bytes: Buffer, at: number): Buffer | null => {
  const kind = (bytes[at] ?? 0) >> 4;
  if (kind === CONNECT) return CONNACK;
  if (kind === PINGREQ) return PINGRESP;
  if (kind !== PUBLISH) return null;
  let topic = at + 1;
  while ((bytes[topic] ?? 0) >= 128) topic++;
  topic += 1;
  const id = topic + 2 + bytes.readUInt16BE(topic);
  return Buffer.from([0x40, 2, bytes[id] ?? 0, bytes[id + 1] ?? 0]);
};

if (process.argv[2] === 'sink' && process.send) void serve();
