/** Samples that a ranking over whole five minutes can do without are left out: nine of ten need not travel. */
import type { TopQuery } from '../../store.js';
import { FIVE_MS } from './rollup-format.js';
import type { Table } from './table.js';

/** A table per series, with the same increase, or the same maximum, in every five minutes. */
export const thinned = (table: Table, by: TopQuery['by']): Table[] => {
  if (by === 'mean' || !rises(table.ts)) return [table];
  const thin = by === 'max' ? highest : turns;
  return table.columns.map((values, i) => ({ ids: [table.ids[i] as number], ...thin(table.ts, values) }));
};

const rises = (ts: Float64Array): boolean => {
  for (let i = 1; i < ts.length; i++) if ((ts[i] as number) <= (ts[i - 1] as number)) return false;
  return true;
};

type Thin = Pick<Table, 'ts' | 'columns'>;
const pick = (ts: Float64Array, values: Float64Array, kept: readonly number[]): Thin => {
  const thin = { ts: new Float64Array(kept.length), values: new Float64Array(kept.length) };
  for (let i = 0; i < kept.length; i++) {
    thin.ts[i] = ts[kept[i] as number] as number;
    thin.values[i] = values[kept[i] as number] as number;
  }
  return { ts: thin.ts, columns: [thin.values] };
};

/** The first and the last sample of each five minutes, and both sides of every fall. */
const turns = (ts: Float64Array, values: Float64Array): Thin => {
  const kept: number[] = [];
  let [last, end] = [-1, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < ts.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    const opens = (ts[i] as number) >= end;
    if (opens || value < (values[last] as number)) {
      if (last >= 0 && kept[kept.length - 1] !== last) kept.push(last);
      kept.push(i);
      if (opens) end = endOf(ts[i] as number);
    }
    last = i;
  }
  if (last >= 0 && kept[kept.length - 1] !== last) kept.push(last);
  return pick(ts, values, kept);
};

/** The highest sample of each five minutes. */
const highest = (ts: Float64Array, values: Float64Array): Thin => {
  const kept: number[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < ts.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    if ((ts[i] as number) >= end) {
      kept.push(i);
      end = endOf(ts[i] as number);
    } else if (value > (values[kept[kept.length - 1] as number] as number)) kept[kept.length - 1] = i;
  }
  return pick(ts, values, kept);
};

const endOf = (ts: number): number => (Math.floor(ts / FIVE_MS) + 1) * FIVE_MS;
