/** Between agent and hub: passes everything on and counts the bytes. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Traffic {
  up: number;
  down: number;
  /** Pieces as they came from either side: about TCP segments. */
  segments: number;
  publishes_up: number;
  pings: number;
  /** Of the publishes the values of report rows with their commas, and how many values the newest row has. */
  value_bytes: number;
  series: number;
}

export interface Proxy {
  port: number;
  traffic(): Traffic;
  close(): void;
}

const PUBLISH = 3;
const PINGREQ = 12;

export const startProxy = (target: number): Promise<Proxy> => {
  const traffic: Traffic = { up: 0, down: 0, segments: 0, publishes_up: 0, pings: 0, value_bytes: 0, series: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((agent) => {
    const hub = connect(target, '127.0.0.1');
    relay(agent, hub, (piece) => {
      traffic.up += piece.length;
      traffic.segments++;
      // The agent writes a packet at a time, so a piece begins with its first byte.
      const kind = (piece[0] ?? 0) >> 4;
      if (kind === PUBLISH) {
        traffic.publishes_up++;
        countValues(piece, traffic);
      }
      if (kind === PINGREQ) traffic.pings++;
    });
    relay(hub, agent, (piece) => {
      traffic.down += piece.length;
      traffic.segments++;
    });
    for (const socket of [agent, hub]) sockets.add(socket.setNoDelay(true));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const close = () => {
        server.close();
        for (const socket of sockets) socket.destroy();
      };
      resolve({ port, traffic: () => ({ ...traffic }), close });
    });
  });
};

const countValues = (piece: Buffer, traffic: Traffic): void => {
  const rows = /"rows":\[\[\d+,\d+,(.*?)\]/.exec(piece.toString('latin1'))?.[1];
  if (rows === undefined) return;
  traffic.value_bytes += rows.length;
  traffic.series = rows.split(',').length;
};

const relay = (from: Socket, to: Socket, count: (piece: Buffer) => void): void => {
  from.on('data', (piece: Buffer) => {
    count(piece);
    to.write(piece);
  });
  from.on('close', () => to.destroy());
  from.on('error', () => to.destroy());
};
