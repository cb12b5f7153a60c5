/** Pure bucketing and rates: every engine answers with these, so that all give the same points. */
import type { LatestValue, Point, TopQuery } from './store.js';

export type Sample = readonly [ts: number, value: number];

export interface Window {
  /** [from, to) in ms. */
  from: number;
  to: number;
  /** At most this many buckets. */
  points: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SIXTIETHS = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30];
/** From 5 minutes on only what 5-minute roll-ups can be folded into. */
const MINUTES = [1, 2, 3, 4, 5, 10, 15, 20, 30];
/** Round widths that divide the next larger unit: buckets stay where they are while a window slides over them. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...SIXTIETHS.map((n) => n * SECOND),
  ...MINUTES.map((n) => n * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12].map((n) => n * HOUR),
  ...[1, 2, 3, 5, 7, 10, 14].map((n) => n * DAY),
];
const LATEST_TIME = 8.64e15;

/** The part of the window that can hold samples. */
export const clip = ({ from, to, points }: Window): Window => ({
  from: Math.max(0, from),
  to: Math.min(to, LATEST_TIME),
  points: Math.max(1, Math.floor(points)),
});

/** The smallest round width whose buckets, laid on its multiples, cover the window with at most `points`. */
export const bucketStep = (window: Window): number => {
  const { from, to, points } = clip(window);
  const fits = (step: number) => Math.ceil(to / step) - Math.floor(from / step) <= points;
  const found = STEPS.find(fits);
  if (found !== undefined) return found;
  let step = 16 * DAY;
  while (!fits(step)) step *= 2;
  return step;
};

/** One sample per time: of several at the same time the one stored last holds. `samples` rise by time, then by arrival. */
export const lastPerTime = (samples: readonly Sample[]): Sample[] =>
  samples.filter((sample, index) => samples[index + 1]?.[0] !== sample[0]);

/** What a counter rose between two samples; a fall is a restart from zero. */
export const increaseBetween = (before: number, after: number): number =>
  Math.min(after >= before ? after - before : Math.max(after, 0), Number.MAX_VALUE);

interface Piece {
  ts: number;
  value: number;
  /** mean = sum of amounts / sum of weights. */
  amount: number;
  weight: number;
}

const gaugePieces = (samples: readonly Sample[]): Piece[] =>
  samples.map(([ts, value]) => ({ ts, value, amount: value, weight: 1 }));

/** The rate per second up to each sample, weighted by the time it held: mean × time is the increase. */
const ratePieces = (samples: readonly Sample[], before: Sample | undefined): Piece[] => {
  const pieces: Piece[] = [];
  let last = before;
  for (const sample of samples) {
    if (last && sample[0] > last[0]) {
      const weight = (sample[0] - last[0]) / SECOND;
      const amount = increaseBetween(last[1], sample[1]);
      pieces.push({ ts: sample[0], value: Math.min(amount / weight, Number.MAX_VALUE), amount, weight });
    }
    last = sample;
  }
  return pieces;
};

interface Bucket extends Piece {
  min: number;
  max: number;
}

/** Binary dust and overflow never push a mean out of its own extremes. */
const asPoint = (bucket: Bucket, from: number): Point => {
  const mean = bucket.amount / bucket.weight;
  return [Math.max(bucket.ts, from), bucket.min, Math.min(Math.max(mean, bucket.min), bucket.max), bucket.max];
};

const openBucket = (piece: Piece, ts: number): Bucket => ({ ...piece, ts, min: piece.value, max: piece.value });

const addTo = (bucket: Bucket, piece: Piece) => {
  bucket.min = Math.min(bucket.min, piece.value);
  bucket.max = Math.max(bucket.max, piece.value);
  bucket.amount += piece.amount;
  bucket.weight += piece.weight;
};

const fold = (pieces: readonly Piece[], window: Window): Point[] => {
  const step = bucketStep(window);
  const { from } = clip(window);
  const points: Point[] = [];
  let bucket: Bucket | null = null;
  for (const piece of pieces) {
    const start = Math.floor(piece.ts / step) * step;
    if (bucket?.ts === start) addTo(bucket, piece);
    else {
      if (bucket) points.push(asPoint(bucket, from));
      bucket = openBucket(piece, start);
    }
  }
  if (bucket) points.push(asPoint(bucket, from));
  return points;
};

/** Points of a gauge; `samples` lie in the window, rise by time, one per time. A bucket without a sample has no point. */
export const gaugePoints = (samples: readonly Sample[], window: Window): Point[] => fold(gaugePieces(samples), window);

/** Points of a counter as rate per second; `before` is its last sample before the window. */
export const counterPoints = (samples: readonly Sample[], window: Window, before?: Sample): Point[] =>
  fold(ratePieces(samples, before), window);

/** What `top` ranks by; null when the samples do not tell. `before` is the last sample before the window. */
export const standing = (by: TopQuery['by'], samples: readonly Sample[], before?: Sample): number | null => {
  if (samples.length === 0) return null;
  if (by === 'max') return samples.reduce((max, [, value]) => Math.max(max, value), Number.NEGATIVE_INFINITY);
  if (by === 'mean') return samples.reduce((sum, [, value]) => sum + value, 0) / samples.length;
  const pieces = ratePieces(samples, before);
  return pieces.length ? pieces.reduce((sum, piece) => sum + piece.amount, 0) : null;
};

/** Edges of a ranked span, see `rankedSpan`. */
export const GRID_MS = 5 * MINUTE;
const SHORTEST_ON_GRID_MS = 30 * MINUTE;

/** From half an hour on a ranking is over whole five minutes: else every device would need its raw rows at both ends. */
export const rankedSpan = ({ from, to }: { from: number; to: number }): { from: number; to: number } =>
  to - from < SHORTEST_ON_GRID_MS
    ? { from, to }
    : { from: Math.floor(from / GRID_MS) * GRID_MS, to: Math.ceil(to / GRID_MS) * GRID_MS };

/** Largest first; equal ones by device and series, so that the order never wavers. */
export const rank = (values: LatestValue[], n: number): LatestValue[] =>
  values.sort((a, b) => b.value - a.value || byText(a.device, b.device) || byText(a.series, b.series)).slice(0, Math.max(0, n));

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** True for `metric` and `metric{…}`. */
export const isSeriesOf = (series: string, metric: string): boolean => series === metric || series.startsWith(`${metric}{`);
