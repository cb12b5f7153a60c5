import type { Labels } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';

/** Series of one metric made ready for a chart: one time axis, gaps as gaps, live values at the end. Pure. */
export type Point = [ts: number, min: number, mean: number, max: number];

export interface Track {
  labels: Labels;
  points: Point[];
}

const TIER_MS = { raw: 0, '5m': 300_000, '1h': 3_600_000 } as const;
export type Tier = keyof typeof TIER_MS;

/** Longer than this without a point is a gap: three missing reports, or two missing buckets. */
export const gapAfter = (query: { span_ms: number; points: number; tier: Tier; interval_ms: number }): number =>
  Math.max(3 * query.interval_ms, (2.1 * query.span_ms) / query.points, 2.1 * TIER_MS[query.tier]);

export type Column = (number | null | undefined)[];

/**
 * uPlot's columns: seconds, then min, mean, max of each track. `undefined` where a track has nothing at another's
 * time (the line goes on), `null` where its line must break.
 */
export const align = (tracks: readonly Track[], gap: number): { times: number[]; columns: Column[] } => {
  const rows = new Map<number, Column>();
  const rowAt = (ts: number): Column => {
    const row = rows.get(ts) ?? new Array(tracks.length * 3);
    rows.set(ts, row);
    return row;
  };
  tracks.forEach((track, at) => {
    fill(track.points, gap, (ts, values) => {
      const row = rowAt(ts);
      for (let i = 0; i < 3; i += 1) row[at * 3 + i] = values?.[i] ?? null;
    });
  });
  const times = [...rows.keys()].sort((a, b) => a - b);
  const columns: Column[] = Array.from({ length: tracks.length * 3 }, (_, i) => times.map((ts) => rows.get(ts)?.[i]));
  return { times: times.map((ts) => ts / 1000), columns };
};
const fill = (points: readonly Point[], gap: number, put: (ts: number, values: number[] | null) => void): void => {
  let before: number | null = null;
  for (const [ts, min, mean, max] of points) {
    if (before !== null && ts - before > gap) put(before + 1, null);
    put(ts, [min, mean, max]);
    before = ts;
  }
};

/** Indexes of values with no neighbour to draw a line to. */
export const isolated = (column: Column): number[] => {
  const present = column.flatMap((value, at) => (value === undefined ? [] : [{ value, at }]));
  const alone = (value: number | null | undefined) => value === null || value === undefined;
  return present.flatMap(({ value, at }, i) =>
    value !== null && alone(present[i - 1]?.value) && alone(present[i + 1]?.value) ? [at] : [],
  );
};

/** Adds a live value behind the last point and lets go of what left the window. */
export const append = (points: Point[], ts: number, value: number, from: number): void => {
  const last = points.at(-1);
  if (last && ts <= last[0]) return;
  points.push([ts, value, value, value]);
  const stale = points.findIndex((point) => point[0] >= from);
  if (stale > 0) points.splice(0, stale);
};

/** What a live value of a counter means for a chart of rates; null when it cannot be told (first value, restart). */
export const rateOf = (before: { value: number; ts: number } | undefined, now: { value: number; ts: number }): number | null => {
  if (!before || now.ts <= before.ts || now.value < before.value) return null;
  return ((now.value - before.value) * 1000) / (now.ts - before.ts);
};

/** The metrics of a device with their series, main ones first. */
export interface MetricGroup {
  metric: string;
  values: LiveValue[];
}

const FIRST = [
  'system.cpu.utilization',
  'system.memory.utilization',
  'hw.temperature',
  'hw.gpu.utilization',
  'hw.gpu.memory.utilization',
  'hw.host.power',
  'hw.power',
  'system.filesystem.utilization',
  'system.network.io',
  'system.disk.io',
  'system.memory.usage',
];
const place = (metric: string): number => {
  const at = FIRST.indexOf(metric);
  if (at >= 0) return at;
  // What is neither the machine nor the agent itself is what the device is there for: its network.
  return /^(system|hw|process|agent|muster|probe)\./.test(metric) ? FIRST.length + 1 : FIRST.length;
};

export const groupByMetric = (values: Iterable<LiveValue>): MetricGroup[] => {
  const groups = new Map<string, LiveValue[]>();
  for (const value of values) {
    const group = groups.get(value.metric);
    if (group) group.push(value);
    else groups.set(value.metric, [value]);
  }
  return [...groups]
    .map(([metric, list]) => ({ metric, values: list }))
    .sort((a, b) => place(a.metric) - place(b.metric) || a.metric.localeCompare(b.metric));
};
/** Charts shown before "show all" is asked for. */
export const isMain = (metric: string): boolean => place(metric) <= FIRST.length;

/** A series named by its labels' values, as a legend shows it; a bare number says what it numbers. */
export const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => (/^\d*$/.test(value) ? `${name} ${value}`.trim() : value))
    .join(' ');
