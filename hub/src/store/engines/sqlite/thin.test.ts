import { expect, it } from 'vitest';
import { SLOT_MS, WINDOW_SLOTS } from './ids.js';
import { SLOT_ROWS, thin, WINDOW_ROWS } from './thin.js';

const rising = (rows: number, every_ms: number) =>
  Float64Array.from({ length: rows }, (_, row) => 1_000_000_000_020 + row * every_ms);

it('leaves what fits as it is', () => {
  const input = { ts: rising(SLOT_ROWS, 300), columns: [{ id: 1, values: rising(SLOT_ROWS, 1), present: null }] };
  expect(thin(input, SLOT_ROWS)).toBe(input);
});

it('brings any slot under its bound, and 24 of them under that of a window', () => {
  const ts = rising(SLOT_MS, 1);
  const { ts: kept } = thin({ ts, columns: [] }, SLOT_ROWS);
  expect(kept.length).toBeLessThanOrEqual(SLOT_ROWS);
  expect(kept.length * WINDOW_SLOTS).toBeLessThanOrEqual(WINDOW_ROWS);
  expect(kept.at(-1)).toBe(ts.at(-1));
});

it('keeps the last value of every series in each step', () => {
  const ts = Float64Array.of(660, 661, 700, 990);
  const columns = [
    { id: 1, values: Float64Array.of(1, 2, 3, 4), present: null },
    { id: 2, values: Float64Array.of(5, 6, 0, 7), present: Uint8Array.of(1, 1, 0, 1) },
  ];
  const thinned = thin({ ts, columns }, 2);
  expect([...thinned.ts]).toEqual([700, 990]);
  expect(thinned.columns.map(({ id, values }) => [id, [...values]])).toEqual([
    [1, [3, 4]],
    [2, [6, 7]],
  ]);
});
