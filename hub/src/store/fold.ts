/** Folds samples and roll-up buckets, in order of time, into the points of a chart or the standing of a series. */
import type { MetricKind } from '@muster/shared/metrics';
import { bucketStep, clip, increaseBetween, type Window } from './rollup.js';
import type { Point, TopQuery } from './store.js';

/** What a roll-up knows of the samples of one bucket. */
export interface Run {
  /** Start of the bucket, ms. */
  start: number;
  min: number;
  max: number;
  mean: number;
  count: number;
  /** NaN in a run that goes on from the run before it: `increase` and the rates then count from that one's last sample. */
  first: number;
  first_ts: number;
  /** NaN: nothing is known of it as a counter. */
  last: number;
  last_ts: number;
  increase: number;
  slowest: number;
  fastest: number;
}

export interface Fold<T> {
  /** The newest sample before the window: a counter rises from it. */
  before(ts: number, value: number): void;
  sample(ts: number, value: number): void;
  run(run: Run): void;
  result(): T;
}

const SECOND = 1000;

interface Piece {
  ts: number;
  min: number;
  max: number;
  /** mean = sum of amounts / sum of weights. */
  amount: number;
  weight: number;
}
type Add = (piece: Piece) => void;
type Feed = Omit<Fold<unknown>, 'result'>;

/** One object for all pieces: a chart of a day would else make 8,640. */
const newPiece = (): Piece => ({ ts: 0, min: 0, max: 0, amount: 0, weight: 0 });

const gaugeFeed = (add: Add): Feed => {
  const piece = newPiece();
  return {
    before() {},
    sample(ts, value) {
      piece.ts = ts;
      piece.min = piece.max = piece.amount = value + 0;
      piece.weight = 1;
      add(piece);
    },
    run({ start, min, max, mean, count }) {
      piece.ts = start;
      piece.min = min;
      piece.max = max;
      piece.amount = mean * count;
      piece.weight = count;
      add(piece);
    },
  };
};

const counterFeed = (add: Add): Feed => {
  const piece = newPiece();
  let last = Number.NaN;
  let last_ts = Number.NaN;
  const before = (ts: number, value: number) => {
    last = value;
    last_ts = ts;
  };
  const sample = (ts: number, given: number) => {
    const value = given + 0;
    if (ts > last_ts) {
      piece.ts = ts;
      piece.weight = (ts - last_ts) / SECOND;
      piece.amount = increaseBetween(last, value);
      piece.min = piece.max = Math.min(piece.amount / piece.weight, Number.MAX_VALUE);
      add(piece);
    }
    before(ts, value);
  };
  const run = (run: Run) => {
    if (Number.isNaN(run.last)) return;
    const opens = !Number.isNaN(run.first);
    if (opens) sample(run.first_ts, run.first);
    const weight = (run.last_ts - last_ts) / SECOND;
    if (weight > 0) {
      piece.ts = opens ? Math.max(run.start, run.first_ts) : run.start;
      piece.weight = weight;
      piece.amount = run.increase;
      piece.min = run.slowest;
      piece.max = run.fastest;
      add(piece);
    }
    before(run.last_ts, run.last);
  };
  return { before, sample, run };
};

const feedOf = (kind: MetricKind, add: Add): Feed => (kind === 'counter' ? counterFeed(add) : gaugeFeed(add));

/** The points of a window; what is fed rises by time, one sample per time. */
export const createChart = (window: Window, kind: MetricKind): Fold<Point[]> => {
  const step = bucketStep(window);
  const { from } = clip(window);
  const points: Point[] = [];
  const open = newPiece();
  let end = Number.NEGATIVE_INFINITY;
  const close = () => {
    if (open.weight > 0) points.push(asPoint(open, from));
  };
  const add: Add = (piece) => {
    if (piece.ts >= end) {
      close();
      Object.assign(open, piece);
      open.ts = Math.floor(piece.ts / step) * step;
      end = open.ts + step;
      return;
    }
    if (piece.min < open.min) open.min = piece.min;
    if (piece.max > open.max) open.max = piece.max;
    open.amount += piece.amount;
    open.weight += piece.weight;
  };
  const result = () => {
    close();
    open.weight = 0;
    return points;
  };
  return { ...feedOf(kind, add), result };
};

/** Binary dust and overflow never push a mean out of its own extremes. */
const asPoint = ({ ts, min, max, amount, weight }: Piece, from: number): Point => [
  Math.max(ts, from),
  min,
  Math.min(Math.max(amount / weight, min), max),
  max,
];

/** What `top` ranks by; null when what was fed does not tell. */
export const createStanding = (by: TopQuery['by']): Fold<number | null> => {
  let [pieces, amount, weight, max] = [0, 0, 0, Number.NEGATIVE_INFINITY];
  const add: Add = (piece) => {
    pieces++;
    amount += piece.amount;
    weight += piece.weight;
    if (piece.max > max) max = piece.max;
  };
  const value = () => (by === 'max' ? max : by === 'mean' ? amount / weight : amount);
  return { ...feedOf(by === 'increase' ? 'counter' : 'gauge', add), result: () => (pieces === 0 ? null : value()) };
};
