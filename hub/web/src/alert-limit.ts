import type { RuleSetting } from '@muster/hub/parts';
import { type MetricDeclaration, parseSeriesKey } from '@muster/shared/metrics';
import type { Alert } from './alert-groups.js';
import { formatValue, unitWord } from './format.js';

/** What an alert measures, against which limit, and the time to look at. Pure. */
export interface Measured {
  metric: string;
  labels: Readonly<Record<string, string>>;
  declaration: MetricDeclaration;
}

/** Null: it is about no metric that the fleet reports. */
export const measuredOf = (alert: Alert, catalogue: ReadonlyMap<string, MetricDeclaration>): Measured | null => {
  const series = alert.subject ? parseSeriesKey(alert.subject) : null;
  const declaration = series && catalogue.get(series.metric);
  return series && declaration ? { ...series, declaration } : null;
};

const PLAIN = { above: 'above', below: 'below', full: 'from' } as const;

export interface Limit {
  value: number;
  word: string;
}

/** The level that the rule names, or the one of its levels that the sentence gives as the reason. */
export const limitOf = (alert: Alert, rule: RuleSetting | undefined, unit: string): Limit | null => {
  const config = rule?.config;
  if (config === null || typeof config !== 'object') return null;
  for (const [key, word] of Object.entries(PLAIN)) {
    const value = (config as Record<string, unknown>)[key];
    if (typeof value === 'number') return { value, word };
  }
  const word = unitWord(unit);
  if (word === '') return null;
  const said = alert.why.replace(`${alert.device_name}:`, '');
  const value = numbersIn(config).find((level) => level !== alert.value && new RegExp(`(^|[^\\d.])${level} ?${word}`).test(said));
  return value === undefined ? null : { value, word: 'above' };
};

const numbersIn = (config: object): number[] =>
  Object.entries(config).flatMap(([key, value]) => {
    if (typeof value === 'number') return key.endsWith('_ms') ? [] : [value];
    return value !== null && typeof value === 'object' ? numbersIn(value) : [];
  });

/** `83.2 °C, allowed is up to 80.0 °C`: without a limit the value alone. */
export const valueTexts = (alert: Alert, { metric, declaration }: Measured, limit: Limit | null) => ({
  value: alert.value === null ? null : formatValue(alert.value, declaration.unit, metric),
  limit: limit && `${limit.word} ${formatValue(limit.value, declaration.unit, metric)}`,
});

const LEAST_MS = 15 * 60_000;
const MOST_MS = 24 * 3_600_000;

/** The alert with some time before and after it. */
export const windowAround = (alert: Pick<Alert, 'since' | 'resolved_at'>, now: number): { from: number; to: number } => {
  const end = alert.resolved_at ?? now;
  const room = Math.min(MOST_MS, Math.max(LEAST_MS, (end - alert.since) / 2));
  return { from: alert.since - room, to: Math.min(now, end + room) };
};
