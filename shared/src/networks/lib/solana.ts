import { createHash } from 'node:crypto';
import { AppError, assert } from '../../errors.js';
import { textOf } from '../../json-path.js';
import type { LosslessJson } from '../../lossless.js';
import { decodeBase58, encodeBase58 } from './base58.js';
import { field } from './json-field.js';
import type { SolanaRpc } from './solana-rpc.js';

/** Solana addresses: derived without a library, and the accounts behind them. */
const P = 2n ** 255n - 19n;
/** -121665/121666, of the curve -x² + y² = 1 + d x² y². */
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The 32 bytes of an address in base58; throws `bad_request`. */
export const addressBytes = (address: string): Buffer => {
  const bytes = decodeBase58(address);
  if (bytes?.length !== 32) throw new AppError('bad_request', `"${address.slice(0, 60)}" is not a Solana address`);
  return bytes;
};

/** The first address off the curve, from bump 255 down: no private key can exist for it. */
export const programAddress = (seeds: readonly Uint8Array[], program: string): { address: string; bump: number } => {
  assert(
    seeds.every(({ length }) => length <= 32),
    'a seed has at most 32 bytes',
  );
  const owner = addressBytes(program);
  for (let bump = 255; bump >= 0; bump--) {
    const parts = [...seeds, Uint8Array.of(bump), owner, Buffer.from('ProgramDerivedAddress')];
    const hash = createHash('sha256').update(Buffer.concat(parts)).digest();
    if (!isOnCurve(hash)) return { address: encodeBase58(hash), bump };
  }
  throw new AppError('internal', `No program address exists for these seeds of ${program}`);
};

/**
 * Whether 32 bytes are a point of ed25519: x² = (y² - 1) / (d y² + 1) has a root. Of u/v and u·v both or neither have one, so a
 * Jacobi symbol decides: 0.09 ms an address; with powers modulo p it is 9 ms, which a fleet would feel.
 */
export const isOnCurve = (bytes: Uint8Array): boolean => {
  const little = Buffer.from(bytes).reverse();
  const y = BigInt.asUintN(255, BigInt(`0x${little.toString('hex')}`)) % P;
  const y2 = (y * y) % P;
  return jacobi(((y2 + P - 1n) * (D * y2 + 1n)) % P, P) >= 0;
};

/** 1 a square, -1 none, 0 a multiple; n odd. */
const jacobi = (value: bigint, modulus: bigint): number => {
  let [a, n, sign] = [value % modulus, modulus, 1];
  while (a !== 0n) {
    for (; (a & 1n) === 0n; a >>= 1n) {
      const rest = n & 7n;
      if (rest === 3n || rest === 5n) sign = -sign;
    }
    if ((a & 3n) === 3n && (n & 3n) === 3n) sign = -sign;
    [a, n] = [n % a, a];
  }
  return n === 1n ? sign : 0;
};

export interface SolanaAccount {
  owner: string;
  data: Buffer;
}

export interface AccountOptions {
  /** Only these bytes of each account. */
  slice?: { offset: number; length: number };
}

/** Addresses of one getMultipleAccounts. */
export const MOST_ACCOUNTS = 100;

export const readAccount = async (rpc: SolanaRpc, address: string, options: AccountOptions = {}): Promise<SolanaAccount | null> =>
  readValue(field(await rpc.request('getAccountInfo', [address, paramsOf(options)]), 'value'), options);

/** In their order, null where an account does not exist; finalised state, at most `MOST_ACCOUNTS`. */
export const readAccounts = async (
  rpc: SolanaRpc,
  addresses: readonly string[],
  options: AccountOptions = {},
): Promise<(SolanaAccount | null)[]> => {
  assert(addresses.length <= MOST_ACCOUNTS, `at most ${MOST_ACCOUNTS} accounts at once`);
  if (addresses.length === 0) return [];
  const values = field(await rpc.request('getMultipleAccounts', [addresses, paramsOf(options)]), 'value');
  if (!Array.isArray(values) || values.length !== addresses.length) {
    throw new AppError('bad_reply', `The Solana node did not answer for all of ${addresses.length} accounts`);
  }
  return values.map((value) => readValue(value, options));
};

const paramsOf = ({ slice }: AccountOptions) => ({
  encoding: 'base64',
  commitment: 'finalized',
  ...(slice ? { dataSlice: slice } : {}),
});

/** `{owner, data: ["…", "base64"]}`; a node that ignores the slice answers the whole account. */
const readValue = (value: LosslessJson | undefined, { slice }: AccountOptions): SolanaAccount | null => {
  if (value === null) return null;
  const data = value === undefined ? undefined : field(value, 'data');
  const owner = value === undefined ? null : textOf(field(value, 'owner'));
  const [text, encoding] = Array.isArray(data) ? data.map(textOf) : [];
  if (typeof text !== 'string' || encoding !== 'base64' || owner === null) {
    throw new AppError('bad_reply', 'The Solana node answered an account without base64 data');
  }
  const bytes = Buffer.from(text, 'base64');
  if (!slice || bytes.length === slice.length) return { owner, data: bytes };
  const part = bytes.subarray(slice.offset, slice.offset + slice.length);
  if (part.length !== slice.length)
    throw new AppError('bad_reply', `The Solana node answered ${bytes.length} bytes of an account`);
  return { owner, data: part };
};
