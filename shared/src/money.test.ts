import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUnits, parseBaseUnits, toBaseUnits, utcDay } from './money.js';

describe('base units', () => {
  it('are whole decimal numbers of any length', () => {
    expect(parseBaseUnits('0')).toBe(0n);
    expect(parseBaseUnits('-12')).toBe(-12n);
    expect(parseBaseUnits('9'.repeat(78))).toBe(10n ** 78n - 1n);
  });

  it.each(['', '01', '1.0', '1e3', '+1', ' 1', '0x10', '--1', '1\n', '9'.repeat(79)])('%j is none', (text) =>
    expect(() => parseBaseUnits(text)).toThrow(/base units/),
  );

  it('come back from whole tokens without a change', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: 0, max: 36 }), (amount, decimals) => {
        expect(toBaseUnits(formatUnits(amount, decimals), decimals)).toBe(amount);
      }),
    );
  });
});

describe('whole tokens', () => {
  it('are moved by the point, never by a float', () => {
    expect(toBaseUnits('0.1', 18)).toBe(10n ** 17n);
    expect(toBaseUnits('123456789.123456789123456789', 18)).toBe(123456789123456789123456789n);
    expect(toBaseUnits('1e-3', 8)).toBe(100_000n);
    expect(toBaseUnits('1.5E2', 0)).toBe(150n);
    expect(toBaseUnits('-0.5', 1)).toBe(-5n);
  });

  it('with more digits than the token has are refused, or cut towards zero when asked', () => {
    expect(() => toBaseUnits('0.129', 2)).toThrow(/fraction digits/);
    expect(toBaseUnits('0.129', 2, { floor: true })).toBe(12n);
    expect(toBaseUnits('-0.129', 2, { floor: true })).toBe(-12n);
    expect(toBaseUnits('0.120', 2)).toBe(12n);
  });

  it.each(['', '.', '1.', '.5', 'NaN', '1e9999', '1,5', '0x1'])('%j is no amount', (text) =>
    expect(() => toBaseUnits(text, 8)).toThrow(/decimal amount/),
  );

  it('are shown without trailing zeros', () => {
    expect(formatUnits(1_500_000n, 6)).toBe('1.5');
    expect(formatUnits(-1n, 8)).toBe('-0.00000001');
    expect(formatUnits(7n, 0)).toBe('7');
  });
});

it('a day is a UTC day', () => {
  expect(utcDay(Date.UTC(2026, 2, 29, 23, 59))).toBe(Date.UTC(2026, 2, 29));
  expect(utcDay(Date.UTC(2026, 2, 29))).toBe(Date.UTC(2026, 2, 29));
});
