/** The bound of what one device can make the store hold: about 3 rows a second, 65,535 in a window. */
import type { ChunkInput } from './codec/chunk.js';
import { WINDOW_MS } from './ids.js';
import { mergeTables } from './table.js';

export const WINDOW_ROWS = 65_535;
/** 24 slots of it fit in a window. */
export const SLOT_ROWS = 2_730;
const STEP_MS = Math.ceil(WINDOW_MS / (WINDOW_ROWS - 1));

/** Of more rows than that the last of every third of a second stays, with the last value of each series in it. */
export const thin = (input: ChunkInput, most: number): ChunkInput => {
  const { ts, columns } = input;
  if (ts.length <= most) return input;
  const last = new Map<number, number>();
  for (const time of ts) last.set(Math.floor(time / STEP_MS), time);
  const moved = ts.map((time) => last.get(Math.floor(time / STEP_MS)) ?? time);
  const values = columns.map(({ values, present }) =>
    present ? values.map((value, row) => (present[row] ? value : Number.NaN)) : values,
  );
  return mergeTables([{ ts: moved, ids: columns.map(({ id }) => id), columns: values }]) ?? input;
};
