import { divideEven, formatFiat, parseDecimal, parseFiat, scaled, shareOut } from '@muster/shared/money';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factorOf, fiatOf, quotientText } from './fiat.js';

const priced = (amount: bigint, decimals: number, price: string) => fiatOf(amount, decimals, factorOf(parseDecimal(price), null));

describe('fiat of an amount', () => {
  it('is exact for 18 decimals beyond 2^63 and for prices with an exponent', () => {
    expect(formatFiat(priced(123_456_789_012_345_678_901_234_567_890n, 18, '1e-9'))).toBe('123.45678901');
    expect(formatFiat(priced(1n, 0, '1e20'))).toBe('100000000000000000000.00000000');
    expect(formatFiat(priced(900_719_925_474_099_299n, 8, '0.27'))).toBe('2431943798.78006811');
    expect(formatFiat(priced(-150_000_000n, 8, '2'))).toBe('-3.00000000');
  });

  it('is rounded half to even, once', () => {
    expect(priced(5n, 9, '1')).toBe(0n);
    expect(priced(15n, 9, '1')).toBe(2n);
    expect(priced(25n, 9, '1')).toBe(2n);
    expect(priced(-15n, 9, '1')).toBe(-2n);
  });

  it('is never further than half of the last place from the truth', () => {
    const price = fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 20n }), fc.integer({ min: -20, max: 30 }));
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
        fc.integer({ min: 0, max: 24 }),
        price,
        (amount, decimals, [digits, e]) => {
          const found = priced(amount, decimals, `${digits}e${-e}`);
          // found / 1e8 against amount × digits / 10^(decimals + e), both brought to whole numbers.
          const exponent = decimals + e - 8;
          const [over, under] =
            exponent >= 0 ? [amount * digits, 10n ** BigInt(exponent)] : [amount * digits * 10n ** BigInt(-exponent), 1n];
          const twice = 2n * (found * under - over);
          expect(twice <= under && twice >= -under).toBe(true);
        },
      ),
    );
  });

  it('goes through a cross rate without a rounding in between', () => {
    const rate = { to: parseDecimal('60000.12'), from: parseDecimal('65000.5') };
    const eur = fiatOf(3n * 10n ** 8n, 8, factorOf(parseDecimal('0.333'), rate));
    expect(eur).toBe(divideEven(3n * 333n * 6_000_012n * 10n ** 8n, 1_000n * 6_500_050n));
  });
});

describe('numbers as text', () => {
  it('keep eight places, and come back', () => {
    fc.assert(
      fc.property(fc.bigInt(), (value) => {
        expect(parseFiat(formatFiat(value))).toBe(value);
      }),
    );
    expect(scaled(parseDecimal('1e-9'), 8)).toBe(0n);
    expect(scaled(parseDecimal('12E2'), 8)).toBe(1_200n * 10n ** 8n);
  });

  it('of quotients have no trailing zeros', () => {
    expect([quotientText(1n, 4n), quotientText(-1n, 3n, 4), quotientText(6n, 3n)]).toEqual(['0.25', '-0.3333', '2']);
  });
});

describe('an amount that is shared out', () => {
  it('loses nothing, and no part is more than one unit from its share', () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), weights, (total, given) => {
        const parts = shareOut(total, given);
        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(total);
        const all = given.reduce((sum, weight) => sum + weight, 0n);
        if (all === 0n) return;
        for (const [index, part] of parts.entries()) {
          const off = part * all - total * (given[index] ?? 0n);
          expect(off < all && off > -all).toBe(true);
        }
      }),
    );
  });

  it('gives the rest to the largest remainders, the first of equals', () => {
    expect(shareOut(10n, [1n, 1n, 1n])).toEqual([4n, 3n, 3n]);
    expect(shareOut(10n, [1n, 5n, 3n])).toEqual([1n, 6n, 3n]);
    expect(shareOut(7n, [0n, 0n])).toEqual([4n, 3n]);
    expect(shareOut(7n, [])).toEqual([]);
  });
});
