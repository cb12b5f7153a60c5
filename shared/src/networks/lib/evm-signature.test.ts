import { createECDH, createHash, createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keccak256, signDigest, signPersonalMessage } from './evm-signature.js';

const hashOf = (text: string) => keccak256(Buffer.from(text)).toString('hex');
const KEY = '0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318';

describe('keccak256', () => {
  it.each([
    ['', 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'],
    ['Transfer(address,address,uint256)', 'ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'],
    [
      'TokensTransferredForDevice(uint256,address,uint256,uint256,address,uint256)',
      '3ab5458e0b305f1e637781c67c5be0f43b7ee1a4427584e3b229524929184bc4',
    ],
  ])('of "%s" is what Ethereum says', (text, expected) => {
    expect(hashOf(text)).toBe(expected);
  });

  it('has the permutation of SHA-3 for messages of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (message) =>
        keccak256(message, 6).equals(createHash('sha3-256').update(message).digest()),
      ),
    );
  });
});

describe('a signature', () => {
  it('of a text equals the one that wallets publish for this key', () => {
    expect(signPersonalMessage('Some data', KEY)).toBe(
      '0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c',
    );
  });

  it('is right for OpenSSL, and low, whatever the key and the message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array(), (key, message) => {
        fc.pre(key.some((byte) => byte !== 0) && (key[0] ?? 0) < 0xff);
        const { r, s } = signDigest(createHash('sha256').update(message).digest(), Buffer.from(key).toString('hex'));
        const signature = Buffer.from(r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'), 'hex');
        expect(s).toBeLessThan(2n ** 255n);
        return verify('sha256', message, { key: publicKeyOf(key), dsaEncoding: 'ieee-p1363' }, signature);
      }),
    );
  });

  it('with something that is no key is refused without showing it', () => {
    expect(() => signPersonalMessage('x', 'hunter2')).toThrow(/64 hex digits/);
    expect(() => signPersonalMessage('x', '0'.repeat(64))).toThrow(/no secp256k1 key/);
  });
});

const publicKeyOf = (key: Uint8Array) => {
  const curve = createECDH('secp256k1');
  curve.setPrivateKey(key);
  const point = curve.getPublicKey();
  const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')];
  return createPublicKey({ key: { kty: 'EC', crv: 'secp256k1', x, y }, format: 'jwk' });
};
