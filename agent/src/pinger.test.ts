import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createPinger } from './pinger.js';

const PINGRESP = Buffer.from([0xd0, 0]);
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

/** A connection whose other end answers pings, or does not. */
const rig = async (answers: boolean) => {
  let pings = 0;
  const server = createServer((peer: Socket) => {
    peer.on('error', () => {});
    peer.on('data', (piece) => {
      pings += piece.filter((byte) => byte === 0xc0).length;
      if (answers) peer.write(PINGRESP);
    });
    open.push(() => peer.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  open.push(
    () => server.close(),
    () => socket.destroy(),
  );
  let silent = 0;
  const pinger = createPinger(socket, 0.1, () => silent++);
  open.push(pinger.stop);
  socket.on('data', pinger.heard);
  pinger.sent();
  return { pinger, pings: () => pings, silent: () => silent };
};

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), { timeout: 20_000, interval: 5 });

describe('the pinger', () => {
  it('goes on while it is answered', async () => {
    const { pings, silent } = await rig(true);
    await until(() => pings() >= 3);
    expect(silent()).toBe(0);
  });

  it('tells of a silent other end after one ping, once', async () => {
    const { pings, silent } = await rig(false);
    await until(() => silent() === 1);
    expect(pings()).toBe(1);
  });

  it('is put off by what is sent, and still tells of a silent end while packets go out', async () => {
    const { pinger, silent } = await rig(false);
    const sending = setInterval(pinger.sent, 150);
    open.push(() => clearInterval(sending));
    await until(() => silent() === 1);
  });
});
