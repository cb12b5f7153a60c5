/** Fields that the configurations of rules share. */
import { METRIC_ID } from '@muster/shared/metrics';
import * as v from 'valibot';
import { WEEK } from './facts.js';

/** A field as the form calls it, so that title and value read as a phrase; `help` says the rest; `unit` is UCUM. */
export const called = <S extends v.GenericSchema>(schema: S, title: string, more: { help?: string; unit?: string } = {}): S =>
  v.pipe(schema, v.metadata({ title, description: more.help, unit: more.unit })) as unknown as S;

export const level = () => v.pipe(v.number('must be a number'), v.finite());
export const metricId = () => v.pipe(v.string(), v.regex(METRIC_ID, 'must be a metric id such as hw.temperature'));
export const labels = () => v.optional(v.record(v.string(), v.string()), {});
const span = (least: number) =>
  v.pipe(
    v.number('must be a number of milliseconds'),
    v.integer('must be whole milliseconds'),
    v.minValue(least),
    v.maxValue(WEEK),
  );
/** Milliseconds, at most a week. */
export const duration = (default_ms: number, least = 0) => v.optional(span(least), default_ms);

export const hasLabels = (wanted: Readonly<Record<string, string>>, found: Readonly<Record<string, string>>): boolean => {
  for (const name in wanted) if (found[name] !== wanted[name]) return false;
  return true;
};
