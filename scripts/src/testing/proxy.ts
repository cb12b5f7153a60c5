import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { parser } from 'mqtt-packet';

/** A loopback TCP proxy between an agent and its hub: it can make the link bad, and tells what the agent sent. */
export type Fault =
  | { kind: 'none' }
  /** Every piece waits so long: what TCP makes of lost packets. */
  | { kind: 'delay'; ms: number }
  | { kind: 'slow'; bytes_per_s: number }
  /** Nothing passes; it comes later. */
  | { kind: 'stall' }
  /** Half open: nothing passes ever, and nobody is told. */
  | { kind: 'swallow' }
  /** A pulled cable: nothing passes ever, and neither side is told that the other has gone. */
  | { kind: 'cut' };

export interface SentRow {
  boot: string;
  seq: number;
  ts: number;
  /** When it passed. */
  at: number;
}

export interface LinkProxy {
  port: number;
  set(fault: Fault): void;
  /** Ends every connection with RST. */
  reset(): void;
  readonly connections: number;
  /** Every row that the agent sent, as often as it was sent. */
  readonly rows: readonly SentRow[];
  /** Sequence numbers of its events and rewards, by boot. */
  readonly messages: readonly { boot: string; seq: number }[];
  close(): Promise<void>;
}

const TICK_MS = 20;

export const startProxy = async (target: { host: string; port: number }): Promise<LinkProxy> => {
  const sockets = new Set<Socket>();
  const rows: SentRow[] = [];
  const messages: { boot: string; seq: number }[] = [];
  const state = { fault: { kind: 'none' } as Fault, connections: 0 };

  const server = createServer((near) => {
    state.connections++;
    const far = createConnection(target);
    const read = createTap(rows, messages);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', () => {});
    }
    near.on('data', read);
    const up = createPump(near, far, state);
    const down = createPump(far, near, state);
    const end = () => {
      for (const pump of [up, down]) pump.stop();
      for (const socket of [near, far]) {
        sockets.delete(socket);
        socket.destroy();
      }
    };
    // A half-open link tells nobody that the other side has gone.
    near.on('close', () => state.fault.kind !== 'cut' && end());
    far.on('close', () => !isSilent(state.fault) && end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    set(fault) {
      state.fault = fault;
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    get connections() {
      return state.connections;
    },
    rows,
    messages,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
};

const isSilent = ({ kind }: Fault): boolean => kind === 'swallow' || kind === 'cut';

/** Passes one direction on as the fault of the moment allows. */
const createPump = (from: Socket, to: Socket, state: { fault: Fault }) => {
  let waiting: { part: Buffer; at: number }[] = [];
  from.on('data', (part) => {
    const { kind } = state.fault;
    if (isSilent(state.fault)) return;
    if (kind === 'none' && waiting.length === 0) to.write(part);
    else waiting.push({ part, at: Date.now() });
  });
  const pass = () => {
    const { fault } = state;
    if (isSilent(fault)) waiting = [];
    if (fault.kind === 'stall' || isSilent(fault)) return;
    let room = fault.kind === 'slow' ? Math.ceil((fault.bytes_per_s * TICK_MS) / 1_000) : Number.POSITIVE_INFINITY;
    const due = Date.now() - (fault.kind === 'delay' ? fault.ms : 0);
    for (let [first] = waiting; first && room > 0 && first.at <= due; [first] = waiting) {
      const part = first.part.subarray(0, room);
      to.write(part);
      room -= part.length;
      if (part.length === first.part.length) waiting.shift();
      else first.part = first.part.subarray(part.length);
    }
  };
  const timer = setInterval(pass, TICK_MS);
  return { stop: () => clearInterval(timer) };
};

/** Reads the agent's PUBLISHes. */
const createTap = (rows: SentRow[], messages: { boot: string; seq: number }[]) => {
  const packets = parser();
  packets.on('packet', (packet) => {
    if (packet.cmd !== 'publish') return;
    const kind = packet.topic.split('/').at(-1);
    if (kind !== 'report' && kind !== 'event' && kind !== 'rewards') return;
    const body = JSON.parse(String(packet.payload)) as { boot: string; seq: number; rows?: number[][] };
    const { boot, seq } = body;
    if (kind !== 'report') messages.push({ boot, seq });
    for (const [number = 0, ts = 0] of body.rows ?? []) rows.push({ boot, seq: number, ts, at: Date.now() });
  });
  return (part: Buffer) => void packets.parse(part);
};
