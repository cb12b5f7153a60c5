import { AppError } from './errors.js';

/** Money: bigint in the token's base unit inside, decimal strings outside, never a float. */
const DECIMAL = /^(-?)(\d{1,90})(?:\.(\d{1,90}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A base-unit integer as it travels: `"-12"`, up to 78 digits (uint256). */
export const BASE_UNITS = /^-?(0|[1-9]\d{0,77})$/;

/** Base units from their decimal string; throws `bad_request` on anything else. */
export const parseBaseUnits = (text: string): bigint => {
  if (!BASE_UNITS.test(text))
    throw new AppError(
      'bad_request',
      `"${text.slice(0, 40)}" is not an amount in base units; send a whole decimal number as a string`,
    );
  return BigInt(text);
};

/**
 * A decimal text in whole tokens ("1.5", "1e-3") as base units by moving the point.
 * More fraction digits than the token has are refused unless `floor` is set; then they are cut towards zero.
 */
export const toBaseUnits = (text: string, decimals: number, options: { floor?: boolean } = {}): bigint => {
  const match = DECIMAL.exec(text);
  if (!match) throw new AppError('bad_reply', `"${text.slice(0, 40)}" is not a decimal amount`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const shift = decimals - fraction.length + Number(exponent);
  const value = shift >= 0 ? BigInt(digits) * 10n ** BigInt(shift) : cut(digits, -shift, text, options.floor === true);
  return sign ? -value : value;
};

const cut = (digits: string, count: number, text: string, floor: boolean): bigint => {
  const divisor = 10n ** BigInt(count);
  const value = BigInt(digits);
  if (!floor && value % divisor !== 0n) {
    throw new AppError('bad_reply', `"${text.slice(0, 40)}" has more fraction digits than the token; check the decimals setting`);
  }
  return value / divisor;
};

/** Base units as whole tokens, exact, without trailing zeros: `formatUnits(1500000n, 6)` is "1.5". */
export const formatUnits = (amount: bigint, decimals: number): string => {
  const sign = amount < 0n ? '-' : '';
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${sign}${whole}${fraction ? `.${fraction}` : ''}`;
};

const DAY_MS = 86_400_000;
/** The UTC day that holds `ts`, as its first millisecond. A day is a UTC day everywhere. */
export const utcDay = (ts: number): number => Math.floor(ts / DAY_MS) * DAY_MS;

// ---- fiat: bigint in 1e-8 of a currency, rounded half to even, once per step

export const FIAT_PLACES = 8;

/** A decimal text as it stands: `digits / 10 ** places`; `1e9` has negative places. */
export interface Decimal {
  digits: bigint;
  places: number;
}

/** "0.27", "1e-9", "3E2"; throws `bad_reply` on anything else. */
export const parseDecimal = (text: string): Decimal => {
  const match = DECIMAL.exec(text);
  if (!match) throw new AppError('bad_reply', `"${text.slice(0, 40)}" is not a decimal number`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction);
  return { digits: sign ? -digits : digits, places: fraction.length - Number(exponent) };
};

/** A quotient of whole numbers, half to even: of many roundings none drifts up or down. */
export const divideEven = (dividend: bigint, divisor: bigint): bigint => {
  if (dividend === 0n) return 0n;
  const negative = dividend < 0n !== divisor < 0n;
  const [top, bottom] = [absolute(dividend), absolute(divisor)];
  const whole = top / bottom;
  const twice = (top % bottom) * 2n;
  const up = twice > bottom || (twice === bottom && whole % 2n === 1n);
  const rounded = up ? whole + 1n : whole;
  return negative ? -rounded : rounded;
};

const absolute = (value: bigint): bigint => (value < 0n ? -value : value);

/** A decimal with this many places as a whole number: `scaled(parseDecimal('1.5'), 8)` is 150000000n. */
export const scaled = ({ digits, places }: Decimal, to: number): bigint =>
  to >= places ? digits * 10n ** BigInt(to - places) : divideEven(digits, 10n ** BigInt(places - to));

/** Money in 1e-8 from its text. */
export const parseFiat = (text: string): bigint => scaled(parseDecimal(text), FIAT_PLACES);

/** Always eight places: `formatFiat(150000000n)` is "1.50000000". */
export const formatFiat = (value: bigint): string => {
  const digits = absolute(value)
    .toString()
    .padStart(FIAT_PLACES + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -FIAT_PLACES)}.${digits.slice(-FIAT_PLACES)}`;
};

/** Divides a whole amount by weights; the parts add up to it (largest remainder, the first of equals). Without any weight the parts are equal. */
export const shareOut = (total: bigint, weights: readonly bigint[]): bigint[] => {
  if (weights.length === 0) return [];
  const all = weights.reduce((sum, weight) => sum + weight, 0n);
  if (all === 0n)
    return shareOut(
      total,
      weights.map(() => 1n),
    );
  const amount = absolute(total);
  const parts = weights.map((weight) => (amount * weight) / all);
  const rests = weights.map((weight, index) => ({ index, rest: (amount * weight) % all }));
  const left = Number(amount - parts.reduce((sum, part) => sum + part, 0n));
  rests.sort((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1));
  for (const { index } of rests.slice(0, left)) parts[index] = (parts[index] ?? 0n) + 1n;
  return total < 0n ? parts.map((part) => -part) : parts;
};
