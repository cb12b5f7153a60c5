/** Runs out of a roll-up chunk: what was left out when it was written comes back here. */
import type { MetricKind } from '@muster/shared/metrics';
import type { Fold, Run } from '../../fold.js';
import type { Chunk } from './codec/chunk.js';
import { windowEnd, windowOf } from './ids.js';
import * as format from './rollup-format.js';

/** The runs of one series, by time. */
export interface RunSet {
  starts: Float64Array;
  /** Feeds the runs that begin in [from, to); answers how many. */
  feed(fold: Pick<Fold<unknown>, 'run'>, from: number, to: number): number;
  /** The last sample of the newest run that ended before a time. */
  before(ts: number): { ts: number; value: number } | null;
  /** False: of some buckets it is not known what a counter would have risen in them. */
  whole: boolean;
  /** Memory it takes. */
  bytes: number;
}

export interface RunsOf {
  device: number;
  kind: MetricKind;
  tier: format.RollupTier;
}

type Column = Float64Array | null;
interface Stats {
  min: Column;
  max: Column;
  mean: Column;
  count: Column;
  shared_count: Column;
  last: Column;
  increase: Column;
  slowest: Column;
  fastest: Column;
  first: Column;
  first_ts: Column;
  shared_first_ts: Column;
  last_ts: Column;
  shared_last_ts: Column;
}

/** Null when the chunk has nothing of this series. */
export const readRuns = (chunk: Chunk, series: number, of: RunsOf): RunSet | null => {
  const stats = readStats(chunk, series, of.kind);
  if (!stats) return null;
  const starts = chunk.ts();
  const run = newRun();
  const before = previousOf(stats, starts, of.device);
  const fill = of.kind === 'counter' ? counterRuns(stats, starts, before) : gaugeRuns(stats, starts, { before, tier: of.tier });
  return {
    starts,
    feed(fold, from, to) {
      let fed = 0;
      for (let i = atOrAfter(starts, from); i < starts.length && (starts[i] as number) < to; i++) {
        if (!fill(run, i)) continue;
        fold.run(run);
        fed++;
      }
      return fed;
    },
    before(ts) {
      for (let i = atOrAfter(starts, ts) - 1; i >= 0; i--)
        if (fill(run, i) && run.last_ts < ts) return { ts: run.last_ts, value: run.last };
      return null;
    },
    whole: of.kind === 'gauge' || isWhole(stats, starts.length),
    bytes: starts.length * 8 * (1 + Object.values(stats).filter((column) => column !== null).length),
  };
};

const isWhole = (stats: Stats, rows: number): boolean => {
  for (let i = 0; i < rows; i++) if (!Number.isNaN(at(stats.min, i)) && Number.isNaN(lastAt(stats, i))) return false;
  return true;
};

const newRun = (): Run => ({
  ...{ start: 0, min: 0, max: 0, mean: 0, count: 0, first: Number.NaN, first_ts: 0 },
  ...{ last: Number.NaN, last_ts: 0, increase: 0, slowest: 0, fastest: 0 },
});

const readStats = (chunk: Chunk, series: number, kind: MetricKind): Stats | null => {
  const read = (stat: number, of = series): Column => valuesOf(chunk, format.statId(of, stat));
  const gauge = kind === 'gauge';
  const [min, max] = [read(format.MIN), read(format.MAX)];
  // What a gauge needs of them is where extremes were left out; they take the longest to decode.
  const ends = !gauge || !isFull(min) || !isFull(max);
  const last = ends ? read(format.LAST) : null;
  if (!min && !last) return null;
  const forGauge = (stat: number, of?: number) => (gauge ? read(stat, of) : null);
  const forCounter = (stat: number, of?: number) => (gauge ? null : read(stat, of));
  return {
    min,
    max,
    last,
    mean: forGauge(format.MEAN),
    count: forGauge(format.COUNT),
    shared_count: forGauge(format.COUNT, format.SHARED),
    increase: forCounter(format.INCREASE),
    slowest: forCounter(format.SLOWEST),
    fastest: forCounter(format.FASTEST),
    first: ends ? read(format.FIRST) : null,
    first_ts: forCounter(format.FIRST_TS),
    shared_first_ts: forCounter(format.FIRST_TS, format.SHARED),
    last_ts: forCounter(format.LAST_TS),
    shared_last_ts: forCounter(format.LAST_TS, format.SHARED),
  };
};

const isFull = (column: Column): boolean => column !== null && !column.some(Number.isNaN);

/** NaN where there is none. */
const valuesOf = (chunk: Chunk, id: number): Column => chunk.column(id)?.values ?? null;

const at = (column: Column, i: number): number => (column ? (column[i] as number) : Number.NaN);
const or = (value: number, other: number): number => (Number.isNaN(value) ? other : value);

/** Fills a run; false when the series has no sample in that bucket. */
type Fill = (run: Run, i: number) => boolean;

const gaugeRuns =
  (stats: Stats, starts: Float64Array, { before, tier }: { before: Int32Array; tier: format.RollupTier }): Fill =>
  (run, i) => {
    const last = at(stats.last, i);
    const before_last = (before[i] as number) < 0 ? Number.NaN : at(stats.last, before[i] as number);
    run.min = or(at(stats.min, i), or(or(before_last, at(stats.first, i)), last));
    if (Number.isNaN(run.min)) return false;
    run.start = starts[i] as number;
    run.max = or(or(at(stats.max, i), last), run.min);
    const step = at(stats.mean, i);
    run.mean = Number.isNaN(step) ? run.min : format.meanAt(step, tier, run);
    run.count = or(or(at(stats.count, i), at(stats.shared_count, i)), 1);
    return true;
  };

const counterRuns =
  (stats: Stats, starts: Float64Array, before: Int32Array): Fill =>
  (run, i) => {
    run.last = lastAt(stats, i);
    if (Number.isNaN(run.last)) return false;
    const start = starts[i] as number;
    const previous = before[i] as number;
    const opens = previous < 0;
    run.start = start;
    run.last_ts = start + or(or(at(stats.last_ts, i), at(stats.shared_last_ts, i)), 0);
    run.first = opens ? or(or(at(stats.first, i), at(stats.min, i)), run.last) : Number.NaN;
    run.first_ts = start + or(or(at(stats.first_ts, i), at(stats.shared_first_ts, i)), 0);
    const risen = run.last - (opens ? run.first : lastAt(stats, previous));
    run.increase = or(at(stats.increase, i), Math.max(0, Math.min(risen, Number.MAX_VALUE)));
    run.slowest = format.rateAt(or(at(stats.slowest, i), 0));
    run.fastest = Math.min(format.rateAt(or(at(stats.fastest, i), 0)), Number.MAX_VALUE);
    return true;
  };

/** Without LAST a series is flat, unless MAX says otherwise. */
const lastAt = (stats: Stats, i: number): number =>
  or(at(stats.last, i), Number.isNaN(at(stats.max, i)) ? at(stats.min, i) : Number.NaN);

/** The bucket before of the same window that has samples; -1 where a window begins. */
const previousOf = ({ min, last }: Stats, starts: Float64Array, device: number): Int32Array => {
  const found = new Int32Array(starts.length).fill(-1);
  let [previous, end] = [-1, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < starts.length; i++) {
    if (Number.isNaN(at(min, i)) && Number.isNaN(at(last, i))) continue;
    const start = starts[i] as number;
    if (start < end) found[i] = previous;
    else end = windowEnd(device, windowOf(device, start));
    previous = i;
  }
  return found;
};

/** Index of the first value that is not less; all lists here rise. */
export const atOrAfter = (values: ArrayLike<number>, wanted: number): number => {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
};
