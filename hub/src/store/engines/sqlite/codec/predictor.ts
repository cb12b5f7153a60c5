/**
 * How the next whole number of a column is guessed from those before it. Two of the guesses need a number of their own
 * (`typical`), which is stored with the column.
 */
const PREDICTORS = {
  /** As the last one. */
  last: 0,
  /** The last step again. */
  line: 1,
  /** Moving average. */
  average: 2,
  /** The last one and the moving average of the steps. */
  drift: 3,
  /** A straight line that is drawn anew from value to value: clocks with jitter. */
  level: 4,
  /** The last one and the typical step: counters with bursts, which would spoil an average. */
  steady: 5,
  /** The typical value: noise. */
  middle: 6,
} as const;
export const PREDICTOR_COUNT = 7;

/** Does its own number have to be stored? */
export const hasTypical = (predictor: number): boolean => predictor >= PREDICTORS.steady;

/** What the guesses are made from. */
export type Trail = Float64Array;
const LAST = 0;
const BEFORE = 1;
const AVERAGE = 2;
const DRIFT = 3;
const LEVEL = 4;
const SLOPE = 5;
const TYPICAL_STEP = 6;
const TYPICAL_VALUE = 7;

/** Behind the first value, which is always 0. `step` and `value`: the typical ones. */
export const newTrail = (step: number, value: number): Trail => Float64Array.of(0, 0, 0, 0, 0, 0, step, value);

export const predict = (trail: Trail, predictor: number): number => {
  const last = trail[LAST] as number;
  if (predictor === PREDICTORS.last) return last;
  if (predictor === PREDICTORS.line) return 2 * last - (trail[BEFORE] as number);
  if (predictor === PREDICTORS.average) return Math.round(trail[AVERAGE] as number);
  if (predictor === PREDICTORS.drift) return last + Math.round(trail[DRIFT] as number);
  if (predictor === PREDICTORS.level) return Math.round((trail[LEVEL] as number) + (trail[SLOPE] as number));
  if (predictor === PREDICTORS.steady) return last + (trail[TYPICAL_STEP] as number);
  return trail[TYPICAL_VALUE] as number;
};

/** The second value: its step is the best guess of all steps to come. */
export const start = (trail: Trail, value: number): void => {
  trail[LAST] = value;
  trail[AVERAGE] = value * 0.125;
  trail[DRIFT] = value;
  trail[LEVEL] = value;
  trail[SLOPE] = value;
};

export const follow = (trail: Trail, value: number): void => {
  const last = trail[LAST] as number;
  const average = trail[AVERAGE] as number;
  const drift = trail[DRIFT] as number;
  const slope = trail[SLOPE] as number;
  const guess = (trail[LEVEL] as number) + slope;
  trail[BEFORE] = last;
  trail[LAST] = value;
  trail[AVERAGE] = average + (value - average) * 0.125;
  trail[DRIFT] = drift + (value - last - drift) * 0.0625;
  trail[LEVEL] = guess + (value - guess) * 0.25;
  trail[SLOPE] = slope + (value - guess) * 0.015625;
};

/** Binary digits of a whole number 0 … 2^53: its class. */
export const digits = (size: number): number =>
  size < 2 ** 32 ? 32 - Math.clz32(size) : 64 - Math.clz32(Math.floor(size / 2 ** 32));

export interface Choice {
  predictor: number;
  /** Its own number; 0 for those that have none. */
  typical: number;
}

/** The predictor whose misses have the fewest digits in sum. `values` begin with 0. */
export const choosePredictor = (values: Float64Array): Choice => {
  const { step, value: middle } = findTypical(values);
  const trail = newTrail(step, middle);
  const costs = new Float64Array(PREDICTOR_COUNT);
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    for (let p = 0; p < PREDICTOR_COUNT; p++) costs[p] = (costs[p] as number) + digits(Math.abs(value - predict(trail, p)));
    if (i === 1) start(trail, value);
    else follow(trail, value);
  }
  const predictor = costs.indexOf(Math.min(...costs));
  if (!hasTypical(predictor)) return { predictor, typical: 0 };
  return { predictor, typical: predictor === PREDICTORS.steady ? step : middle };
};

const LOOKS = 15;

/** Medians of the step and of the value at some evenly spread places behind the first. */
const findTypical = (values: Float64Array): { step: number; value: number } => {
  const places = values.length - 1;
  const looks = Math.min(LOOKS, places);
  const steps = new Float64Array(looks);
  const seen = new Float64Array(looks);
  for (let n = 0; n < looks; n++) {
    const i = 1 + Math.floor((n * places) / looks);
    seen[n] = values[i] as number;
    steps[n] = (values[i] as number) - (values[i - 1] as number);
  }
  const middle = looks >> 1;
  return { step: steps.sort()[middle] ?? 0, value: seen.sort()[middle] ?? 0 };
};
