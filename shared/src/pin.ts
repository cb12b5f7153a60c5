import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * The pin of a hub: `sha256:` + unpadded base64url of the SHA-256 over its public key (SPKI, DER).
 * curl wants the same digest as `--pinnedpubkey sha256//` + padded base64; base64url is safe in a shell and in a URL.
 */
export const pinOf = (spkiDer: Uint8Array): string => `sha256:${createHash('sha256').update(spkiDer).digest('base64url')}`;

const PIN = /^sha256(?::|\/\/)([A-Za-z0-9+/_-]{43})=?$/;

/** Whether two pins name the same key, in base64 or base64url, with `:` or curl's `//`; constant time; a malformed pin equals nothing. */
export const samePin = (a: string, b: string): boolean => {
  const left = digestOf(a);
  const right = digestOf(b);
  return left !== null && right !== null && timingSafeEqual(left, right);
};

/** Whether a text typed by a person is a pin at all. */
export const isPin = (text: string): boolean => digestOf(text) !== null;

/** Node reads both alphabets as base64url. */
const digestOf = (pin: string): Buffer | null => {
  const text = PIN.exec(pin)?.[1];
  return text === undefined ? null : Buffer.from(text, 'base64url');
};
