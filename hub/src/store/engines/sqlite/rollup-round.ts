/** Roundings that make roll-ups short: a mean needs no more digits than a chart shows, and no extreme may shrink. */
import { commonUnit } from './codec/gcd.js';
import { NO_EXPONENT, POWERS, toMantissas } from './codec/scale.js';

/** Parts of the usual height of a bucket: finer is not seen in a chart. */
const PARTS = 128;

interface Heights {
  min: Float64Array;
  max: Float64Array;
  sum: Float64Array;
  count: Float64Array;
}

/** Means on a grid that suits the codec, each still between its extremes. */
export const roundMeans = (heights: Heights): Float64Array => {
  const { min, max, sum, count } = heights;
  const grid = gridOf(heights, 2);
  return sum.map((total, i) => {
    const mean = total / (count[i] || 1);
    const rounded = grid ? (Math.round((mean * grid.power) / grid.step) * grid.step) / grid.power : mean;
    return Math.min(Math.max(rounded, min[i] as number), max[i] as number);
  });
};

/** Minima of a rising series, where only its newest value has to be exact; never more than they are. */
export const roundMinima = (heights: Heights): Float64Array => {
  const { min } = heights;
  const grid = gridOf(heights, 0);
  if (!grid) return min;
  return min.map((value) => {
    const rounded = (Math.floor((value * grid.power) / grid.step) * grid.step) / grid.power;
    return rounded <= value ? rounded : value;
  });
};

/** Rounded values are multiples of step / power. */
interface Grid {
  step: number;
  power: number;
}

/** Null where decimals do not help; `more` decimals than the values have make a quarter of their unit a decimal. */
const gridOf = ({ min, max, count }: Heights, more: 0 | 2): Grid | null => {
  const height = usualHeight(min, max, count);
  if (!(height > 0 && height < Number.POSITIVE_INFINITY)) return null;
  const values = new Float64Array(min.length * 2);
  let filled = 0;
  for (let i = 0; i < min.length; i++) {
    if (count[i] === 0) continue;
    values[filled++] = min[i] as number;
    values[filled++] = max[i] as number;
  }
  return decimalGrid(values.subarray(0, filled), height / PARTS, more);
};

/** The median of those that are not flat. */
const usualHeight = (min: Float64Array, max: Float64Array, count: Float64Array): number => {
  const heights = new Float64Array(max.length);
  let filled = 0;
  for (let i = 0; i < max.length; i++) {
    const height = count[i] === 0 ? 0 : (max[i] as number) - (min[i] as number);
    if (height > 0) heights[filled++] = height;
  }
  return heights.subarray(0, filled).sort()[filled >> 1] ?? 0;
};

const decimalGrid = (values: Float64Array, wanted: number, more: 0 | 2): Grid | null => {
  const mantissas = new Float64Array(values.length);
  const exponent = toMantissas(values, mantissas);
  const power = POWERS[exponent + more];
  if (exponent === NO_EXPONENT || power === undefined) return null;
  const unit = (commonUnit(mantissas) * (POWERS[more] as number)) / (more === 0 ? 1 : 4);
  const parts = wanted * power;
  if (unit > 0 && unit <= parts) return { step: unit * 2 ** Math.floor(Math.log2(parts / unit)), power };
  // Few values, far apart: they do not tell in what steps they come.
  return more === 0 ? null : { step: 10 ** Math.max(0, Math.floor(Math.log10(parts))), power };
};

/** Two per cent at most, never more than the value. */
export const roundDown = (value: number): number => preferred(value, Math.floor, 1 - 1e-12);

/** Two per cent at most, never less than the value. */
export const roundUp = (value: number): number => Math.min(preferred(value, Math.ceil, 1 + 1e-12), Number.MAX_VALUE);

/** Steps of 0.02 up to 2, 0.05 up to 5, 0.1 up to 10, and so on in each decade: few digits, which cost few bits. */
const preferred = (value: number, round: (steps: number) => number, safe: number): number => {
  if (value === 0 || !Number.isFinite(value)) return value;
  const decade = Math.floor(Math.log10(value));
  const digits = (value / 10 ** decade) * safe;
  const steps = digits < 2 ? 50 : digits < 5 ? 20 : 10;
  return Number(`${round(digits * steps) * (100 / steps)}e${decade - 2}`);
};
