import fc from 'fast-check';

/** Doubles of every sort: those that machines report, and the odd ones. */
export const anyDouble: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1_000, max: 1_000 }).map((value) => value / 10) },
  { weight: 2, arbitrary: fc.maxSafeNat().map((value) => value - (value % 1_024)) },
  { weight: 2, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.constantFrom(...oddDoubles()) },
);

/** A walk of short decimals, as nearly all columns are. */
export const anyWalk = (rows: number): fc.Arbitrary<number[]> =>
  fc
    .record({
      exponent: fc.integer({ min: 0, max: 12 }),
      unit: fc.constantFrom(1, 5, 512, 1_024, 1_048_576),
      start: fc.integer({ min: -1_000_000, max: 1_000_000 }),
      seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      reach: fc.constantFrom(1, 3, 40, 5_000),
    })
    .map(({ exponent, unit, start, seed, reach }) => {
      const random = smallRandom(seed);
      let mantissa = start;
      return Array.from({ length: rows }, () => {
        mantissa += Math.floor((random() - 0.5) * 2 * reach);
        return (mantissa * unit) / 10 ** exponent;
      });
    });

/** Fast repeatable numbers in [0, 1) for long arrays, where an arbitrary per value would take minutes. */
export const smallRandom = (seed: number) => {
  let state = seed;
  return () => {
    state = Math.imul(state, 48_271) >>> 0;
    return (state % 1_000_003) / 1_000_003;
  };
};

function oddDoubles(): number[] {
  return [
    0,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.MIN_VALUE,
    -Number.MIN_VALUE,
    2.2250738585072009e-308,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    Number.EPSILON,
    0.1 + 0.2,
    1e-12,
    1e-13,
    1e22,
    2 ** 49,
    2 ** 49 + 1,
    2 ** 50,
    2 ** 51,
    2 ** 52 + 1,
    2 ** 53,
    -(2 ** 53),
    Number.MAX_SAFE_INTEGER,
    1 / 3,
    Math.PI,
  ];
}
