import { POWERS } from './scale.js';

/**
 * Scales of a packed row: value × factor is a whole number, whole / factor the value again, bit for bit. The coarsest come
 * first: 2^-20 … 2^-1 (bytes in whole KiB or MiB), then 1, then 10 … 10^12. One more stands for "none": nothing fits NaN.
 */
export const UNIT_SCALE = 20;
export const FACTORS = Float64Array.from([
  ...Array.from({ length: UNIT_SCALE }, (_, scale) => 2 ** (scale - UNIT_SCALE)),
  ...POWERS,
  Number.NaN,
]);
export const NO_SCALE = FACTORS.length - 1;

/** Differences of smaller mantissas, doubled, are still exact. */
export const LARGEST_MANTISSA = 2 ** 51;

/** Is value × factor a whole number that gives the value back? (-0 has no whole number of its own.) */
const fits = (value: number, factor: number): boolean => {
  const mantissa = Math.round(value * factor);
  return mantissa / factor === value && Math.abs(mantissa) <= LARGEST_MANTISSA && !Object.is(value, -0);
};

/** The coarsest scale from `coarsest` on at which the value fits; NO_SCALE for long fractions, huge numbers, -0, infinities. */
export const scaleOf = (value: number, coarsest: number): number => {
  // Zero fits every scale and tells nothing.
  if (value === 0) return fits(value, 1) ? Math.max(coarsest, UNIT_SCALE) : NO_SCALE;
  let finest = NO_SCALE - 1;
  while (finest > coarsest && Math.abs(value) * (FACTORS[finest] as number) > LARGEST_MANTISSA) finest--;
  // What fits a scale fits the finer ones too, so one look spares long fractions the search.
  if (!fits(value, FACTORS[finest] as number)) return coarsest === 0 ? NO_SCALE : scaleOf(value, 0);
  for (let scale = coarsest; scale < finest; scale++) if (fits(value, FACTORS[scale] as number)) return scale;
  return finest;
};
