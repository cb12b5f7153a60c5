import type { Socket } from 'node:net';

/**
 * Keeps a connection alive with as few packets as the hub needs: it counts from the last packet that we sent, so a report puts
 * the ping off. mqtt.js wakes every half keepalive and pings at each: half a second of processor an hour (measured).
 */
export interface Pinger {
  /** A packet went out; the first one starts it. */
  sent(): void;
  /** Anything came. */
  heard(): void;
  stop(): void;
}

/** A little over the keepalive, so that a report at twice its pace comes first; the hub waits for one and a half. */
const PATIENCE = 1.05;
/** The share of a keepalive in which something must be heard after a ping. */
const ANSWER = 0.5;
const PINGREQ = Buffer.from([0xc0, 0]);

/** `socket`: its packets are written whole, so that a ping may go between. `silent`: nothing was heard after a ping. */
export const createPinger = (socket: Socket, keepalive_s: number, silent: () => void): Pinger => {
  const keepalive_ms = keepalive_s * 1_000;
  let timer: NodeJS.Timeout | undefined;
  let waiting = false;

  const arm = (ms: number, act: () => void) => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
  const idle = () => {
    waiting = false;
    arm(keepalive_ms * PATIENCE, ping);
  };
  const ping = () => {
    waiting = true;
    socket.write(PINGREQ);
    arm(keepalive_ms * ANSWER, silent);
  };
  return {
    sent() {
      if (!waiting) idle();
    },
    heard() {
      if (waiting) idle();
    },
    stop: () => clearTimeout(timer),
  };
};

/** True of a piece that is nothing but the answer to a ping. */
export const isPong = (piece: Uint8Array): boolean => piece.length === 2 && piece[0] === 0xd0 && piece[1] === 0;
