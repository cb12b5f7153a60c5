/** Keys and tokens: random base64url, kept as SHA-256 only, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';

export type Random = (bytes: number) => Uint8Array;

/** 256 bits, so that a fast hash is enough: a slow one at CONNECT would be a denial of service. */
export const newKey = (random: Random): string => Buffer.from(random(32)).toString('base64url');

/** 192 bits; the prefix lets a reader see what it is. */
export const newToken = (random: Random): string => `mi_${Buffer.from(random(24)).toString('base64url')}`;

export const hashOf = (secret: string | Uint8Array): Buffer => createHash('sha256').update(secret).digest();

/** `expected` undefined costs the same compare and is never equal. */
export const matches = (secret: Uint8Array, expected: Uint8Array | undefined): boolean => {
  const equal = timingSafeEqual(hashOf(secret), expected ?? NOBODY);
  return equal && expected !== undefined;
};

const NOBODY = Buffer.alloc(32);
