import { AppError } from '@muster/shared/errors';

/** Tries that failed, per name and per address; asked before anything is hashed. */
export interface LoginLimits {
  /** Counts a try; the function takes it back after a success. Throws `too_many`. */
  take(name: string, remote: string): () => void;
}

interface Tries {
  count: number;
  since: number;
}

const WINDOW_MS = 15 * 60_000;
const PER_NAME = 10;
const PER_ADDRESS = 30;
/** Names and addresses remembered: 10,000 entries are about 1 MB; beyond, the oldest is forgotten. */
const REMEMBERED = 10_000;

export const createLoginLimits = (now: () => number): LoginLimits => {
  const tries = new Map<string, Tries>();
  return {
    take(name, remote) {
      const keys = [
        { key: `address ${groupOf(remote)}`, max: PER_ADDRESS },
        { key: `name ${name}`, max: PER_NAME },
      ];
      for (const { key, max } of keys) refuseOver(current(tries, key, now()), max, now());
      const taken = keys.map(({ key }) => count(tries, key, now()));
      return () => {
        for (const entry of taken) entry.count--;
      };
    },
  };
};

/** An IPv6 subscriber owns at least a /64. */
const groupOf = (remote: string): string => {
  const plain = remote.replace(/^::ffff:(?=\d+\.)/i, '');
  return plain.includes(':') ? plain.split(':').slice(0, 4).join(':') : plain;
};

const current = (tries: Map<string, Tries>, key: string, now: number): Tries | undefined => {
  const entry = tries.get(key);
  if (entry && now - entry.since >= WINDOW_MS) tries.delete(key);
  return tries.get(key);
};

const refuseOver = (entry: Tries | undefined, max: number, now: number): void => {
  if (!entry || entry.count < max) return;
  const retry_after_s = Math.max(1, Math.ceil((entry.since + WINDOW_MS - now) / 1000));
  const minutes = Math.ceil(retry_after_s / 60);
  throw new AppError('too_many', `Too many failed tries; wait ${minutes} min and try again`, { retry_after_s });
};

const count = (tries: Map<string, Tries>, key: string, now: number): Tries => {
  const entry = tries.get(key) ?? { count: 0, since: now };
  entry.count++;
  tries.delete(key);
  tries.set(key, entry);
  const oldest = tries.size > REMEMBERED ? tries.keys().next().value : undefined;
  if (oldest !== undefined) tries.delete(oldest);
  return entry;
};
