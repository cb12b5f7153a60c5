/** What a ranking needs of five minutes of a series: pieces of four numbers, many in one array. */
import type { Run } from '../../fold.js';
import { increaseBetween } from '../../rollup.js';
import type { TopQuery } from '../../store.js';
import type { Chunk } from './codec/chunk.js';
import type { Samples } from './query-samples.js';
import { FIVE_MS } from './rollup-format.js';
import { readRuns } from './rollup-read.js';

export type By = TopQuery['by'];
/**
 * Start (first sample, or bucket); then by mean: sum, count; by max: maximum; by increase: first sample (NaN: it goes on from the
 * piece before), last sample, increase up to there (NaN: a lone sample).
 */
export const STRIDE = 4;

/** Samples in order of time, cut at whole five minutes. */
export const piecesOfSamples = ({ ts, values }: Samples, by: By): number[] => {
  const pieces: number[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < ts.length; i++) {
    const value = (values[i] as number) + 0;
    if (Number.isNaN(value)) continue;
    const time = ts[i] as number;
    if (time >= end) {
      end = (Math.floor(time / FIVE_MS) + 1) * FIVE_MS;
      pieces.push(time, ...openPiece(value, by));
    } else addTo(pieces, pieces.length - STRIDE, { value, by });
  }
  return pieces;
};

const openPiece = (value: number, by: By): [number, number, number] =>
  by === 'increase' ? [value, value, Number.NaN] : by === 'mean' ? [value, 1, 0] : [value, 0, 0];

const addTo = (pieces: number[], at: number, { value, by }: { value: number; by: By }): void => {
  if (by === 'increase') {
    pieces[at + 3] = (pieces[at + 3] || 0) + increaseBetween(pieces[at + 2] as number, value);
    pieces[at + 2] = value;
  } else if (by === 'mean') {
    pieces[at + 1] = (pieces[at + 1] as number) + value;
    pieces[at + 2] = (pieces[at + 2] as number) + 1;
  } else pieces[at + 1] = Math.max(pieces[at + 1] as number, value);
};

/** Null when the roll-ups do not tell: a series that often falls is no counter. */
export const piecesOfRuns = (chunk: Chunk, of: { device: number; series: number; by: By }): number[] | null => {
  const kind = of.by === 'increase' ? 'counter' : 'gauge';
  const runs = readRuns(chunk, of.series, { device: of.device, kind, tier: 'five' });
  if (!runs) return [];
  const pieces: number[] = [];
  const run = (one: Run) => {
    if (of.by === 'increase') pieces.push(one.start, one.first, one.last, isLone(one) ? Number.NaN : one.increase);
    else if (of.by === 'mean') pieces.push(one.start, one.mean * one.count, one.count, 0);
    else pieces.push(one.start, one.max, 0, 0);
  };
  runs.feed({ run }, 0, Number.POSITIVE_INFINITY);
  return runs.whole ? pieces : null;
};

/** One that goes on from the run before has risen since then, however few samples it has. */
const isLone = ({ first, first_ts, last_ts }: Run): boolean => !Number.isNaN(first) && last_ts === first_ts;

/** Adds up pieces in order of time. */
export interface Sum {
  by: By;
  from: number;
  to: number;
  /** From here on all pieces are at hand: older ones are not used, since newer ones may be missing. */
  known: number;
  /** Pieces, or rises between two. */
  parts: number;
  amount: number;
  weight: number;
  /** The newest value so far; NaN: none. */
  last: number;
  newest: number;
  /** Of the newest sample that was added one by one. */
  time: number;
  /** The samples do not rise in time, or the one before the span was not among them: there may be one. */
  blind: boolean;
}

export const newSum = (by: By, { from, to, known }: { from: number; to: number; known: number }): Sum =>
  reset({ by, from, to, known, parts: 0, amount: 0, weight: 0, last: Number.NaN, newest: 0, time: 0, blind: false });

/** For the next series. */
export const reset = (sum: Sum): Sum => {
  sum.parts = sum.weight = sum.newest = sum.time = 0;
  sum.amount = sum.by === 'max' ? Number.NEGATIVE_INFINITY : 0;
  sum.last = Number.NaN;
  sum.blind = false;
  return sum;
};

export const addPieces = (sum: Sum, pieces: ArrayLike<number>, at: number, end: number): void => {
  const { from, to, known } = sum;
  for (let i = at; i < end; i += STRIDE) {
    const start = pieces[i] as number;
    if (start >= to) return;
    if (start < known) continue;
    if (sum.by === 'increase') {
      if (start >= from) addRise(sum, pieces, i);
      sum.last = pieces[i + 2] as number;
    } else if (start >= from) addGauge(sum, pieces, i);
  }
};

const addRise = (sum: Sum, pieces: ArrayLike<number>, at: number): void => {
  const [first, rise] = [pieces[at + 1] as number, pieces[at + 3] as number];
  if (Number.isNaN(sum.last)) sum.blind = true;
  else {
    sum.parts++;
    if (!Number.isNaN(first)) sum.amount += increaseBetween(sum.last, first);
  }
  if (!Number.isNaN(rise)) {
    sum.parts++;
    sum.amount += rise;
  }
  sum.newest = pieces[at] as number;
};

const addGauge = (sum: Sum, pieces: ArrayLike<number>, at: number): void => {
  const value = pieces[at + 1] as number;
  sum.parts++;
  sum.weight += pieces[at + 2] as number;
  sum.amount = sum.by === 'max' ? Math.max(sum.amount, value) : sum.amount + value;
  sum.newest = pieces[at] as number;
};

/** Samples in order of time, each a piece of its own. */
export const addSamples = (sum: Sum, ts: Float64Array, values: Float64Array): void => {
  for (let i = 0; i < ts.length; i++) {
    const [time, value] = [ts[i] as number, values[i] as number];
    if (time >= sum.to) return;
    if (Number.isNaN(value) || time < sum.known) continue;
    if (time <= sum.time) sum.blind = true;
    if (time >= sum.from) addSample(sum, time, value);
    sum.last = value;
    sum.time = time;
  }
};

const addSample = (sum: Sum, ts: number, value: number): void => {
  sum.newest = ts;
  if (sum.by !== 'increase') {
    sum.parts++;
    sum.weight++;
    sum.amount = sum.by === 'max' ? Math.max(sum.amount, value) : sum.amount + value;
  } else if (Number.isNaN(sum.last)) sum.blind = true;
  else {
    sum.parts++;
    sum.amount += increaseBetween(sum.last, value);
  }
};

export const standingOf = ({ by, parts, amount, weight }: Sum): number | null =>
  parts === 0 ? null : by === 'mean' ? amount / weight : amount;
