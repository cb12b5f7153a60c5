/** What the rows of one window come to, per bucket and series. Each window stands alone: rows that come late to one change no other. */
import type { ChunkColumn, ChunkInput } from './codec/chunk.js';
import * as format from './rollup-format.js';
import { roundExtremes } from './rollup-round.js';
import { type Buckets, bucketsOf, coarsen, count, newTally, type Tally } from './rollup-tally.js';

export interface Rolled {
  five: ChunkInput;
  hour: ChunkInput;
}

/** `rows`: all rows of a window that begins at `from_ms`. */
export const rollupWindow = (rows: ChunkInput, from_ms: number): Rolled => {
  const [five, hour] = [bucketsOf(rows.ts, from_ms, 'five'), bucketsOf(rows.ts, from_ms, 'hour')];
  const [fine, coarse] = [newTally(five.starts.length), newTally(hour.starts.length)];
  const into = Uint32Array.from(five.from.subarray(0, -1), (row) => hour.from.findLastIndex((from) => from <= row));
  const [fives, hours]: [ChunkColumn[], ChunkColumn[]] = [[], []];
  for (const column of rows.columns) {
    count(fine, rows.ts, column, five);
    if (fine.samples === 0) continue;
    coarsen(fine, into, coarse);
    fives.push(...columnsOf(fine, column.id, five));
    hours.push(...columnsOf(coarse, column.id, hour));
  }
  return { five: chunkOf(five, fives), hour: chunkOf(hour, hours) };
};

export const chunkOf = (buckets: Buckets, columns: ChunkColumn[]): ChunkInput => ({
  ts: buckets.starts,
  columns: [...columns, ...sharedColumns(buckets)],
});

/** More dips than that and it is no counter: what it rose is left out, its raw rows still tell. */
const isCounter = ({ dips, samples }: Tally): boolean => dips <= 1 + samples / 200;

export const columnsOf = (tally: Tally, series: number, buckets: Buckets): ChunkColumn[] => {
  const keep = keeper(tally, series);
  const counts = countColumn(tally, buckets, keep);
  const times = timeColumns(tally, buckets, keep);
  if (isFlat(tally))
    return [keep(format.MIN, tally.min), ...counts, ...opening(tally, { series, first: tally.min }, buckets), ...times];
  if (!isCounter(tally)) return [...gaugeColumns(tally, buckets, keep), ...counts];
  const { extremes, first } = rises(tally) ? risingColumns(tally, buckets, keep) : countedColumns(tally, buckets, keep);
  return [...extremes, ...counts, ...counterColumns(tally, keep), ...opening(tally, { series, first }, buckets), ...times];
};

/** Few samples a bucket: the one before it is too far off to stand for its minimum. */
const DENSE = 8;
const rises = ({ falls, samples, count }: Tally): boolean =>
  falls === 0 && samples >= DENSE * count.reduce((buckets, one) => buckets + (one > 0 ? 1 : 0), 0);

const risingColumns = (tally: Tally, { tier }: Buckets, keep: Keep) => ({
  extremes: [keep(format.MEAN, stepsOf(tally, tier, { min: lastBefore(tally), max: tally.last }))],
  first: tally.last,
});

const countedColumns = (tally: Tally, { tier }: Buckets, keep: Keep) => {
  const { min, max } = roundExtremes(tally);
  const rising = same(tally.max, tally.last, tally.count);
  const mean = keep(format.MEAN, stepsOf(tally, tier, { min, max: rising ? tally.last : max }));
  return { extremes: [keep(format.MIN, min), ...(rising ? [] : [keep(format.MAX, max)]), mean], first: min };
};

const gaugeColumns = (tally: Tally, { tier }: Buckets, keep: Keep): ChunkColumn[] => {
  const rounded = roundExtremes(tally);
  return [keep(format.MIN, rounded.min), keep(format.MAX, rounded.max), keep(format.MEAN, stepsOf(tally, tier, rounded))];
};

/** What a reader takes for the minimum of a rising series. */
const lastBefore = ({ last, count, opens, first }: Tally): Float64Array => {
  let before = first;
  return last.map((value, i) => {
    const min = i === opens ? first : before;
    if (count[i] !== 0) before = value;
    return min;
  });
};

const stepsOf = (
  { sum, count }: Tally,
  tier: format.RollupTier,
  { min, max }: { min: Float64Array; max: Float64Array },
): Float64Array => {
  let before = 0;
  return sum.map((total, i) => {
    if (count[i] === 0) return 0;
    before = format.stepOf(total / (count[i] as number), tier, { min: min[i] as number, max: max[i] as number }) ?? before;
    return before;
  });
};

type Keep = (stat: number, values: Float64Array) => ChunkColumn;
const keeper = (tally: Tally, series: number): Keep => {
  const present = Uint8Array.from(tally.count, (count) => (count > 0 ? 1 : 0));
  const mask = present.includes(0) ? present : null;
  return (stat, values) => ({ id: format.statId(series, stat), values: values.slice(), present: mask });
};

const same = (values: Float64Array, others: Float64Array, counts: Float64Array): boolean =>
  values.every((value, i) => counts[i] === 0 || value === others[i]);

const isFlat = ({ min, max, count, first }: Tally): boolean =>
  min.every((value, i) => count[i] === 0 || (value === first && max[i] === first));

const countColumn = (tally: Tally, buckets: Buckets, keep: Keep): ChunkColumn[] =>
  same(tally.count, buckets.rows, tally.count) ? [] : [keep(format.COUNT, tally.count)];

const timeColumns = (tally: Tally, { starts, last_ts }: Buckets, keep: Keep): ChunkColumn[] =>
  same(tally.last_ts, last_ts, tally.count) ? [] : [keep(format.LAST_TS, since(tally.last_ts, starts))];

const since = (times: Float64Array, starts: Float64Array): Float64Array => times.map((ts, i) => ts - (starts[i] as number));

const counterColumns = (tally: Tally, keep: Keep): ChunkColumn[] => {
  const slowest = tally.slowest.map(format.levelBelow);
  const fastest = tally.fastest.map(format.levelAbove);
  const unlessZero = (stat: number, values: Float64Array) => (values.some((value) => value !== 0) ? [keep(stat, values)] : []);
  return [
    keep(format.LAST, tally.last),
    ...(tally.falls > 0 ? [keep(format.INCREASE, tally.increase)] : []),
    ...unlessZero(format.SLOWEST, slowest),
    ...unlessZero(format.FASTEST, fastest),
  ];
};

/** What a reader needs to join this window to the one before; `first`: what it takes for the first sample otherwise. */
const opening = (
  tally: Tally,
  without: { series: number; first: Float64Array },
  { starts, first_ts: shared }: Buckets,
): ChunkColumn[] => {
  const { opens, first, first_ts } = tally;
  const only = (stat: number, value: number) => single(format.statId(without.series, stat), starts.length, { at: opens, value });
  return [
    ...(first === without.first[opens] ? [] : [only(format.FIRST, first)]),
    ...(opens === 0 && first_ts === shared[0] ? [] : [only(format.FIRST_TS, first_ts - (starts[opens] as number))]),
  ];
};

const single = (id: number, rows: number, { at, value }: { at: number; value: number }): ChunkColumn => {
  const values = new Float64Array(rows).fill(Number.NaN);
  const present = new Uint8Array(rows);
  values[at] = value;
  present[at] = 1;
  return { id, values, present: rows === 1 ? null : present };
};

const sharedColumns = (buckets: Buckets): ChunkColumn[] => {
  const { starts, first_ts, last_ts } = buckets;
  const id = (stat: number) => format.statId(format.SHARED, stat);
  return [
    { id: id(format.COUNT), values: buckets.rows, present: null },
    single(id(format.FIRST_TS), starts.length, { at: 0, value: (first_ts[0] as number) - (starts[0] as number) }),
    { id: id(format.LAST_TS), values: since(last_ts, starts), present: null },
  ];
};
