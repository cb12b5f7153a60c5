/** One series counted per bucket, exactly; roundings come later. */
import { increaseBetween } from '../../rollup.js';
import type { ChunkColumn } from './codec/chunk.js';
import { type RollupTier, WIDTHS } from './rollup-format.js';

/** Buckets of a window; rows `from[i]` to `from[i + 1]` are those of bucket i. */
export interface Buckets {
  tier: RollupTier;
  starts: Float64Array;
  from: Uint32Array;
  /** How many rows each has. */
  rows: Float64Array;
  first_ts: Float64Array;
  last_ts: Float64Array;
}

export interface Tally {
  min: Float64Array;
  max: Float64Array;
  sum: Float64Array;
  /** Samples; 0: nothing else here counts. */
  count: Float64Array;
  last: Float64Array;
  last_ts: Float64Array;
  /** From the sample before, or from the first one of the window. */
  increase: Float64Array;
  slowest: Float64Array;
  fastest: Float64Array;
  /** Bucket of its first sample. */
  opens: number;
  first: number;
  first_ts: number;
  samples: number;
  falls: number;
  /** Falls to something other than a fresh start. */
  dips: number;
}

/** Each that has rows; one that is cut by the border of the window begins there. */
export const bucketsOf = (ts: Float64Array, from_ms: number, tier: RollupTier): Buckets => {
  const width_ms = WIDTHS[tier];
  const starts: number[] = [];
  const from: number[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < ts.length; i++) {
    const time = ts[i] as number;
    if (time < end) continue;
    const start = Math.floor(time / width_ms) * width_ms;
    end = start + width_ms;
    starts.push(Math.max(start, from_ms));
    from.push(i);
  }
  from.push(ts.length);
  const edges = Uint32Array.from(from);
  return {
    tier,
    starts: Float64Array.from(starts),
    from: edges,
    rows: Float64Array.from(starts, (_, i) => (edges[i + 1] as number) - (edges[i] as number)),
    first_ts: Float64Array.from(starts, (_, i) => ts[edges[i] as number] as number),
    last_ts: Float64Array.from(starts, (_, i) => ts[(edges[i + 1] as number) - 1] as number),
  };
};

export const newTally = (buckets: number): Tally => {
  const one = () => new Float64Array(buckets);
  return {
    ...{ min: one(), max: one(), sum: one(), count: one(), last: one(), last_ts: one() },
    ...{ increase: one(), slowest: one(), fastest: one() },
    ...{ opens: -1, first: 0, first_ts: 0, samples: 0, falls: 0, dips: 0 },
  };
};

/** What goes on from bucket to bucket. */
interface Track {
  last: number;
  last_ts: number;
}

export const count = (tally: Tally, ts: Float64Array, column: ChunkColumn, { from }: Buckets): void => {
  const track = { last: Number.NaN, last_ts: 0 };
  tally.opens = -1;
  tally.samples = tally.falls = tally.dips = 0;
  for (let bucket = 0; bucket + 1 < from.length; bucket++) {
    const rows = { from: from[bucket] as number, to: from[bucket + 1] as number };
    countBucket(tally, track, { ts, column, bucket, ...rows });
  }
};

interface Rows {
  ts: Float64Array;
  column: ChunkColumn;
  bucket: number;
  from: number;
  to: number;
}

// Everything in locals: this loop sees each sample that is ever stored (5 ns each; 40 with the tally's arrays inside).
const countBucket = (tally: Tally, track: Track, { ts, column, bucket, from, to }: Rows): void => {
  const { values, present } = column;
  let [min, max, sum, samples] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  let [increase, slowest, fastest] = [0, Number.POSITIVE_INFINITY, 0];
  let { last, last_ts } = track;
  for (let i = from; i < to; i++) {
    const value = (values[i] as number) + 0;
    if (Number.isNaN(value) || present?.[i] === 0) continue;
    const time = ts[i] as number;
    if (!Number.isNaN(last)) {
      const amount = increaseBetween(last, value);
      const rate = Math.min((amount * 1000) / (time - last_ts), Number.MAX_VALUE);
      increase += amount;
      if (rate < slowest) slowest = rate;
      if (rate > fastest) fastest = rate;
      if (value < last) fall(tally, last, value);
    } else open(tally, bucket, value, time);
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    samples++;
    last = value;
    last_ts = time;
  }
  track.last = last;
  track.last_ts = last_ts;
  tally.samples += samples;
  tally.min[bucket] = min;
  tally.max[bucket] = max;
  tally.sum[bucket] = sum;
  tally.count[bucket] = samples;
  tally.last[bucket] = last;
  tally.last_ts[bucket] = last_ts;
  tally.increase[bucket] = Math.min(increase, Number.MAX_VALUE);
  tally.slowest[bucket] = slowest === Number.POSITIVE_INFINITY ? 0 : slowest;
  tally.fastest[bucket] = fastest;
};

const open = (tally: Tally, bucket: number, value: number, ts: number): void => {
  tally.opens = bucket;
  tally.first = value;
  tally.first_ts = ts;
};

const fall = (tally: Tally, last: number, value: number): void => {
  tally.falls++;
  if (!(value >= 0 && value <= last / 2)) tally.dips++;
};

/** Puts the fine buckets of a tally together: `into[i]` is the coarse bucket of fine bucket i. */
export const coarsen = (fine: Tally, into: Uint32Array, coarse: Tally): void => {
  coarse.count.fill(0);
  for (let i = 0; i < into.length; i++) if (fine.count[i] !== 0) add(fine, i, coarse, into[i] as number);
  const { first, first_ts, samples, falls, dips } = fine;
  Object.assign(coarse, { first, first_ts, samples, falls, dips, opens: fine.opens < 0 ? -1 : into[fine.opens] });
};

const add = (fine: Tally, i: number, coarse: Tally, at: number): void => {
  // The bucket of the first sample has no rate while it is alone.
  const rated = !(fine.opens === i && fine.count[i] === 1);
  if (coarse.count[at] === 0) begin(fine, i, coarse, at);
  else {
    coarse.min[at] = Math.min(coarse.min[at] as number, fine.min[i] as number);
    coarse.max[at] = Math.max(coarse.max[at] as number, fine.max[i] as number);
    coarse.sum[at] = (coarse.sum[at] as number) + (fine.sum[i] as number);
    coarse.increase[at] = Math.min((coarse.increase[at] as number) + (fine.increase[i] as number), Number.MAX_VALUE);
    coarse.fastest[at] = Math.max(coarse.fastest[at] as number, fine.fastest[i] as number);
    if (rated && !((coarse.slowest[at] as number) <= (fine.slowest[i] as number))) coarse.slowest[at] = fine.slowest[i] as number;
  }
  if (!rated) coarse.slowest[at] = Number.NaN;
  coarse.count[at] = (coarse.count[at] as number) + (fine.count[i] as number);
  coarse.last[at] = fine.last[i] as number;
  coarse.last_ts[at] = fine.last_ts[i] as number;
};

const begin = (fine: Tally, i: number, coarse: Tally, at: number): void => {
  for (const list of ['min', 'max', 'sum', 'increase', 'fastest', 'slowest'] as const) coarse[list][at] = fine[list][i] as number;
};
