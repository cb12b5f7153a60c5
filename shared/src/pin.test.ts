import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isPin, pinOf, samePin } from './pin.js';

const spki = (): Buffer => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });

describe('pin', () => {
  it('is sha256: and 43 characters that no shell or URL changes', () => {
    for (let i = 0; i < 50; i++) expect(pinOf(spki())).toMatch(/^sha256:[A-Za-z0-9_-]{43}$/);
  });

  it('equals what curl calls sha256//', () => {
    for (let i = 0; i < 50; i++) {
      const key = spki();
      const curl = `sha256//${createHash('sha256').update(key).digest('base64')}`;
      expect(samePin(pinOf(key), curl)).toBe(true);
      expect(samePin(curl.replace('//', ':'), pinOf(key))).toBe(true);
    }
  });

  it('differs between two keys', () => {
    expect(samePin(pinOf(spki()), pinOf(spki()))).toBe(false);
  });

  it('finds nothing equal to a malformed pin, not even itself', () => {
    for (const text of ['', 'sha256:', 'sha256:short', 'md5:abc', `sha256:${'A'.repeat(44)}`, `sha256:${'*'.repeat(43)}`]) {
      expect(isPin(text)).toBe(false);
      expect(samePin(text, text)).toBe(false);
    }
  });
});
