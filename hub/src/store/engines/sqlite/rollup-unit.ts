/** One-hour roll-ups of a window out of its five-minute ones, when its raw rows are not at hand. */
import type { Run } from '../../fold.js';
import type { Chunk, ChunkInput } from './codec/chunk.js';
import { windowEnd, windowStart } from './ids.js';
import * as format from './rollup-format.js';
import { atOrAfter, readRuns } from './rollup-read.js';
import { type Buckets, newTally, type Tally } from './rollup-tally.js';
import { chunkOf, columnsOf } from './rollup-window.js';

/** Null when there are none of that window. */
export const hoursOfFives = (fives: Chunk, device: number, window: number): ChunkInput | null => {
  const span = { from: windowStart(device, window), to: windowEnd(device, window) };
  const buckets = hoursOf(fives, span);
  if (!buckets) return null;
  const tally = newTally(buckets.starts.length);
  const series = new Set(Array.from(fives.ids, format.seriesOfStat).filter((id) => id !== format.SHARED));
  const columns = [...series].flatMap((one) => {
    add(tally, fives, { series: one, device, span, buckets });
    return tally.samples > 0 ? columnsOf(tally, one, buckets) : [];
  });
  return chunkOf(buckets, columns);
};

const hoursOf = (fives: Chunk, { from, to }: Span): Buckets | null => {
  const starts = fives.ts();
  const [opens, end] = [atOrAfter(starts, from), atOrAfter(starts, to)];
  if (opens === end) return null;
  const shared = (stat: number) => fives.column(format.statId(format.SHARED, stat))?.values ?? new Float64Array(starts.length);
  const [rows, last] = [shared(format.COUNT), shared(format.LAST_TS)];
  const hours = new Map<number, { rows: number; last_ts: number }>();
  for (let i = opens; i < end; i++) {
    const start = hourOf(starts[i] as number, from);
    const before = hours.get(start)?.rows ?? 0;
    hours.set(start, { rows: before + (rows[i] as number), last_ts: (starts[i] as number) + (last[i] as number) });
  }
  const first = (starts[opens] as number) + (shared(format.FIRST_TS)[opens] as number);
  const all = [...hours.values()];
  return {
    tier: 'hour',
    starts: Float64Array.from(hours.keys()),
    from: new Uint32Array(0),
    rows: Float64Array.from(all, (hour) => hour.rows),
    first_ts: Float64Array.from(all, () => first),
    last_ts: Float64Array.from(all, (hour) => hour.last_ts),
  };
};

/** The border of the window may cut an hour. */
const hourOf = (ts: number, from: number): number => Math.max(Math.floor(ts / format.HOUR_MS) * format.HOUR_MS, from);

interface Span {
  from: number;
  to: number;
}
interface Of {
  series: number;
  device: number;
  span: Span;
  buckets: Buckets;
}

const add = (tally: Tally, fives: Chunk, { series, device, span, buckets }: Of): void => {
  tally.count.fill(0);
  tally.slowest.fill(Number.NaN);
  Object.assign(tally, { opens: -1, samples: 0, dips: Number.POSITIVE_INFINITY, falls: 0 });
  const bucketOf = ({ start }: Run): number => buckets.starts.indexOf(hourOf(start, span.from));
  const feed = (kind: 'gauge' | 'counter', run: (run: Run, at: number) => void) =>
    readRuns(fives, series, { device, kind, tier: 'five' })?.feed({ run: (one) => run(one, bucketOf(one)) }, span.from, span.to);
  feed('gauge', (run, at) => addGauge(tally, run, at));
  feed('counter', (run, at) => addCounter(tally, run, at));
  if (fives.ids.includes(format.statId(series, format.INCREASE))) tally.falls = 1;
};

const addGauge = (tally: Tally, { min, max, mean, count }: Run, at: number): void => {
  const fresh = tally.count[at] === 0;
  tally.min[at] = fresh ? min : Math.min(tally.min[at] as number, min);
  tally.max[at] = fresh ? max : Math.max(tally.max[at] as number, max);
  tally.sum[at] = (fresh ? 0 : (tally.sum[at] as number)) + mean * count;
  tally.count[at] = (tally.count[at] as number) + count;
  tally.increase[at] = tally.fastest[at] = 0;
  if (tally.opens < 0) Object.assign(tally, { opens: at, first: min });
  tally.samples += count;
};

const addCounter = (tally: Tally, run: Run, at: number): void => {
  const opens = !Number.isNaN(run.first);
  if (opens) Object.assign(tally, { first: run.first, first_ts: run.first_ts, dips: 0 });
  tally.increase[at] = Math.min((tally.increase[at] as number) + run.increase, Number.MAX_VALUE);
  tally.last[at] = run.last;
  tally.last_ts[at] = run.last_ts;
  // A lone first sample has no rate.
  if (opens && run.last_ts === run.first_ts) return;
  tally.fastest[at] = Math.max(tally.fastest[at] as number, run.fastest);
  if (!((tally.slowest[at] as number) <= run.slowest)) tally.slowest[at] = run.slowest;
};
