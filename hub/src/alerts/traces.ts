/** What the rules must know of the past, per device and series: few points, kept once a minute. */
import { seriesKey } from '@muster/shared/metrics';
import type { LiveValue } from '@muster/shared/wire/live';
import type { LookBack, Trace } from './rule.js';

const LOOK_MS = 60_000;
/** A series that changes at every look is none of those worth remembering: its oldest points go. */
const MOST_POINTS = 64;
/** Of one device; others are not remembered. */
const MOST_SERIES = 400;
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

/** A boot is no value of the device: it is remembered whether it reports or not. */
interface Boots {
  boot: string;
  starts: number[];
}

export interface Traces {
  due(device: string, now: number): boolean;
  look(device: string, wants: readonly LookBack[], at: { values: readonly LiveValue[]; now: number }): void;
  of(device: string, series: string, step_ms?: number): Trace | undefined;
  /** The agent's present boot. */
  boot(device: string, boot: string | null, now: number): void;
  starts(device: string): readonly number[];
  forget(device: string): void;
}

const NO_STARTS: readonly number[] = [];

export const createTraces = (): Traces => {
  const devices = new Map<string, DeviceTraces>();
  const boots = new Map<string, Boots>();
  return {
    due: (device, now) => now - (devices.get(device)?.looked_at ?? Number.NEGATIVE_INFINITY) >= LOOK_MS,
    look(device, wants, { values, now }) {
      const fresh = !devices.has(device);
      const one = devices.get(device) ?? { looked_at: now, series: new Map<string, Kept>() };
      one.looked_at = now;
      devices.set(device, one);
      for (const want of wants) {
        for (const value of values) if (value.metric === want.metric) note(one, want, { value, now, fresh });
      }
    },
    of: (device, series, step_ms = 0) => devices.get(device)?.series.get(keyOf(series, step_ms)),
    boot(device, boot, now) {
      const known = boots.get(device);
      if (boot === null || known?.boot === boot) return;
      const starts = known ? [...known.starts, now].filter((at) => now - at < STARTS_MS).slice(-MOST_STARTS) : [];
      boots.set(device, { boot, starts });
    },
    starts: (device) => boots.get(device)?.starts ?? NO_STARTS,
    forget(device) {
      devices.delete(device);
      boots.delete(device);
    },
  };
};

const keyOf = (series: string, step_ms: number): string => `${step_ms}|${series}`;

interface Note {
  value: LiveValue;
  now: number;
  fresh: boolean;
}

const note = (one: DeviceTraces, want: LookBack, { value, now, fresh }: Note): void => {
  const key = keyOf(seriesKey(value.metric, value.labels), want.step_ms ?? 0);
  const known = one.series.get(key);
  if (value.value < (want.from ?? Number.NEGATIVE_INFINITY)) {
    if (known) one.series.delete(key);
    return;
  }
  if (known) extend(known, want, value);
  if (known || one.series.size >= MOST_SERIES) return;
  const begun = want.from_zero === true && !fresh;
  const first: Kept = {
    times: [value.ts],
    values: [value.value],
    since: Math.min(value.ts, now),
    last: value.value,
    last_ts: value.ts,
  };
  one.series.set(key, begun && value.value > 0 ? { ...first, times: [value.ts - 1, value.ts], values: [0, value.value] } : first);
};

const extend = (kept: Kept, want: LookBack, { value, ts }: LiveValue): void => {
  if (ts <= kept.last_ts) return;
  const { last } = kept;
  kept.last = value;
  kept.last_ts = ts;
  if (!isWorth(kept, want, { last, value, ts })) return;
  kept.times.push(ts);
  kept.values.push(value);
  trim(kept, ts - want.window_ms);
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
