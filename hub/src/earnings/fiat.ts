import { type Decimal, divideEven, FIAT_PLACES } from '@muster/shared/money';

/** What one whole token is worth in 1e-8 of the hub's currency, as an exact quotient: nothing is rounded before the last step. */
export interface Factor {
  over: bigint;
  under: bigint;
}

/** `rate`: how much of the hub's currency one unit of the price's currency is, as a quotient of two decimals. */
export const factorOf = (price: Decimal, rate: { to: Decimal; from: Decimal } | null): Factor => {
  const parts = rate ? [price, rate.to] : [price];
  const over = parts.reduce((product, { digits }) => product * digits, 10n ** BigInt(FIAT_PLACES));
  const places = parts.reduce((sum, part) => sum + part.places, 0) - (rate?.from.places ?? 0);
  const under = rate?.from.digits ?? 1n;
  return places >= 0 ? { over, under: under * 10n ** BigInt(places) } : { over: over * 10n ** BigInt(-places), under };
};

/** An amount in base units at this price, in 1e-8 of the hub's currency, half to even. */
export const fiatOf = (amount: bigint, decimals: number, { over, under }: Factor): bigint =>
  divideEven(amount * over, under * 10n ** BigInt(decimals));

/** A quotient of two whole numbers as decimal text with up to this many places, half to even, without trailing zeros. */
export const quotientText = (over: bigint, under: bigint, places = 18): string => {
  const value = divideEven(over * 10n ** BigInt(places), under);
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, '0');
  const fraction = digits.slice(-places).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -places)}${fraction ? `.${fraction}` : ''}`;
};
