import { createPublicKey } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { pinOf } from '@muster/shared/pin';
import { Aedes } from 'aedes';
import { generate } from 'selfsigned';

/** A real broker on loopback that plays the hub: it can withhold PUBACKs, die and come back on its port. */
export interface TestBroker {
  readonly port: number;
  readonly address: string;
  readonly pin: string | null;
  /** Every message as it came, in order. */
  readonly messages: BrokerMessage[];
  /** Bytes that came to a deaf one. */
  readonly bytes_received: number;
  /** Sockets taken so far, before any handshake. */
  readonly sockets_seen: number;
  /** CONNECTs so far. */
  readonly connections: number;
  /** Most PUBLISHes of one connection that waited for their PUBACK at the same time. */
  readonly most_unacknowledged: number;
  /** Whether PUBACKs are withheld. */
  hold(on: boolean): void;
  /** Sends a command to a device. */
  command(device: string, message: object): void;
  /** Drops every connection, listens no longer. */
  kill(): Promise<void>;
  /** Listens again on the same port, remembering nothing. */
  revive(): Promise<void>;
  close(): Promise<void>;
}

export interface BrokerMessage {
  device: string;
  kind: string;
  connection: number;
  acknowledged: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it knows is there.
  body: any;
}

export interface BrokerSettings {
  tls?: boolean;
  /** What it says after a birth; null: nothing. */
  now?: (() => number) | null;
  /** Takes connections and counts their bytes, but never answers. */
  deaf?: boolean;
  /** Refuses every CONNECT. */
  refuses?: boolean;
}

export const startTestBroker = async (settings: BrokerSettings = {}): Promise<TestBroker> => {
  const { now = Date.now } = settings;
  const secure = settings.tls ? await generate([{ name: 'commonName', value: 'muster' }], { keyType: 'ec' }) : null;
  const messages: BrokerMessage[] = [];
  const sockets = new Set<Socket>();
  let held: (() => void)[] = [];
  let holding = false;
  const counts = { bytes: 0, sockets: 0, connections: 0, most: 0 };
  let port = 0;
  let server: Server | null = null;
  let broker: Aedes;

  const command = (device: string, message: object) =>
    broker.publish(
      {
        cmd: 'publish',
        topic: `muster/v1/${device}/command`,
        payload: JSON.stringify(message),
        qos: 1,
        retain: false,
        dup: false,
      },
      () => {},
    );
  const take = (connection: number, unacknowledged: { count: number }, topic: string, payload: string, done: () => void) => {
    const [, , device = '', kind = ''] = topic.split('/');
    const message = { device, kind, connection, acknowledged: false, body: JSON.parse(payload) };
    messages.push(message);
    counts.most = Math.max(counts.most, ++unacknowledged.count);
    const acknowledge = () => {
      unacknowledged.count--;
      message.acknowledged = true;
      done();
      if (kind === 'birth' && now) setImmediate(() => command(device, { id: 'time', command: 'time', args: { now: now() } }));
    };
    if (holding) held.push(acknowledge);
    else acknowledge();
  };
  const makeBroker = async () => {
    const made = await Aedes.createBroker();
    const known = new Map<unknown, { connection: number; unacknowledged: { count: number } }>();
    made.authenticate = (client, _user, _password, done) => {
      known.set(client, { connection: ++counts.connections, unacknowledged: { count: 0 } });
      done(null, !settings.refuses);
    };
    made.authorizePublish = (client, packet, done) => {
      const { connection, unacknowledged } = known.get(client) ?? { connection: 0, unacknowledged: { count: 0 } };
      take(connection, unacknowledged, packet.topic, packet.payload.toString(), () => done(null));
    };
    made.on('clientError', () => {});
    made.on('connectionError', () => {});
    return made;
  };
  const onSocket = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    if (!settings.deaf) return void broker.handle(socket);
    socket.on('data', (part) => {
      counts.bytes += part.length;
    });
  };
  const revive = async () => {
    broker = await makeBroker();
    const made = secure ? createTlsServer({ key: secure.private, cert: secure.cert }, onSocket) : createServer(onSocket);
    made.on('tlsClientError', () => {});
    made.on('connection', () => counts.sockets++);
    server = made;
    await new Promise<void>((resolve) => made.listen(port, '127.0.0.1', resolve));
    port = (made.address() as AddressInfo).port;
  };
  const kill = async () => {
    const dying = server;
    server = null;
    held = [];
    if (!dying) return;
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => dying.close(() => resolve()));
    await new Promise<void>((resolve) => broker.close(() => resolve()));
  };

  await revive();
  return {
    get port() {
      return port;
    },
    get address() {
      return `${secure ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`;
    },
    pin: secure && pinOf(createPublicKey(secure.cert).export({ type: 'spki', format: 'der' })),
    messages,
    get bytes_received() {
      return counts.bytes;
    },
    get sockets_seen() {
      return counts.sockets;
    },
    get connections() {
      return counts.connections;
    },
    get most_unacknowledged() {
      return counts.most;
    },
    hold(on) {
      holding = on;
      if (on) return;
      const waiting = held;
      held = [];
      for (const acknowledge of waiting) acknowledge();
    },
    command,
    kill,
    revive,
    close: kill,
  };
};
