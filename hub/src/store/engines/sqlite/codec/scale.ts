/** Most doubles that machines report are short decimals: value = mantissa / 10^exponent, exactly as a double. */
export const POWERS = Float64Array.from({ length: 13 }, (_, exponent) => 10 ** exponent);
const FINEST = POWERS.length - 1;

/** Larger mantissas go as words: differences of second order of smaller ones are still exact in a double. */
const LARGEST_MANTISSA = 2 ** 49;

export const NO_EXPONENT = -1;

/**
 * Fills `mantissas` and answers the exponent 0 … 12 at which each value comes back bit for bit from its mantissa;
 * NO_EXPONENT when there is none (long fractions, huge numbers, -0, NaN, infinities).
 */
export const toMantissas = (values: Float64Array, mantissas: Float64Array): number => {
  const exponent = smallestExponent(values);
  if (exponent === NO_EXPONENT) return NO_EXPONENT;
  const power = POWERS[exponent] as number;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const mantissa = Math.round(value * power);
    if (mantissa / power !== value || mantissa > LARGEST_MANTISSA || mantissa < -LARGEST_MANTISSA) return NO_EXPONENT;
    if (value === 0 && 1 / value < 0) return NO_EXPONENT;
    mantissas[i] = mantissa;
  }
  return exponent;
};

/** The exponent that the value with most decimals needs; the shorter ones are checked at that exponent by the caller. */
const smallestExponent = (values: Float64Array): number => {
  let exponent = 0;
  let power = 1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    while (Math.round(value * power) / power !== value) {
      if (exponent === FINEST || value - value !== 0) return NO_EXPONENT;
      power = POWERS[++exponent] as number;
    }
  }
  return exponent;
};
