import { isIPv4 } from 'node:net';
import type { BusLimits } from './limits.js';

/** Failed logins per address and per id, as buckets that refill; and sockets per address. */
export interface Tries {
  /** Asked before the key is looked at. */
  allowed(address: string, id: string): boolean;
  failed(address: string, id: string): void;
  /** This id has logged in from this address: a stranger's failures do not lock it out there. */
  succeeded(address: string, id: string): void;
}

interface Bucket {
  left: number;
  at: number;
}

/** `now` is monotonic, in ms. */
export const createTries = (limits: BusLimits, now: () => number): Tries => {
  const addresses = createBuckets(limits.tries_per_address, limits.tries_per_address_per_s, limits.tries_remembered);
  const ids = createBuckets(limits.tries_per_id, limits.tries_per_id_per_s, limits.tries_remembered);
  const good = new Map<string, true>();
  const pair = (address: string, id: string) => `${address} ${id}`;
  return {
    allowed: (address, id) => good.has(pair(address, id)) || (addresses.left(address, now()) >= 1 && ids.left(id, now()) >= 1),
    failed(address, id) {
      addresses.take(address, now());
      ids.take(id, now());
    },
    succeeded: (address, id) => remember(good, pair(address, id), true, limits.tries_remembered),
  };
};

const createBuckets = (size: number, per_s: number, kept: number) => {
  const buckets = new Map<string, Bucket>();
  const left = (key: string, now: number): number => {
    const bucket = buckets.get(key);
    return bucket ? Math.min(size, bucket.left + ((now - bucket.at) / 1000) * per_s) : size;
  };
  return {
    left,
    take: (key: string, now: number) => remember(buckets, key, { left: Math.max(0, left(key, now) - 1), at: now }, kept),
  };
};

/** Newest last; beyond `kept` the oldest goes. */
const remember = <T>(map: Map<string, T>, key: string, value: T, kept: number): void => {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= kept) return;
    map.delete(oldest);
  }
};

export interface SocketCap {
  /** False: too many from there; otherwise counted until `left`. */
  enter(address: string): boolean;
  left(address: string): void;
}

export const createSocketCap = (limits: BusLimits): SocketCap => {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    enter(address) {
      const count = counts.get(address) ?? 0;
      const cap = isLoopback(address) ? limits.sockets_from_loopback : limits.sockets_per_address;
      if (total >= limits.sockets || count >= cap) return false;
      counts.set(address, count + 1);
      total += 1;
      return true;
    },
    left(address) {
      const count = counts.get(address) ?? 0;
      if (count > 1) counts.set(address, count - 1);
      else counts.delete(address);
      total -= 1;
    },
  };
};

export const isLoopback = (address: string): boolean => address === '::1' || (isIPv4(address) && address.startsWith('127.'));

/** One spelling per address: IPv4 in IPv6 clothes becomes IPv4. */
export const plainAddress = (address: string | undefined): string => (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '');
