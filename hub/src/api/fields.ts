import { parseLabels } from '@muster/shared/metrics';
import { deviceId, metricId } from '@muster/shared/wire/messages';
import * as v from 'valibot';
import { type Json, MOST_SERIES } from '../store/store.js';

/** Fields that many routes take; a query or path gives text, the route gets the value. */
export const LIMITS = {
  /** Items of one page. */
  page: 1_000,
  /** Metrics of one question: each has a series at least. */
  metrics: MOST_SERIES,
  /** Points of one chart: more than a screen has columns. */
  points: 5_000,
  /** Nesting of a value that is stored as it came: a deeper one could not be written as JSON again. */
  json_depth: 16,
} as const;

const LAST_TS = 8_640_000_000_000_000;

export const wholeText = (min: number, max: number) => {
  const wrong = `must be a whole number from ${min} to ${max}`;
  return v.pipe(
    v.string(wrong),
    v.regex(/^\d{1,16}$/, wrong),
    v.transform(Number),
    v.number(),
    v.integer(),
    v.minValue(min, wrong),
    v.maxValue(max, wrong),
  );
};

const MS = 'must be a time in milliseconds since 1970';
export const timeText = () =>
  v.pipe(v.string(MS), v.regex(/^\d{1,16}$/, MS), v.transform(Number), v.number(), v.integer(), v.maxValue(LAST_TS, MS));

export const limit = v.optional(wholeText(1, LIMITS.page), '1000');
export const text = (max: number) => v.pipe(v.string(), v.trim(), v.minLength(1, 'must not be empty'), v.maxLength(max));
export const paging = { limit, after: v.optional(v.pipe(v.string(), v.maxLength(600))) };
/** After the record with this number. */
export const numbered = { limit, after: v.optional(wholeText(0, Number.MAX_SAFE_INTEGER), '0') };
export const range = { from: v.optional(timeText()), to: v.optional(timeText()) };

export const device = deviceId;
export const metric = metricId;
/** Several of them, with commas between. */
export const metricsText = v.pipe(
  v.string('names the metrics, with commas between'),
  v.maxLength(4_000),
  v.transform((given) => [...new Set(given.split(','))]),
  v.array(metric),
  v.maxLength(LIMITS.metrics, `names at most ${LIMITS.metrics} metrics`),
);
export const labelsText = v.pipe(
  v.string(),
  v.maxLength(400),
  v.check((given) => parseLabels(given) !== null, 'must look like name=value,name=value'),
);

/** A money amount typed by a person. */
export const decimal = v.pipe(v.string(), v.regex(/^\d{1,20}(\.\d{1,8})?$/, 'must be a decimal number as text, such as "0.31"'));

const isJson = (value: unknown, depth = 0): boolean => {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth >= LIMITS.json_depth) return false;
  return Object.values(value).every((inner) => isJson(inner, depth + 1));
};
export const json = v.custom<Json>((value) => isJson(value), `must be JSON with at most ${LIMITS.json_depth} levels`);
export const jsonObject = v.record(v.string(), json);
