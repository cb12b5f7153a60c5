import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LosslessJson, NumberText, parseLossless } from './lossless.js';

const asPlain = (value: LosslessJson): unknown => {
  if (value instanceof NumberText) return Number(value.text);
  if (Array.isArray(value)) return value.map(asPlain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asPlain(inner)]));
};

const accepts = (read: (text: string) => unknown, text: string): boolean => {
  try {
    read(text);
    return true;
  } catch {
    return false;
  }
};

describe('parseLossless', () => {
  it('reads every JSON text as JSON.parse does, but for the digits of numbers', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(asPlain(parseLossless(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps integers of any size', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }), (amount) => {
        const value = parseLossless(`{"a":[1, ${amount}]}`) as { a: NumberText[] };
        expect(value.a[1]?.text).toBe(`${amount}`);
      }),
    );
  });

  it('refuses exactly what JSON.parse refuses', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"\\"',
      '\\',
      '1',
      '-',
      '01',
      '1e',
      '.5',
      'null',
      'tru',
      ' ',
      '\n',
      '\u0001',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        expect(accepts(parseLossless, text)).toBe(accepts(JSON.parse, text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes a key "__proto__" for a key', () => {
    const value = parseLossless('{"__proto__": {"polluted": true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect('polluted' in {}).toBe(false);
  });

  it('refuses more than 64 levels with a sentence, not with a full stack', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(accepts(parseLossless, nested(64))).toBe(true);
    expect(() => parseLossless(nested(65))).toThrow('at most 64 levels');
    expect(() => parseLossless('['.repeat(1_000_000))).toThrow('at most 64 levels');
  });

  it('refuses a flood of small values before it fills the heap', () => {
    const list = (item: string, count: number) => `[${Array(count).fill(item).join(',')}]`;
    expect(accepts(parseLossless, list('0', 250_000))).toBe(true);
    expect(() => parseLossless(list('0', 310_000))).toThrow('at most 300000 values');
    expect(() => parseLossless(list('{}', 31_000))).toThrow('at most 300000 values');
  });

  it('says where an HTML page stops being JSON', () => {
    expect(() => parseLossless('<html>')).toThrow('a value expected at character 1, found "<html>"');
    expect(() => parseLossless('{"a":1')).toThrow('"," or "}" expected at character 7, found the end');
  });
});
