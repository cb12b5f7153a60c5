import { decimalBytes } from '@muster/shared/text';
import * as v from 'valibot';
import { defineRule, type FactSample, type Facts, type Firing, type LookBack, type Trace, type Verdict } from '../rule.js';
import { DAY, HOUR, isThere, MINUTE, partText, spanText, verdictOf } from './lib/facts.js';
import { called, duration } from './lib/fields.js';

const SPACE = 'system.filesystem.utilization';
const INODES = 'system.filesystem.inodes.utilization';
const BYTES = 'system.filesystem.usage';
const STEP_MS = 15 * MINUTE;
const WINDOW_MS = 6 * HOUR;
/** A trend over less is a log being written, not a disk filling up. */
const LEAST_MS = 3 * HOUR;
/** A fall by more than that is a clean-up: what came before says little about now. */
const CLEANED = 0.02;
/** Emptier ones are not watched for a trend. */
const WATCHED_FROM = 0.6;

const share = (default_share: number) =>
  v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1, 'must be a share from 0 to 1')), default_share);

const config = v.object({
  /** Fires when it will be full within this time, by the trend of the last hours. */
  within_ms: called(duration(DAY), 'Full within', { help: 'By the trend of the last hours.' }),
  /** Fires at this share whatever the trend … */
  full: called(share(0.95), 'Or filled to', { help: 'Whatever the trend, where less than the space below is free.' }),
  /** … where less than this is free: 5 % of a miner's disk is plenty, and it is meant to be full. */
  free_below_bytes: called(v.optional(v.pipe(v.number(), v.minValue(0)), 10_000_000_000), 'With less free than', {
    help: 'A miner’s disk is meant to be full: a share alone says little about a large one.',
  }),
  for_ms: called(duration(30 * MINUTE), 'For'),
  recover_ms: called(duration(10 * MINUTE), 'Until well for'),
});
type Config = v.InferOutput<typeof config>;

export default defineRule({
  id: 'disk_full',
  title: 'Disk nearly full',
  severity: 'warning',
  config,
  default_config: {
    ...{ within_ms: DAY, full: 0.95, free_below_bytes: 10_000_000_000 },
    ...{ for_ms: 30 * MINUTE, recover_ms: 10 * MINUTE },
  },
  needs: () => [SPACE, INODES, BYTES],
  delay: (c) => c.for_ms,
  recovers: (c) => c.recover_ms,
  looks_back: (): LookBack[] =>
    [SPACE, INODES].map((metric) => ({ metric, keep: 'steps', step_ms: STEP_MS, window_ms: WINDOW_MS, from: WATCHED_FROM })),
  calm: (c, metric) => [Number.NEGATIVE_INFINITY, metric === BYTES ? Number.POSITIVE_INFINITY : c.full - Number.EPSILON],
  judge: (c, facts) =>
    facts.samples
      .filter((one) => one.metric !== BYTES && isThere(one, facts) && isMounted(one, facts))
      .map((one) => judgeOne(c, one, facts)),
});

/** All file systems are told at once: one that is so much older than another was unmounted, and is full of nothing. */
const UNMOUNTED_MS = 15 * MINUTE;
const isMounted = ({ metric, ts }: FactSample, { samples }: Facts): boolean =>
  !samples.some((one) => one.metric === metric && one.ts - ts > UNMOUNTED_MS);

const judgeOne = (c: Config, sample: FactSample, facts: Facts): Verdict => {
  const trace = facts.history?.(sample.series, STEP_MS);
  const past = pastOf(trace, facts.device);
  const cleaned = Math.max(...(trace?.values ?? [])) - sample.value > CLEANED;
  const left_ms = timeLeft(sample, past, cleaned);
  const gap = past.gap && !cleaned;
  const free = sample.metric === SPACE ? freeOf(sample, facts) : null;
  const why = () => sentence(sample, { facts, left_ms, free });
  const critical = sample.value >= 0.98 && !isAmple(c, free);
  return verdictOf(sample, facts, {
    firing: judged(c, sample.value, { left_ms, free, gap }),
    why,
    severity: critical ? 'critical' : undefined,
  });
};

interface Outlook {
  /** Null: it has not been watched for long enough, such as after a restart of the hub. */
  left_ms: number | null;
  free: number | null;
  /** A part of its past is not known, such as what came before the hub was killed: what is open is not ended by that. */
  gap?: boolean;
}

const isAmple = (c: Config, free: number | null): boolean => free !== null && free >= c.free_below_bytes;

const judged = (c: Config, value: number, { left_ms, free, gap = false }: Outlook): Firing => {
  const ample = isAmple(c, free);
  if (value >= c.full && !ample) return 'yes';
  // What is open by its trend is not ended by not knowing it.
  if (left_ms === null) return value >= WATCHED_FROM ? 'keep' : 'no';
  if (left_ms <= c.within_ms && value >= WATCHED_FROM) return 'yes';
  // Between the levels: two points of space, half as much time again.
  const near = (value > c.full - 0.02 && !ample) || left_ms <= c.within_ms * 1.5;
  return near || gap ? 'keep' : 'no';
};

const freeOf = (sample: FactSample, facts: Facts): number | null => {
  const { mountpoint } = sample.labels;
  const found = facts.samples.find(
    ({ metric, labels }) => metric === BYTES && labels['state'] === 'free' && labels['mountpoint'] === mountpoint,
  );
  return found?.value ?? null;
};

/**
 * Until it is full, by the median slope between points half the window apart: one file that came and went moves a mean, not
 * this. Infinite while it does not fill up; null while too little is known.
 */
const timeLeft = (sample: FactSample, { times, values }: Pick<Trace, 'times' | 'values'>, cleaned: boolean): number | null => {
  if ((times.at(-1) ?? 0) - (times[0] ?? 0) < LEAST_MS) return cleaned ? Number.POSITIVE_INFINITY : null;
  const half = Math.floor(times.length / 2);
  const slopes: number[] = [];
  for (let i = 0; i + half < times.length; i++) {
    slopes.push(((values[i + half] ?? 0) - (values[i] ?? 0)) / ((times[i + half] ?? 0) - (times[i] ?? 0)));
  }
  slopes.sort((a, b) => a - b);
  const slope = slopes[Math.floor(slopes.length / 2)] ?? 0;
  return slope > 0 ? (1 - sample.value) / slope : Number.POSITIVE_INFINITY;
};

/** What came after the last clean-up: how it grew before says nothing about now. */
const sinceCleaned = (trace: Trace | undefined): Pick<Trace, 'times' | 'values'> => {
  const { times = [], values = [] } = trace ?? {};
  let from = Math.max(0, values.length - 1);
  while (from > 0 && (values[from - 1] ?? 0) - (values[from] ?? 0) <= CLEANED) from--;
  return { times: times.slice(from), values: values.slice(from) };
};

/** Of so many steps in a row nothing is known. */
const GAP_MS = 4 * STEP_MS;

/** Where the newest part without a gap begins; 0: there is none. */
const afterGap = (times: readonly number[]): number => {
  for (let at = times.length - 1; at > 0; at--) if ((times[at] ?? 0) - (times[at - 1] ?? 0) > GAP_MS) return at;
  return 0;
};

/** As much as belongs together; `gap` while what came after one is too short for a trend of its own. */
const pastOf = (trace: Trace | undefined, { interval_ms }: Facts['device']) => {
  const { times, values } = sinceCleaned(trace);
  const from = interval_ms > STEP_MS ? 0 : afterGap(times);
  const enough = (times.at(-1) ?? 0) - (times[from] ?? 0) >= LEAST_MS;
  const begin = enough ? from : 0;
  return { times: times.slice(begin), values: values.slice(begin), gap: from > 0 && !enough };
};

const sentence = (sample: FactSample, { facts, left_ms, free }: Outlook & { facts: Facts }): string => {
  const what = sample.metric === INODES ? ' of its inodes' : '';
  const left = free === null ? '' : `, ${decimalBytes(free)} free`;
  const until =
    left_ms !== null && Number.isFinite(left_ms) ? ` At the pace of the last hours it is full in ${spanText(left_ms)}.` : '';
  const used = `${Math.floor(sample.value * 1_000) / 10} %`;
  return `${facts.device.name}: ${partText(sample.labels, 'mountpoint')} has used ${used}${what}${left}.${until}`;
};
