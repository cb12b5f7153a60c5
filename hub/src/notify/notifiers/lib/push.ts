/** Web Push: contents that only the browser reads (RFC 8291, RFC 8188) and a sender that its service knows (RFC 8292). */
import { createCipheriv, createECDH, createPrivateKey, type ECDH, hkdfSync, sign } from 'node:crypto';

const CURVE = 'prime256v1';
/** What every push service takes. */
export const MOST_BODY = 4_096;
/** Head (16 + 4 + 1 + 65), tag and the mark of the last record. */
const OVERHEAD = 86 + 16 + 1;
export const MOST_PAYLOAD = MOST_BODY - OVERHEAD;
const RECORD_SIZE = 4_096;

const bytes = (base64url: string): Buffer => Buffer.from(base64url, 'base64url');
const derive = (secret: Buffer, salt: Buffer, { info, length }: { info: Buffer; length: number }): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, info, length));
const infoOf = (name: string, ...more: Buffer[]): Buffer => Buffer.concat([Buffer.from(`${name}\0`), ...more]);

export interface PushKeys {
  p256dh: string;
  auth: string;
}

/** One record of `aes128gcm`. Throws where `p256dh` is no point of the curve. */
export const encryptPush = (text: string, { p256dh, auth }: PushKeys, random: (bytes: number) => Uint8Array): Buffer => {
  const own = ownPair(random);
  const theirs = bytes(p256dh);
  const salt = Buffer.from(random(16));
  const keyInfo = infoOf('WebPush: info', theirs, own.getPublicKey());
  const ikm = derive(own.computeSecret(theirs), bytes(auth), { info: keyInfo, length: 32 });
  const key = derive(ikm, salt, { info: infoOf('Content-Encoding: aes128gcm'), length: 16 });
  const nonce = derive(ikm, salt, { info: infoOf('Content-Encoding: nonce'), length: 12 });
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(text), cipher.update(Buffer.of(2)), cipher.final(), cipher.getAuthTag()]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(RECORD_SIZE);
  return Buffer.concat([salt, size, Buffer.of(65), own.getPublicKey(), sealed]);
};

/** One of 2^32 draws is above the order of the curve. */
const ownPair = (random: (bytes: number) => Uint8Array, tries = 4): ECDH => {
  const pair = createECDH(CURVE);
  try {
    pair.setPrivateKey(Buffer.from(random(32)));
    return pair;
  } catch (error) {
    if (tries > 1) return ownPair(random, tries - 1);
    throw error;
  }
};

/** The public half of a VAPID key, which the browser is given as `applicationServerKey`. */
export const vapidPublicKey = (private_key: string): string => {
  const pair = createECDH(CURVE);
  pair.setPrivateKey(bytes(private_key));
  return pair.getPublicKey('base64url', 'uncompressed');
};

export const createVapidKeys = (): { public_key: string; private_key: string } => {
  const pair = createECDH(CURVE);
  pair.generateKeys();
  // Padded: a key that begins with zero would come out short.
  const secret = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()]).subarray(-32);
  return { public_key: pair.getPublicKey('base64url', 'uncompressed'), private_key: secret.toString('base64url') };
};

export const isVapidKey = (private_key: string): boolean => {
  try {
    return bytes(private_key).length === 32 && vapidPublicKey(private_key) !== '';
  } catch {
    return false;
  }
};

/** Half a day; a push service takes at most a day. */
const LIFE_S = 43_200;

/** `Authorization` for one push service. */
export const vapidHeader = (
  endpoint: string,
  { private_key, subject }: { private_key: string; subject?: string | undefined },
  now: number,
): string => {
  const point = bytes(vapidPublicKey(private_key));
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  const key = createPrivateKey({ key: { kty: 'EC', crv: 'P-256', d: private_key, x: x ?? '', y: y ?? '' }, format: 'jwk' });
  const claims = {
    aud: new URL(endpoint).origin,
    exp: Math.floor(now / 1_000) + LIFE_S,
    ...(subject !== undefined && { sub: subject }),
  };
  const head = [{ typ: 'JWT', alg: 'ES256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(head), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return `vapid t=${head}.${signature}, k=${point.toString('base64url')}`;
};
