import { createHash, timingSafeEqual } from 'node:crypto';

/** Random secrets are long, so one SHA-256 is enough to keep them; only passwords need a slow hash. */
export type Random = (bytes: number) => Uint8Array;

export const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** Constant time whatever the lengths: digests are compared. */
export const sameSecret = (given: string, expected: string): boolean => {
  const left = createHash('sha256').update(given, 'utf8').digest();
  const right = createHash('sha256').update(expected, 'utf8').digest();
  return timingSafeEqual(left, right);
};

export const freshSecret = (random: Random, bytes = 32): string => Buffer.from(random(bytes)).toString('base64url');
