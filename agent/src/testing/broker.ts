import { createPublicKey } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { pinOf } from '@muster/shared/pin';
import type { Birth, ColumnarReport, ColumnList, DeviceEvent, Result, Rewards } from '@muster/shared/wire/messages';
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
  body: BrokerBody;
}

/** The fields of every kind together: a test reads those of the kind that it looks at. */
export type BrokerBody = Omit<Birth & ColumnarReport & Rewards & DeviceEvent & Result, 'columns'> & {
  columns: ColumnList[] & string;
};

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
  const record = createRecord((device, kind) => {
    if (kind === 'birth' && now) setImmediate(() => command(device, { id: 'time', command: 'time', args: { now: now() } }));
  });
  const counts = { bytes: 0, sockets: 0 };
  const countBytes = (part: Uint8Array) => {
    counts.bytes += part.length;
  };
  let port = 0;
  let listener: Listener | null = null;
  let broker: Aedes;

  const command = (device: string, message: object) => {
    const payload = JSON.stringify(message);
    broker.publish(
      { cmd: 'publish', topic: `muster/v1/${device}/command`, payload, qos: 1, retain: false, dup: false },
      () => {},
    );
  };
  const revive = async () => {
    broker = await makeBroker(record, settings.refuses === true);
    const onSocket = (socket: Socket) => (settings.deaf ? void socket.on('data', countBytes) : void broker.handle(socket));
    listener = await listen({ port, secure, onSocket, onConnection: () => counts.sockets++ });
    port = listener.port;
  };
  const kill = async () => {
    const dying = listener;
    listener = null;
    record.forget();
    if (!dying) return;
    await dying.close();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
  };

  await revive();
  return {
    port,
    address: `${secure ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`,
    pin: secure && pinOf(createPublicKey(secure.cert).export({ type: 'spki', format: 'der' })),
    messages: record.messages,
    get bytes_received() {
      return counts.bytes;
    },
    get sockets_seen() {
      return counts.sockets;
    },
    get connections() {
      return record.connections();
    },
    get most_unacknowledged() {
      return record.most();
    },
    hold: record.hold,
    command,
    kill,
    revive,
    close: kill,
  };
};

type Receive = (topic: string, payload: string, done: () => void) => void;

/** What came, and what still waits for its PUBACK. */
const createRecord = (acknowledged: (device: string, kind: string) => void) => {
  const messages: BrokerMessage[] = [];
  let held: (() => void)[] = [];
  let holding = false;
  let most = 0;
  let connections = 0;
  return {
    messages,
    most: () => most,
    connections: () => connections,
    forget() {
      held = [];
    },
    hold(on: boolean) {
      holding = on;
      const waiting = on ? [] : held.splice(0);
      for (const acknowledge of waiting) acknowledge();
    },
    connect(): Receive {
      const connection = ++connections;
      let waiting = 0;
      return (topic, payload, done) => {
        const [, , device = '', kind = ''] = topic.split('/');
        const message = { device, kind, connection, acknowledged: false, body: JSON.parse(payload) };
        messages.push(message);
        most = Math.max(most, ++waiting);
        const acknowledge = () => {
          waiting--;
          message.acknowledged = true;
          done();
          acknowledged(device, kind);
        };
        if (holding) held.push(acknowledge);
        else acknowledge();
      };
    },
  };
};

const makeBroker = async (record: ReturnType<typeof createRecord>, refuses: boolean): Promise<Aedes> => {
  const broker = await Aedes.createBroker();
  const receivers = new Map<unknown, Receive>();
  broker.authenticate = (client, _user, _password, done) => {
    receivers.set(client, record.connect());
    done(null, !refuses);
  };
  broker.authorizePublish = (client, packet, done) =>
    receivers.get(client)?.(packet.topic, packet.payload.toString(), () => done(null)) ?? undefined;
  broker.on('clientError', () => {});
  broker.on('connectionError', () => {});
  return broker;
};

interface Listener {
  port: number;
  close(): Promise<void>;
}

interface ListenSettings {
  port: number;
  secure: { private: string; cert: string } | null;
  onSocket(socket: Socket): void;
  onConnection(): void;
}

const listen = async ({ port, secure, onSocket, onConnection }: ListenSettings): Promise<Listener> => {
  const sockets = new Set<Socket>();
  const take = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    onSocket(socket);
  };
  const server: Server = secure ? createTlsServer({ key: secure.private, cert: secure.cert }, take) : createServer(take);
  server.on('tlsClientError', () => {}).on('connection', onConnection);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
};
