/** What the rows of one window come to, per bucket and series. Each window stands alone: rows that come late to one change no other. */
import type { ChunkColumn, ChunkInput } from './codec/chunk.js';
import * as format from './rollup-format.js';
import { roundDown, roundMeans, roundMinima, roundUp } from './rollup-round.js';
import { type Buckets, bucketsOf, coarsen, count, newTally, type Tally } from './rollup-tally.js';

export interface Rolled {
  five: ChunkInput;
  hour: ChunkInput;
}

/** `rows`: all rows of a window that begins at `from_ms`. */
export const rollupWindow = (rows: ChunkInput, from_ms: number): Rolled => {
  const [five, hour] = [bucketsOf(rows.ts, from_ms, format.FIVE_MS), bucketsOf(rows.ts, from_ms, format.HOUR_MS)];
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

const chunkOf = (buckets: Buckets, columns: ChunkColumn[]): ChunkInput => ({
  ts: buckets.starts,
  columns: [...columns, ...sharedColumns(buckets)],
});

/** More dips than that and it is no counter: what it rose is left out, its raw rows still tell. */
const isCounter = ({ dips, samples }: Tally): boolean => dips <= 1 + samples / 20;

const columnsOf = (tally: Tally, series: number, buckets: Buckets): ChunkColumn[] => {
  const keep = keeper(tally, series);
  const counter = isCounter(tally);
  if (isFlat(tally)) {
    const times = timeColumns(tally, buckets, keep);
    return [keep(format.MIN, tally.min), ...countColumn(tally, buckets, keep), ...opening(tally, series, buckets), ...times];
  }
  const min = counter && tally.falls === 0 ? roundMinima(tally) : tally.min;
  return [
    keep(format.MIN, min),
    ...(counter && same(tally.max, tally.last, tally.count) ? [] : [keep(format.MAX, tally.max)]),
    keep(format.MEAN, roundMeans(tally)),
    ...countColumn(tally, buckets, keep),
    ...(counter ? counterColumns(tally, keep) : []),
    ...(counter ? opening({ ...tally, min }, series, buckets) : []),
    ...(counter ? timeColumns(tally, buckets, keep) : []),
  ];
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
  const slowest = tally.slowest.map((rate) => (rate > 0 ? roundDown(rate) : 0));
  const fastest = tally.fastest.map(roundUp);
  const unlessZero = (stat: number, values: Float64Array) => (values.some((value) => value !== 0) ? [keep(stat, values)] : []);
  return [
    keep(format.LAST, tally.last),
    ...(tally.falls > 0 ? [keep(format.INCREASE, tally.increase)] : []),
    ...unlessZero(format.SLOWEST, slowest),
    ...unlessZero(format.FASTEST, fastest),
  ];
};

/** What a reader needs to join this window to the one before. */
const opening = (
  { opens, first, first_ts, min }: Tally,
  series: number,
  { starts, first_ts: shared }: Buckets,
): ChunkColumn[] => {
  const only = (stat: number, value: number) => single(format.statId(series, stat), starts.length, { at: opens, value });
  return [
    ...(first === min[opens] ? [] : [only(format.FIRST, first)]),
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
