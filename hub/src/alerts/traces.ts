/** What the rules must know of the past, per device and series: few points, kept once a minute. */
import { seriesKey } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import type { Presence } from '../parts.js';
import type { LatestValue } from '../store/store.js';
import type { LookBack, Trace } from './rule.js';

const LOOK_MS = 60_000;
/** A series that changes at every look is none of those worth remembering: its oldest points go. */
const MOST_POINTS = 64;
/** Of one device; others are not remembered. */
const MOST_SERIES = 400;
/** Longer than any series is silent between two values. */
const SILENT_MS = 26 * 3_600_000;
const STARTS_MS = 86_400_000;
const MOST_STARTS = 32;

interface Kept {
  times: number[];
  values: number[];
  since: number;
  /** The newest value, kept or not. */
  last: number;
  last_ts: number;
}

interface DeviceTraces {
  looked_at: number;
  series: Map<string, Kept>;
}

/** What is known of a device, as it is written. */
export interface TraceMemo {
  looked_at: number | null;
  series: [key: string, kept: Kept][];
  boots: Boots | null;
}

/** A boot is no value of the device: it is remembered whether it reports or not. */
interface Boots {
  boot: string;
  starts: number[];
  since: number;
  /** It said goodbye in this boot: the next start is no restart. */
  stopped?: boolean | undefined;
  /** This boot came after a goodbye: a van whose ignition was off is in no loop. */
  ordered?: boolean | undefined;
}

export interface Traces {
  due(device: string, now: number): boolean;
  /** Answers the metrics of which something is remembered that was not before. */
  look(device: string, wants: readonly LookBack[], at: { values: readonly LiveValue[]; now: number }): ReadonlySet<string>;
  /** What was stored before this process began; answers whether that makes anything another than it seemed. */
  recall(device: string, wants: readonly LookBack[], stored: readonly Omit<LatestValue, 'device'>[]): boolean;
  of(device: string, series: string, step_ms?: number): Trace | undefined;
  /** The agent's present boot. */
  boot(device: string, presence: Pick<Presence, 'boot' | 'state'>, now: number): void;
  starts(device: string): readonly number[];
  /** Since when they are counted. */
  startsSince(device: string): number | undefined;
  forget(device: string): void;
  memo(device: string): TraceMemo | null;
}

export interface TraceNeeds {
  recovered: ReadonlyMap<string, TraceMemo>;
  /** `soon`: a count or a start, which nothing else would tell again. */
  changed(device: string, soon: boolean): void;
}

const NO_STARTS: readonly number[] = [];
const NOTHING: ReadonlySet<string> = new Set();

const ALONE: TraceNeeds = { recovered: new Map(), changed: () => {} };

export const createTraces = ({ recovered, changed }: TraceNeeds = ALONE): Traces => {
  const devices = new Map<string, DeviceTraces>();
  const boots = new Map<string, Boots>();
  const nameOf = createNames();
  for (const [device, memo] of recovered) {
    // Looked at anew with the first report: what a device is part of may be known only now.
    if (memo.looked_at !== null) devices.set(device, { looked_at: memo.looked_at - LOOK_MS, series: new Map(memo.series) });
    if (memo.boots) boots.set(device, memo.boots);
  }
  return {
    // By the distance: a clock that was set back must not end the looks until it is there again.
    due: (device, now) => Math.abs(now - (devices.get(device)?.looked_at ?? Number.NEGATIVE_INFINITY)) >= LOOK_MS,
    look(device, wants, { values, now }) {
      const fresh = !devices.has(device);
      const one = devices.get(device) ?? { looked_at: now, series: new Map<string, Kept>() };
      const { looked_at } = one;
      const ordered = boots.get(device)?.ordered === true;
      one.looked_at = now;
      devices.set(device, one);
      let news: Set<string> | null = null;
      let soon = false;
      for (const want of wants) {
        for (const value of values) {
          if (value.metric !== want.metric || !note(one, want, { value, key: nameOf(want, value), now, fresh, ordered }))
            continue;
          news ??= new Set();
          news.add(value.metric);
          soon ||= want.keep !== 'steps';
        }
        // Whether it was the machine or its agent alone that started anew shows by what it tells now.
        if (want.keep === 'falls' && (boots.get(device)?.starts.at(-1) ?? 0) > looked_at)
          news = (news ?? new Set()).add(want.metric);
      }
      if (news || fresh) changed(device, soon);
      return news ?? NOTHING;
    },
    recall(device, wants, stored) {
      const one = devices.get(device) ?? { looked_at: 0, series: new Map<string, Kept>() };
      devices.set(device, one);
      let news = false;
      for (const want of wants) {
        for (const value of stored) if (metricOf(value.series) === want.metric && prepend(one, want, value)) news = true;
      }
      return news;
    },
    of: (device, series, step_ms = 0) => devices.get(device)?.series.get(keyOf(series, step_ms)),
    boot(device, { boot, state }, now) {
      const known = boots.get(device);
      const next = state === 'stopped' ? known && { ...known, stopped: true } : started(known, boot, now);
      if (!next || (known?.stopped && next.stopped)) return;
      boots.set(device, next);
      changed(device, known !== undefined);
    },
    starts: (device) => boots.get(device)?.starts ?? NO_STARTS,
    startsSince: (device) => boots.get(device)?.since,
    forget(device) {
      devices.delete(device);
      boots.delete(device);
    },
    memo(device) {
      const known = devices.get(device);
      const started = boots.get(device);
      if (!known && !started) return null;
      return { looked_at: known?.looked_at ?? null, series: [...(known?.series ?? [])], boots: started ?? null };
    },
  };
};

const started = (known: Boots | undefined, boot: string | null, now: number): Boots | undefined => {
  if (boot === null || known?.boot === boot) return undefined;
  if (!known) return { boot, starts: [], since: now };
  const all = known.stopped ? known.starts : [...known.starts, now];
  const starts = all.filter((at) => now - at < STARTS_MS).slice(-MOST_STARTS);
  return { boot, starts, since: known.since, ...(known.stopped && { ordered: true }) };
};

const keyOf = (series: string, step_ms: number): string => `${step_ms}|${series}`;

type NameOf = (want: LookBack, value: LiveValue) => string;

/** The labels of a series are one object for all devices that report the same: putting keys together was a seventh of all work. */
const createNames = (): NameOf => {
  const names = new WeakMap<LookBack, WeakMap<object, string>>();
  return (want, { metric, labels }) => {
    const known = names.get(want) ?? new WeakMap<object, string>();
    const name = known.get(labels) ?? keyOf(seriesKey(metric, labels), want.step_ms ?? 0);
    names.set(want, known.set(labels, name));
    return name;
  };
};

interface Note {
  value: LiveValue;
  key: string;
  now: number;
  fresh: boolean;
  ordered: boolean;
}

const note = (one: DeviceTraces, want: LookBack, { value, key, now, fresh, ordered }: Note): boolean => {
  const known = one.series.get(key);
  if (value.value < (want.from ?? Number.NEGATIVE_INFINITY)) return known !== undefined && one.series.delete(key);
  if (known) return extend(known, want, { ...value, ordered });
  if (one.series.size >= MOST_SERIES) forgetSilent(one, now);
  if (one.series.size >= MOST_SERIES) return false;
  const { value: last, ts } = value;
  const begun = want.from_zero === true && !fresh && last > 0;
  const past = begun ? { times: [ts - 1, ts], values: [0, last] } : { times: [ts], values: [last] };
  one.series.set(key, { ...past, since: Math.min(ts, now), last, last_ts: ts });
  return true;
};

/** Containers and sticks that are long gone make room for those that are there. */
const forgetSilent = ({ series }: DeviceTraces, now: number): void => {
  for (const [key, { last_ts }] of series) if (now - last_ts > SILENT_MS) series.delete(key);
};

const extend = (kept: Kept, want: LookBack, { value, ts, ordered }: LiveValue & Pick<Note, 'ordered'>): boolean => {
  if (ts <= kept.last_ts) return false;
  const { last } = kept;
  kept.last = value;
  kept.last_ts = ts;
  if (!isWorth(kept, want, { last, value, ts }) || (ordered && want.keep === 'falls')) return false;
  kept.times.push(ts);
  kept.values.push(value);
  trim(kept, ts - want.window_ms);
  return true;
};

const metricOf = (series: string): string => (series.includes('{') ? series.slice(0, series.indexOf('{')) : series);

/** What happened while the hub was away shows by the first value after it. */
const prepend = (one: DeviceTraces, want: LookBack, { series, value, ts }: Omit<LatestValue, 'device'>): boolean => {
  if (value < (want.from ?? Number.NEGATIVE_INFINITY)) return false;
  const key = keyOf(series, want.step_ms ?? 0);
  const kept = one.series.get(key);
  if (!kept) {
    if (one.series.size < MOST_SERIES) one.series.set(key, { times: [ts], values: [value], since: ts, last: value, last_ts: ts });
    return false;
  }
  const first = kept.times[0] ?? kept.last_ts;
  if (ts >= first) return false;
  kept.since = Math.min(kept.since, ts);
  if (!isWorth({ ...kept, times: [ts] }, want, { last: value, value: kept.values[0] ?? value, ts: first })) return false;
  kept.times.unshift(ts);
  kept.values.unshift(value);
  return true;
};

const isWorth = (
  kept: Kept,
  { keep, step_ms = 0 }: LookBack,
  { last, value, ts }: { last: number; value: number; ts: number },
) => {
  if (keep === 'changes') return value !== last;
  if (keep === 'falls') return value < last;
  return ts - (kept.times.at(-1) ?? 0) >= step_ms;
};

/** One point from before the window stays: the value that it began with. */
const trim = (kept: Kept, from: number): void => {
  let gone = Math.max(0, kept.times.length - MOST_POINTS);
  while ((kept.times[gone + 1] ?? Number.POSITIVE_INFINITY) <= from) gone++;
  if (gone === 0) return;
  kept.times.splice(0, gone);
  kept.values.splice(0, gone);
};
