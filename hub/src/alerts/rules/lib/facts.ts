/** What rules about values ask alike. */
import { decimalBytes } from '@muster/shared/text';
import type { Severity } from '@muster/shared/wire/live';
import type { FactSample, Facts, Firing, Trace, Verdict } from '../../rule.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const WEEK = 7 * DAY;

/** A row is stamped before it is sent: one that is older than the connection by this much still belongs to it. */
const SLACK_MS = 10_000;
/** Longer than any cadence of a probe or network (a day): what is silent for this long is gone, not slow. */
const GONE_MS = 26 * HOUR;

/** A value from before the device went away says nothing about now; one that came since is of a source that the hub itself asks. */
export const isCurrent = (sample: FactSample, { presence, device }: Facts): boolean =>
  presence.state === 'online'
    ? sample.ts >= presence.since - Math.max(SLACK_MS, device.interval_ms)
    : sample.ts > presence.since + SLACK_MS;

export const isThere = (sample: FactSample, { now }: Facts): boolean => now - sample.ts < GONE_MS;

export interface Judged extends Omit<Verdict, 'subject' | 'value' | 'why'> {
  /** Worded only when asked for: nearly every verdict of a report changes nothing. */
  why: () => string;
}

/** A class for its cost: as a literal with a getter each took twenty times as long, and half of all time went to the garbage. */
class SampleVerdict implements Verdict {
  subject: string;
  readonly firing: Firing;
  value: number | null;
  readonly severity: Severity | undefined;
  readonly title: string | undefined;
  readonly after_ms: number | undefined;
  readonly word: () => string;

  constructor({ series, value }: FactSample, firing: Firing, { why, severity, title, after_ms }: Judged) {
    this.subject = series;
    this.firing = firing;
    this.value = value;
    this.severity = severity;
    this.title = title;
    this.after_ms = after_ms;
    this.word = why;
  }

  get why(): string {
    return this.word();
  }
}

/** The verdict about a sample: `keep` where it says nothing about now. */
export const verdictOf = (sample: FactSample, facts: Facts, judged: Judged): SampleVerdict =>
  new SampleVerdict(sample, isCurrent(sample, facts) ? judged.firing : 'keep', judged);

/** How much a series grew since then; a counter that fell began anew at zero, a gauge only fell. Null: it is not watched. */
export const growth = (trace: Trace | undefined, from: number, counts = true): number | null => {
  if (!trace) return null;
  let sum = 0;
  for (let i = 1; i < trace.times.length; i++) {
    if ((trace.times[i] ?? 0) <= from) continue;
    const before = trace.values[i - 1] ?? 0;
    const value = trace.values[i] ?? 0;
    sum += value >= before ? value - before : counts ? value : 0;
  }
  return sum;
};

/** Whether all since then is known: else what is open is not ended by not knowing. */
export const isKnown = (trace: Trace | undefined, from: number): boolean => trace !== undefined && trace.since <= from;

const UNITS: Record<string, string> = { '1': '', '%': ' %', Cel: ' °C' };

/** Four digits tell a value from its limit; whole numbers stay whole. */
const numberText = (value: number): string =>
  `${Number.isInteger(value) || Math.abs(value) >= 10_000 ? Math.round(value) : Number(value.toPrecision(4))}`;

/** A value as people read it; UCUM codes that nobody would read become words. */
export const valueText = (value: number, unit = '1'): string => `${numberText(value)}${UNITS[unit] ?? ` ${unit}`}`;

/** The same of a metric: shares in percent, bytes in the size that fits. */
export const metricText = (value: number, { metric, declaration }: Pick<FactSample, 'metric' | 'declaration'>): string => {
  const unit = declaration?.unit;
  if (unit === 'By') return `${value < 0 ? '-' : ''}${decimalBytes(Math.abs(value))}`;
  return unit === '1' && metric.endsWith('utilization') ? valueText(value * 100, '%') : valueText(value, unit);
};

/** A series as people call it: `Temperature (zone cpu)`. */
export const seriesText = ({ metric, series, labels, declaration }: FactSample): string => {
  const title = declaration?.title;
  if (!title || title === metric) return series;
  const of = Object.entries(labels).map(([name, value]) => `${name} ${value}`);
  return of.length === 0 ? title : `${title} (${of.join(', ')})`;
};

const SPANS = [
  [DAY, 'day'],
  [HOUR, 'hour'],
  [MINUTE, 'minute'],
] as const;

/** `3 hours`: the largest unit that fits. */
export const spanText = (ms: number): string => {
  const [size, name] = SPANS.find(([span]) => ms >= span) ?? [1_000, 'second'];
  const count = Math.round(ms / size);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
};

/** Of a part by its labels: `Samsung SSD 980 a1b2c3`. */
export const partText = (labels: Readonly<Record<string, string>>, ...names: string[]): string =>
  names.flatMap((name) => labels[name] ?? []).join(' ') || Object.values(labels).join(' ') || 'it';
