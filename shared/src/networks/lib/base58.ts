import { createHash } from 'node:crypto';

/** Base58 as Bitcoin, Solana and Helium write keys; the check form ends with four bytes of a double SHA-256. */
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const VALUES = new Map([...ALPHABET].map((char, value) => [char, BigInt(value)]));
/** Decoding costs the square of the length: the longest key in use has some hundreds. */
const MOST_CHARS = 1_000;

/** Null where the text is not base58. */
export const decodeBase58 = (text: string): Buffer | null => {
  if (text === '' || text.length > MOST_CHARS) return null;
  let value = 0n;
  for (const char of text) {
    const digit = VALUES.get(char);
    if (digit === undefined) return null;
    value = value * 58n + digit;
  }
  const hex = value === 0n ? '' : value.toString(16);
  const zeros = /^1*/.exec(text)?.[0].length ?? 0;
  return Buffer.concat([Buffer.alloc(zeros), Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')]);
};

export const encodeBase58 = (bytes: Uint8Array): string => {
  let value = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 58n) text = (ALPHABET[Number(value % 58n)] ?? '') + text;
  const first = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(first < 0 ? bytes.length : first) + text;
};

/** Payload without its checksum; null where the text is not base58check. */
export const decodeBase58Check = (text: string): Buffer | null => {
  const bytes = decodeBase58(text);
  if (!bytes || bytes.length < 5) return null;
  const payload = bytes.subarray(0, -4);
  return checksumOf(payload).equals(bytes.subarray(-4)) ? payload : null;
};

export const encodeBase58Check = (payload: Uint8Array): string => encodeBase58(Buffer.concat([payload, checksumOf(payload)]));

const checksumOf = (payload: Uint8Array): Buffer => sha256(sha256(payload)).subarray(0, 4);
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
