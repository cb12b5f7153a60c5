import { secret, url } from '@muster/shared/schema';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { createScrubber, MASK, masked, secretsIn, withKeptSecrets } from './secrets.js';

const schema = v.pipe(
  v.object({
    url: url(),
    mirror: v.optional(url(), 'http://127.0.0.1:2'),
    method: v.optional(v.picklist(['GET', 'POST'])),
    body: v.optional(v.unknown()),
    key: v.optional(v.pipe(secret(), v.maxLength(99))),
    headers: v.optional(v.record(v.string(), secret()), {}),
    cars: v.optional(v.array(v.object({ id: v.string(), token: secret() })), []),
    sign_in: v.optional(
      v.variant('kind', [
        v.object({ kind: v.literal('basic'), user: v.string(), password: secret() }),
        v.object({ kind: v.literal('none') }),
      ]),
    ),
  }),
  v.check(() => true),
);
const STORED = {
  method: 'POST',
  body: { query: '{ a }', deep: [{ b: 1 }] },
  url: 'http://127.0.0.1:1',
  key: 'the-key',
  headers: { authorization: 'Bearer xyz' },
  cars: [
    { id: 'a', token: 'token-a' },
    { id: 'b', token: 'token-b' },
  ],
  sign_in: { kind: 'basic', user: 'me', password: 'hunter22' },
};

describe('secrets', () => {
  it('are found and masked wherever they stand', () => {
    expect(secretsIn(schema, STORED)).toEqual(['the-key', 'Bearer xyz', 'token-a', 'token-b', 'hunter22']);
    const shown = masked(schema, STORED);
    expect(secretsIn(schema, shown)).toEqual(Array(5).fill(MASK));
    expect(shown).toMatchObject({ url: STORED.url, sign_in: { kind: 'basic', user: 'me' } });
    expect(JSON.stringify(masked(schema, { ...STORED, typo_key: 'plain' }))).not.toContain('plain');
  });

  it('are masked in what does not fit its schema too', () => {
    const broken = { ...STORED, sign_in: { kind: 'basic', password: 'hunter22' } };
    expect(JSON.stringify(masked(schema, broken))).not.toContain('hunter22');
  });

  it('stay when they come back masked or are left out, and go when they are null', () => {
    expect(withKeptSecrets(schema, masked(schema, STORED), STORED)).toEqual(STORED);
    const { method, body, url: address } = STORED;
    expect(withKeptSecrets(schema, { method, body, url: address }, STORED)).toEqual(STORED);
    expect(withKeptSecrets(schema, { ...masked(schema, STORED), key: null, headers: {} }, STORED)).toEqual({
      ...STORED,
      key: undefined,
      headers: {},
    });
    const turned = { ...masked(schema, STORED), cars: [{ id: 'b' }, { id: 'a', token: MASK }] };
    expect(withKeptSecrets(schema, turned, STORED)['cars']).toEqual([...STORED.cars].reverse());
    const changed = { ...masked(schema, STORED), key: 'new-key', sign_in: { kind: 'none' } };
    expect(withKeptSecrets(schema, changed, STORED)).toMatchObject({ key: 'new-key', sign_in: { kind: 'none' } });
  });

  it.each([
    ['an address', { url: 'http://evil.example' }],
    ['an address that had its default', { mirror: 'http://evil.example' }],
  ])('must be given again when %s changes', (_name, change) => {
    expect(() => withKeptSecrets(schema, { ...masked(schema, STORED), ...change }, STORED)).toThrow('must be given again');
    expect(() => withKeptSecrets(schema, { url: STORED.url, ...change }, STORED)).toThrow('must be given again');
    expect(withKeptSecrets(schema, { ...STORED, ...change }, STORED)).toMatchObject(change);
  });

  it('are no masks: one that has nothing behind it is refused', () => {
    expect(() => withKeptSecrets(schema, { url: STORED.url, key: MASK }, null)).toThrow('key');
    const stranger = { ...masked(schema, STORED), cars: [{ id: 'c', token: MASK }] };
    expect(() => withKeptSecrets(schema, stranger, STORED)).toThrow('cars.0.token');
  });

  it('are taken out of what a service repeats', () => {
    const scrub = createScrubber(['a b+c/secret', 'no']);
    const text = `wrong key a b+c/secret (${encodeURIComponent('a b+c/secret')}), no more`;
    expect(scrub(text)).toBe(`wrong key ${MASK} (${MASK}), no more`);
  });
});
