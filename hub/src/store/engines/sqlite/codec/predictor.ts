/** How the next whole number of a column is guessed from those before it. */
export const PREDICTORS = { last: 0, line: 1, average: 2, drift: 3, level: 4, nothing: 5 } as const;
export const PREDICTOR_COUNT = 6;

/** Last value, the one before, moving average, moving average of the steps. */
export type Trail = Float64Array;
const LAST = 0;
const BEFORE = 1;
const AVERAGE = 2;
const DRIFT = 3;
const LEVEL = 4;
const SLOPE = 5;

export const newTrail = (): Trail => new Float64Array(6);

export const predict = (trail: Trail, predictor: number): number => {
  const last = trail[LAST] as number;
  if (predictor === PREDICTORS.last) return last;
  if (predictor === PREDICTORS.line) return 2 * last - (trail[BEFORE] as number);
  if (predictor === PREDICTORS.average) return Math.round(trail[AVERAGE] as number);
  if (predictor === PREDICTORS.drift) return last + Math.round(trail[DRIFT] as number);
  if (predictor === PREDICTORS.level) return Math.round((trail[LEVEL] as number) + (trail[SLOPE] as number));
  return 0;
};

/** The first step is the best guess of all steps to come. */
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
  trail[BEFORE] = last;
  trail[LAST] = value;
  trail[AVERAGE] = average + (value - average) * 0.125;
  trail[DRIFT] = drift + (value - last - drift) * 0.0625;
  const guess = (trail[LEVEL] as number) + (trail[SLOPE] as number);
  const miss = value - guess;
  trail[LEVEL] = guess + miss * 0.25;
  trail[SLOPE] = (trail[SLOPE] as number) + miss * 0.015625;
};

/** Binary digits of a whole number 0 … 2^53: its class. */
export const digits = (size: number): number =>
  size < 2 ** 32 ? 32 - Math.clz32(size) : 64 - Math.clz32(Math.floor(size / 2 ** 32));

/** The predictor whose misses have the fewest digits in sum; the first value is not predicted. */
export const choosePredictor = (values: Float64Array): number => {
  const trail = newTrail();
  const costs = new Float64Array(PREDICTOR_COUNT);
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    for (let p = 0; p < PREDICTOR_COUNT; p++) costs[p] = (costs[p] as number) + digits(Math.abs(value - predict(trail, p)));
    if (i === 1) start(trail, value);
    else follow(trail, value);
  }
  let best = 0;
  for (let p = 1; p < PREDICTOR_COUNT; p++) if ((costs[p] as number) < (costs[best] as number)) best = p;
  return best;
};
