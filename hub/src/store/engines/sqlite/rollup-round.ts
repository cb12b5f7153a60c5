/** Roundings that make roll-ups short: no finer than a chart shows, and no extreme may shrink. */
import { commonUnit } from './codec/gcd.js';
import { NO_EXPONENT, POWERS, toMantissas } from './codec/scale.js';

/** Parts of the usual height of a bucket. */
const PARTS = 64;

interface Extremes {
  min: Float64Array;
  max: Float64Array;
  count: Float64Array;
}

/** Extremes on a grid of decimals, outwards; as they are where no such grid is coarser than they are. */
export const roundExtremes = (extremes: Extremes): { min: Float64Array; max: Float64Array } => {
  const { min, max } = extremes;
  const grid = gridOf(extremes);
  if (!grid) return { min, max };
  const onGrid = (value: number, way: (steps: number) => number) =>
    (way((value * grid.power) / grid.step) * grid.step) / grid.power;
  return {
    min: min.map((value) => Math.min(onGrid(value, Math.floor), value)),
    max: max.map((value) => Math.max(onGrid(value, Math.ceil), value)),
  };
};

/** Rounded values are multiples of step / power. */
interface Grid {
  step: number;
  power: number;
}

const gridOf = (extremes: Extremes): Grid | null => {
  const wanted = usualHeight(extremes) / PARTS;
  if (!(wanted > 0 && wanted < Number.POSITIVE_INFINITY)) return null;
  const values = valuesOf(extremes);
  const mantissas = new Float64Array(values.length);
  const exponent = toMantissas(values, mantissas);
  if (exponent === NO_EXPONENT) return gridOfDecades(wanted);
  const power = POWERS[exponent] as number;
  const unit = commonUnit(mantissas);
  return unit > 0 && unit * 2 <= wanted * power
    ? { step: unit * 2 ** Math.floor(Math.log2((wanted * power) / unit)), power }
    : null;
};

/** For long fractions. */
const gridOfDecades = (wanted: number): Grid | null => {
  const decade = Math.floor(Math.log10(wanted));
  if (decade > 0) return { step: 10 ** decade, power: 1 };
  const power = POWERS[-decade];
  return power === undefined ? null : { step: 1, power };
};

const valuesOf = ({ min, max, count }: Extremes): Float64Array => {
  const values = new Float64Array(min.length * 2);
  let filled = 0;
  for (let i = 0; i < min.length; i++) {
    if (count[i] === 0) continue;
    values[filled++] = min[i] as number;
    values[filled++] = max[i] as number;
  }
  return values.subarray(0, filled);
};

/** The median of those that are not flat. */
const usualHeight = ({ min, max, count }: Extremes): number => {
  const heights = new Float64Array(max.length);
  let filled = 0;
  for (let i = 0; i < max.length; i++) {
    const height = count[i] === 0 ? 0 : (max[i] as number) - (min[i] as number);
    if (height > 0) heights[filled++] = height;
  }
  return heights.subarray(0, filled).sort()[filled >> 1] ?? 0;
};
