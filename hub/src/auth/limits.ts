import { AppError } from '@muster/shared/errors';

/** Tries that failed, per name and per address; asked before anything is hashed. */
export interface LoginLimits {
  /** Counts a try. Throws `too_many`; failures elsewhere never lock a name out of an address that it has signed in from. */
  take(name: string, from: { remote: string; known?: boolean | undefined }): Try;
  /** The password is another one: failures against the old one no longer matter. */
  forget(name: string): void;
}

export interface Try {
  /** It was not looked at: it does not count. */
  takeBack(): void;
  /** It does not count, and this name is known at this address from now on. */
  succeeded(): void;
}

interface Tries {
  count: number;
  since: number;
}

const WINDOW_MS = 15 * 60_000;
const PER_NAME = 10;
const PER_ADDRESS = 30;
/** Names and addresses remembered, and as many pairs that signed in: 10,000 entries are about 1 MB; beyond, the oldest is forgotten. */
const REMEMBERED = 10_000;

export const createLoginLimits = (now: () => number): LoginLimits => {
  const tries = new Map<string, Tries>();
  const good = new Map<string, true>();
  return {
    forget: (name) => void tries.delete(`name ${name}`),
    take(name, { remote, known = false }) {
      const address = groupOf(remote);
      const pair = JSON.stringify([name, address]);
      const by_address = { key: `address ${address}`, max: PER_ADDRESS };
      // One key for the name as seen from where it is known, one for everywhere else.
      const by_name = { key: known || good.has(pair) ? `pair ${pair}` : `name ${name}`, max: PER_NAME };
      const keys = [by_address, by_name];
      for (const { key, max } of keys) refuseOver(current(tries, key, now()), max, now());
      const taken = keys.map(({ key }) => count(tries, key, now()));
      const takeBack = () => {
        for (const entry of taken) entry.count--;
      };
      return {
        takeBack,
        succeeded() {
          takeBack();
          remember(good, pair, true);
        },
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
  remember(tries, key, entry);
  return entry;
};

/** Newest last; beyond the bound the oldest goes. */
const remember = <T>(map: Map<string, T>, key: string, value: T): void => {
  map.delete(key);
  map.set(key, value);
  const oldest = map.size > REMEMBERED ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
};
