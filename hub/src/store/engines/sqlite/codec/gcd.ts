/** The largest whole number that divides both; whole numbers from 0 to 2^53. */
export const greatestDivisor = (a: number, b: number): number => {
  let [x, y] = [a, b];
  while (y !== 0) {
    if (x < 2 ** 31 && y < 2 ** 31) return smallDivisor(x, y);
    [x, y] = [y, x % y];
  }
  return x;
};

// Division of 32-bit integers is several times faster than that of doubles.
const smallDivisor = (a: number, b: number): number => {
  let x = a | 0;
  let y = b | 0;
  while (y !== 0) {
    const rest = x % y;
    x = y;
    y = rest;
  }
  return x;
};

/** The largest unit in which all differences between neighbours are whole; 0 when all values are equal. */
export const commonUnit = (values: Float64Array): number => {
  let unit = 0;
  for (let i = 1; i < values.length; i++) {
    const step = Math.abs((values[i] as number) - (values[i - 1] as number));
    if (step === 0) continue;
    unit = unit === 0 ? step : greatestDivisor(step, unit);
    if (unit === 1) return 1;
  }
  return unit;
};
