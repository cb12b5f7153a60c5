import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { Random } from './secrets.js';

/** What is kept of a password: everything that another version needs to check it. */
export const passwordRecord = v.object({
  salt: v.string(),
  hash: v.string(),
  n: v.number(),
  r: v.number(),
  p: v.number(),
});
export type PasswordRecord = v.InferOutput<typeof passwordRecord>;

export type Derive = (password: string, salt: Uint8Array, cost: Pick<PasswordRecord, 'n' | 'r' | 'p'>) => Promise<Buffer>;

export interface Hasher {
  make(password: string): Promise<PasswordRecord>;
  /** Costs the same when there is nothing to compare with (null): no one learns which names exist. */
  verify(password: string, record: PasswordRecord | null): Promise<boolean>;
}

const HASH_BYTES = 32;
/** 32 MiB and about 0.1 s on a PC, 0.5 s on a Raspberry Pi 4. */
const COST = { n: 2 ** 15, r: 8, p: 1 };
/** Node's pool has four threads and the store's files need some; each hash holds 32 MiB. */
const AT_ONCE = 2;
/** Beyond this many waiting logins a new one is refused: it would outwait its browser. */
const WAITING = 32;

export const deriveByScrypt: Derive = (password, salt, { n, r, p }) =>
  new Promise((resolve, reject) => {
    const options: ScryptOptions = { N: n, r, p, maxmem: 256 * n * r };
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, options, (error, hash) => (error ? reject(error) : resolve(hash)));
  });

export const createHasher = (random: Random, derive: Derive = deriveByScrypt): Hasher => {
  const enter = createGate();
  const nobody: PasswordRecord = { ...COST, salt: base64(random(16)), hash: base64(random(HASH_BYTES)) };
  return {
    async make(password) {
      const salt = random(16);
      const hash = await enter(() => derive(password, salt, COST));
      return { ...COST, salt: base64(salt), hash: base64(hash) };
    },
    async verify(password, record) {
      const against = record ?? nobody;
      const hash = await enter(() => derive(password, Buffer.from(against.salt, 'base64'), against));
      const expected = Buffer.from(against.hash, 'base64');
      return hash.length === expected.length && timingSafeEqual(hash, expected) && record !== null;
    },
  };
};

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** Lets `AT_ONCE` tasks run and `WAITING` wait; who leaves hands the place on. */
const createGate = () => {
  let running = 0;
  const waiting: (() => void)[] = [];
  const leave = () => {
    const next = waiting.shift();
    if (next) next();
    else running--;
  };
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (waiting.length >= WAITING) throw new AppError('busy', 'Too many people sign in at this moment; try again shortly');
    if (running < AT_ONCE) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      leave();
    }
  };
};

const MIN_CHARACTERS = 10;
const MAX_CHARACTERS = 200;

/** Any characters, at least ten of them. */
export const checkNewPassword = (password: string): void => {
  const length = [...password].length;
  if (length >= MIN_CHARACTERS && length <= MAX_CHARACTERS) return;
  throw new AppError(
    'bad_request',
    `A password needs ${MIN_CHARACTERS} to ${MAX_CHARACTERS} characters; this one has ${length}. A few words in a row make a good one`,
    { path: 'password' },
  );
};
