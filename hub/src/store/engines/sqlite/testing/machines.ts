import fc from 'fast-check';
import type { Filling } from './read-bench.js';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const START = Date.UTC(2026, 0, 5, 12);
export const COLUMNS = ['heat', 'count', 'odd', 'size', 'flat'];

/** Any seed gives the same machine: noise, counters with restarts, a value that is mostly missing, one that never moves. */
const createNoise = (seed: number) => {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

export interface Machine {
  seed: number;
  rows: number;
  every: number;
  restarts: number;
}

export const reportsOf = ({ seed, rows, every, restarts }: Machine): Filling['rows'] => {
  const noise = createNoise(seed);
  let [ts, count, size] = [START - HOUR, 0, 1e12];
  return Array.from({ length: rows }, () => {
    ts += 1 + Math.floor(noise() < 0.02 ? noise() * 9 * HOUR : every * (0.9 + noise() / 5));
    count = noise() < restarts ? Math.floor(noise() * 9) : count + Math.floor(noise() * 30);
    size = noise() < restarts / 4 ? 0 : size + Math.floor(noise() * 1e6) / 4;
    return { ts, values: [Math.round(noise() * 400) / 10, count, noise() < 0.2 ? Math.floor(noise() * 9) - 4 : null, size, 7] };
  });
};

export const machine = fc.record({
  seed: fc.nat(),
  rows: fc.integer({ min: 0, max: 500 }),
  every: fc.constantFrom(10 * SECOND, 90 * SECOND, 10 * MINUTE),
  restarts: fc.constantFrom(0, 0.01, 0.5),
});
export const place = fc.constantFrom('head' as const, 'staged' as const, 'merged' as const, 'merged and staged late' as const);
export const edge = fc.constantFrom(1, 7 * SECOND + 13, 5 * MINUTE, HOUR, 6 * HOUR);
