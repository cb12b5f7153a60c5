/** One series over a span: window by window from the coarsest roll-ups that will do, else from raw rows. */
import type { MetricKind } from '@muster/shared/metrics';
import type { Fold } from '../../fold.js';
import type { SeriesResult } from '../../store.js';
import { SLOT_MS, windowEnd, windowOf, windowStart } from './ids.js';
import { orderSamples, type Samples } from './query-samples.js';
import type { Shelf, Track } from './query-shelf.js';
import { FIVE_MS, HOUR_MS, type RollupTier } from './rollup-format.js';
import { atOrAfter, type RunSet } from './rollup-read.js';
import { rollupId, windowsOfRollup } from './rollups.js';
import type { Table } from './table.js';

export type Tier = SeriesResult['tier'];

/** Where the rows of one device are. */
export interface Sources {
  shelf: Shelf;
  heads: readonly Table[];
  /** Staged chunks of a window: at least those that reach into the span, or to 15 minutes before it. */
  parts(track: Track, window: number): Samples[];
}

export interface Span {
  from: number;
  to: number;
  kind: MetricKind;
  /** Coarser roll-ups are not wanted. */
  tier: Tier;
  /** Windows that the span cuts are read from raw rows, or to five minutes from roll-ups. */
  edges: 'exact' | 'five';
}

/** The coarsest tier whose buckets add up to those of a chart. */
export const tierOf = (step: number): Tier => (step % HOUR_MS === 0 ? '1h' : step % FIVE_MS === 0 ? '5m' : 'raw');

/** Raw windows that are looked through for the sample before a span: beyond 16 days a counter starts anew. */
const LOOKED_BACK = 64;
const COARSENESS: Record<Tier, number> = { raw: 0, '5m': 1, '1h': 2 };

/** Answers the coarsest tier that was used. */
export const feedSpan = (sources: Sources, track: Track, span: Span, fold: Fold<unknown>): Tier => {
  const reading = {
    sources,
    track,
    span,
    fold,
    heads: byWindow(sources.heads, track),
    rollups: { five: { id: -1, runs: null }, hour: { id: -1, runs: null } },
  };
  const windows = windowsOf(reading);
  if (!windows) return 'raw';
  if (span.kind === 'counter') feedBefore(reading);
  const unsettled = new Set([...sources.shelf.pending(track.device, windows.first, windows.last), ...reading.heads.keys()]);
  let coarsest: Tier = 'raw';
  for (let window = windows.first; window <= windows.last; window++) {
    const used = feedWindow(reading, window, unsettled.has(window));
    if (COARSENESS[used] > COARSENESS[coarsest]) coarsest = used;
  }
  return coarsest;
};

interface Reading {
  sources: Sources;
  track: Track;
  span: Span;
  fold: Fold<unknown>;
  heads: Map<number, Samples[]>;
  /** The roll-ups read last. */
  rollups: Record<RollupTier, { id: number; runs: RunSet | null }>;
}

const byWindow = (tables: readonly Table[], { device, series }: Track): Map<number, Samples[]> => {
  const windows = new Map<number, Samples[]>();
  for (const { ts, ids, columns } of tables) {
    const values = columns[Array.prototype.indexOf.call(ids, series)];
    if (!values || ts.length === 0) continue;
    const window = windowOf(device, ts[0] as number);
    windows.set(window, [...(windows.get(window) ?? []), { ts, values }]);
  }
  return windows;
};

/** The windows of the span of which anything is known. */
const windowsOf = ({ sources, track: { device }, span, heads }: Reading): { first: number; last: number } | null => {
  const extent = sources.shelf.extent(device);
  const ends = [...heads.keys(), ...(extent ? [extent.first, extent.last] : [])];
  if (ends.length === 0 || span.to <= span.from) return null;
  const first = Math.max(Math.min(...ends), windowOf(device, Math.max(0, span.from)));
  return { first, last: Math.min(Math.max(...ends), windowOf(device, span.to - 1)) };
};

const feedWindow = (reading: Reading, window: number, unsettled: boolean): Tier => {
  const { span } = reading;
  const tier = unsettled ? 'raw' : tierFor(reading, window);
  if (tier === '1h' && feedRuns(reading, window, '1h')) return '1h';
  // The newest hours are rolled up to five minutes only.
  if (tier !== 'raw' && feedRuns(reading, window, '5m')) return '5m';
  if (feedSamples(reading, window)) return 'raw';
  const others: Tier[] = span.tier === '1h' ? ['1h', '5m'] : ['5m', '1h'];
  return others.find((other) => feedRuns(reading, window, other)) ?? 'raw';
};

const tierFor = ({ span, track }: Reading, window: number): Tier => {
  const whole = windowStart(track.device, window) >= span.from && windowEnd(track.device, window) <= span.to;
  if (whole) return span.tier;
  return span.edges === 'five' && span.tier !== 'raw' ? '5m' : 'raw';
};

const feedRuns = (reading: Reading, window: number, tier: Tier): boolean => {
  const { track, span, fold } = reading;
  const runs = runsOf(reading, window, tier === '5m' ? 'five' : 'hour');
  if (!runs) return false;
  const from = Math.max(span.from, windowStart(track.device, window));
  return runs.feed(fold, from, Math.min(span.to, windowEnd(track.device, window))) > 0;
};

/** Several windows in a row have theirs in one blob. */
const runsOf = ({ sources, track, span, rollups }: Reading, window: number, tier: RollupTier): RunSet | null => {
  const id = rollupId(tier, track.device, window);
  const last = rollups[tier];
  if (last.id !== id) Object.assign(last, { id, runs: sources.shelf[tier](track, window, span.kind) });
  return last.runs;
};

const feedSamples = (reading: Reading, window: number): boolean => {
  const { span, fold } = reading;
  const pieces = samplesOf(reading, window);
  for (const { ts, values } of pieces) {
    const end = atOrAfter(ts, span.to);
    for (let i = atOrAfter(ts, span.from); i < end; i++) {
      const value = values[i] as number;
      if (!Number.isNaN(value)) fold.sample(ts[i] as number, value);
    }
  }
  return pieces.length > 0;
};

const samplesOf = ({ sources, track, heads }: Reading, window: number): Samples[] => {
  const archived = sources.shelf.archived(track, window);
  const later = [...sources.parts(track, window), ...(heads.get(window) ?? [])];
  if (later.length === 0) return archived ? [archived] : [];
  return orderSamples(archived ? [archived, ...later] : later);
};

const feedBefore = (reading: Reading): void => {
  const found = rawBefore(reading) ?? rolledBefore(reading);
  if (found) reading.fold.before(found.ts, found.value);
};

type Found = { ts: number; value: number };
const rawBefore = (reading: Reading): Found | null => {
  const { track, span, heads, sources } = reading;
  let window = windowOf(track.device, Math.max(0, span.from));
  const recent = newestBefore(samplesOf(reading, window), span.from);
  if (recent && recent.ts >= span.from - SLOT_MS) return recent;
  const all = { ...reading, sources: { ...sources, parts: sources.shelf.staged } };
  for (let left = LOOKED_BACK; left > 0; left--) {
    const found = newestBefore(samplesOf(all, window), span.from);
    if (found) return found;
    const older = [...heads.keys()].filter((one) => one < window);
    const next = Math.max(sources.shelf.windowBefore(track.device, window) ?? -1, ...older);
    if (next < 0) return null;
    window = next;
  }
  return null;
};

const newestBefore = (pieces: readonly Samples[], from: number): Found | null => {
  for (const { ts, values } of pieces.toReversed())
    for (let i = atOrAfter(ts, from) - 1; i >= 0; i--) {
      const value = values[i] as number;
      if (!Number.isNaN(value)) return { ts: ts[i] as number, value };
    }
  return null;
};

/** Raw rows are gone: the bucket before knows its last value. */
const rolledBefore = ({ sources, track, span }: Reading): Found | null => {
  const window = windowOf(track.device, span.from);
  for (const tier of ['five', 'hour'] as const)
    for (const one of [window, windowsOfRollup(tier, rollupId(tier, track.device, window))[0] - 1]) {
      const found = one < 0 ? null : sources.shelf[tier](track, one, 'counter')?.before(span.from);
      if (found) return found;
    }
  return null;
};
