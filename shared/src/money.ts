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
