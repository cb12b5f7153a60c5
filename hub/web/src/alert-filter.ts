import type { Alert } from './alert-groups.js';
import { DAY_MS } from './earnings-query.js';

/** Which alerts the page shows, as its address says it. Pure. */
export interface AlertFilter {
  severity: string;
  site: string;
  tag: string;
  device: string;
  rule: string;
  q: string;
  /** `24h` back from now, or `2026-01-01..2026-01-31` in UTC days. */
  time: string;
}
export const NO_ALERT_FILTER: AlertFilter = { severity: '', site: '', tag: '', device: '', rule: '', q: '', time: '' };
const NAMES = Object.keys(NO_ALERT_FILTER) as (keyof AlertFilter)[];

export const TIMES: Record<string, { words: string; ms: number }> = {
  '1h': { words: 'Last hour', ms: 3_600_000 },
  '24h': { words: 'Last 24 h', ms: DAY_MS },
  '7d': { words: 'Last 7 days', ms: 7 * DAY_MS },
  '30d': { words: 'Last 30 days', ms: 30 * DAY_MS },
};
const DAYS = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/;

export const filterFrom = (query: URLSearchParams): AlertFilter => {
  const filter = { ...NO_ALERT_FILTER };
  for (const name of NAMES) filter[name] = query.get(name) ?? '';
  if (!(filter.time in TIMES) && !spanOfDays(filter.time)) filter.time = '';
  return filter;
};

/** How many of them narrow the list. */
export const activeCount = (filter: AlertFilter): number => NAMES.filter((name) => filter[name] !== '').length;

const spanOfDays = (time: string): { from: number; to: number } | null => {
  const [, first = '', last = ''] = DAYS.exec(time) ?? [];
  const [from, to] = [Date.parse(first), Date.parse(last) + DAY_MS];
  return Number.isFinite(from) && Number.isFinite(to) ? { from, to } : null;
};

/** [from, to) in ms; null: any time. */
export const timeSpan = (time: string, now: number): { from: number; to: number } | null => {
  const back = TIMES[time];
  return back ? { from: now - back.ms, to: Number.POSITIVE_INFINITY } : spanOfDays(time);
};

export interface FilterNeeds {
  now: number;
  about(device: string): { site: string | null; tags: readonly string[] } | undefined;
  ruleTitle(rule: string): string;
}

/** `ts`: when it began, or what happened to it did. */
export type Matcher = (alert: Alert, ts: number) => boolean;

export const createMatcher = (filter: AlertFilter, { now, about, ruleTitle }: FilterNeeds): Matcher => {
  const { severity, site, tag, device, rule } = filter;
  const span = timeSpan(filter.time, now);
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  const isPlaced = (id: string) => {
    const place = site || tag ? about(id) : undefined;
    return (site === '' || place?.site === site) && (tag === '' || place?.tags.includes(tag) === true);
  };
  const says = (alert: Alert) => {
    const text = textOf(alert, ruleTitle(alert.rule));
    return words.every((word) => text.includes(word));
  };
  return (alert, ts) =>
    (severity === '' || alert.severity === severity) &&
    (device === '' || alert.device === device) &&
    (rule === '' || alert.rule === rule) &&
    (span === null || (ts >= span.from && ts < span.to)) &&
    isPlaced(alert.device) &&
    (words.length === 0 || says(alert));
};

const textOf = (alert: Alert, rule: string): string => {
  const { id, device, device_name, title, why, acknowledged, subject = '' } = alert;
  return `${device_name} ${device} ${title} ${why} ${rule} ${subject} ${acknowledged?.comment ?? ''} ${id}`.toLowerCase();
};
