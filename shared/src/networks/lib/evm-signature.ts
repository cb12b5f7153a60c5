import { createECDH, createHmac } from 'node:crypto';
import { AppError } from '../../errors.js';

/**
 * Ethereum signatures of texts (EIP-191). The curve's arithmetic is OpenSSL's, in constant time; what Node lacks is Keccak with its
 * first padding and signing a digest that is already made, so both stand here.
 */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const KEY = /^(0x)?[0-9a-f]{64}$/i;

/** `0x` and 130 hex digits: r, s, v; the same text and key always give the same signature. */
export const signPersonalMessage = (text: string, private_key: string): string => {
  const bytes = Buffer.from(text, 'utf8');
  const digest = keccak256(Buffer.concat([Buffer.from(`\x19Ethereum Signed Message:\n${bytes.length}`), bytes]));
  const { r, s, recovery } = signDigest(digest, private_key);
  return `0x${hex32(r)}${hex32(s)}${(27 + recovery).toString(16)}`;
};

export interface EcdsaSignature {
  r: bigint;
  /** In the lower half: Ethereum refuses the other. */
  s: bigint;
  recovery: number;
}

/** ECDSA over secp256k1 with the nonce of RFC 6979. */
export const signDigest = (digest: Uint8Array, private_key: string): EcdsaSignature => {
  const key = readKey(private_key);
  const z = toNumber(digest) % ORDER;
  for (const nonce of nonces(key, z)) {
    const { x, odd } = pointOf(nonce);
    const r = x % ORDER;
    const s = (invert(nonce) * ((z + r * key) % ORDER)) % ORDER;
    if (r === 0n || s === 0n) continue;
    const flip = s > ORDER / 2n;
    return { r, s: flip ? ORDER - s : s, recovery: (Number(odd) ^ Number(flip)) | (x >= ORDER ? 2 : 0) };
  }
  throw new AppError('internal', 'No signature was found for this text');
};

const readKey = (private_key: string): bigint => {
  const key = KEY.test(private_key) ? BigInt(`0x${private_key.replace(/^0x/i, '')}`) : 0n;
  if (key === 0n || key >= ORDER) {
    throw new AppError(
      'bad_settings',
      'The API key is no secp256k1 key; paste its 64 hex digits as the developer console shows them',
    );
  }
  return key;
};

/** RFC 6979, section 3.2, with SHA-256. */
function* nonces(key: bigint, z: bigint): Generator<bigint> {
  const mac = (secret: Buffer, ...parts: Buffer[]) => createHmac('sha256', secret).update(Buffer.concat(parts)).digest();
  const seed = Buffer.from(hex32(key) + hex32(z), 'hex');
  let value: Buffer = Buffer.alloc(32, 1);
  let secret = mac(Buffer.alloc(32), value, Buffer.of(0), seed);
  value = mac(secret, value);
  secret = mac(secret, value, Buffer.of(1), seed);
  value = mac(secret, value);
  for (let round = 0; round < 64; round++) {
    value = mac(secret, value);
    const nonce = toNumber(value);
    if (nonce > 0n && nonce < ORDER) yield nonce;
    secret = mac(secret, value, Buffer.of(0));
    value = mac(secret, value);
  }
}

const pointOf = (scalar: bigint): { x: bigint; odd: boolean } => {
  const curve = createECDH('secp256k1');
  curve.setPrivateKey(hex32(scalar), 'hex');
  const point = curve.getPublicKey();
  return { x: toNumber(point.subarray(1, 33)), odd: ((point[64] ?? 0) & 1) === 1 };
};

/** By Fermat: the order is prime. */
const invert = (value: bigint): bigint => {
  let result = 1n;
  let base = value % ORDER;
  for (let exponent = ORDER - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % ORDER;
    base = (base * base) % ORDER;
  }
  return result;
};

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
const hex32 = (value: bigint): string => value.toString(16).padStart(64, '0');

// ---- Keccak

const RATE = 136;
const MASK = (1n << 64n) - 1n;

/** Keccak-256 as Ethereum uses it; with `padding` 6 it is SHA3-256. */
export const keccak256 = (message: Uint8Array, padding = 1): Buffer => {
  const padded = Buffer.alloc((Math.floor(message.length / RATE) + 1) * RATE);
  padded.set(message);
  padded[message.length] = padding;
  padded[padded.length - 1] = (padded[padded.length - 1] ?? 0) | 0x80;
  const lanes = new BigUint64Array(25);
  for (let at = 0; at < padded.length; at += RATE) {
    for (let lane = 0; lane < RATE / 8; lane++) lanes[lane] = lane64(lanes, lane) ^ padded.readBigUInt64LE(at + lane * 8);
    permute(lanes);
  }
  const hash = Buffer.alloc(32);
  for (let lane = 0; lane < 4; lane++) hash.writeBigUInt64LE(lane64(lanes, lane), lane * 8);
  return hash;
};

/** Keccak-f[1600]; lane (x, y) is at x + 5y. */
const permute = (lanes: BigUint64Array): void => {
  let register = 1;
  for (let round = 0; round < 24; round++) {
    theta(lanes);
    rhoAndPi(lanes);
    chi(lanes);
    for (let bit = 0; bit < 7; bit++) {
      register = ((register << 1) ^ ((register >> 7) * 0x71)) & 0xff;
      if (register & 2) lanes[0] = lane64(lanes, 0) ^ (1n << BigInt((1 << bit) - 1));
    }
  }
};

const theta = (lanes: BigUint64Array): void => {
  const columns = [0, 1, 2, 3, 4].map((x) => [0, 5, 10, 15, 20].reduce((sum, y) => sum ^ lane64(lanes, x + y), 0n));
  for (let at = 0; at < 25; at++) {
    lanes[at] = lane64(lanes, at) ^ (columns[(at + 4) % 5] ?? 0n) ^ rotate(columns[(at + 1) % 5] ?? 0n, 1);
  }
};

const rhoAndPi = (lanes: BigUint64Array): void => {
  let [x, y] = [1, 0];
  let carried = lane64(lanes, 1);
  for (let step = 0; step < 24; step++) {
    [x, y] = [y, (2 * x + 3 * y) % 5];
    const at = x + 5 * y;
    const replaced = lane64(lanes, at);
    lanes[at] = rotate(carried, (((step + 1) * (step + 2)) / 2) % 64);
    carried = replaced;
  }
};

const chi = (lanes: BigUint64Array): void => {
  for (let row = 0; row < 25; row += 5) {
    const old = [0, 1, 2, 3, 4].map((x) => lane64(lanes, row + x));
    for (let x = 0; x < 5; x++) lanes[row + x] = (old[x] ?? 0n) ^ (~(old[(x + 1) % 5] ?? 0n) & MASK & (old[(x + 2) % 5] ?? 0n));
  }
};

const lane64 = (lanes: BigUint64Array, at: number): bigint => lanes[at] ?? 0n;
const rotate = (value: bigint, by: number): bigint => ((value << BigInt(by)) | (value >> BigInt(64 - by))) & MASK;
