import { Readable } from 'node:stream';
import { AppError } from '@muster/shared/errors';
import { parseLabels, parseSeriesKey, seriesKey } from '@muster/shared/metrics';
import { PRESENCE_STATES } from '@muster/shared/wire/live';
import * as v from 'valibot';
import type { Parts } from '../../parts.js';
import { MOST_SERIES } from '../../store/store.js';
import { device, LIMITS, labelsText, metric, metricsText, paging, range, wholeText } from '../fields.js';
import { pageOfSorted } from '../paging.js';
import { defineRoute } from '../route.js';
import { labels, list } from '../shapes.js';
import { DAY_MS, requireDevice, spanOf } from './lookup.js';

const params = v.object({ device });
const latestValue = v.object({ metric: v.string(), labels, value: v.number(), ts: v.number() });

const seriesKind = v.picklist(['gauge', 'counter']);
const seriesTier = v.picklist(['raw', '5m', '1h']);
const point = v.tuple([v.number(), v.number(), v.number(), v.number()]);

export const readLatest = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/:device/latest',
  role: 'viewer',
  summary: 'The newest value of every series of a device',
  params,
  reply: v.object({ device: v.string(), ts: v.nullable(v.number()), values: v.array(latestValue) }),
  errors: ['not_found'],
  async handle({ params, parts }) {
    requireDevice(parts, params.device);
    const values = parts.latest.of(params.device);
    const ts = values.reduce<number | null>((newest, one) => Math.max(newest ?? one.ts, one.ts), null);
    return { device: params.device, ts, values };
  },
});

export const readSeries = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/:device/series/:metric',
  role: 'viewer',
  summary: 'A chart: [bucket start, min, mean, max]; counters as rate per second; a missing point is a gap',
  params: v.object({ device, metric }),
  query: v.object({ ...range, points: v.optional(wholeText(1, LIMITS.points), '500'), labels: v.optional(labelsText) }),
  reply: v.object({
    metric: v.string(),
    labels,
    unit: v.string(),
    kind: seriesKind,
    tier: seriesTier,
    points: v.array(point),
  }),
  errors: ['not_found'],
  async handle({ params, query, parts, exchange }) {
    const span = spanOf(query, parts.now());
    requireDevice(parts, params.device);
    const series = chooseSeries(parts, params, query.labels);
    const { unit, kind } = parts.registry.declaration(params.device, params.metric);
    const { signal } = exchange;
    const found = await parts.reader.series({ device: params.device, series, kind, ...span, points: query.points }, { signal });
    return { metric: params.metric, labels: { ...parseSeriesKey(series)?.labels }, unit, kind, ...found };
  },
});

export const readMany = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/:device/series',
  role: 'viewer',
  summary: 'The charts of several metrics of a device at once: all their series',
  params,
  query: v.object({ metrics: metricsText, ...range, points: v.optional(wholeText(1, LIMITS.points), '500') }),
  reply: v.object({
    items: v.array(
      v.object({ metric: v.string(), labels, unit: v.string(), kind: seriesKind, tier: seriesTier, points: v.array(point) }),
    ),
  }),
  errors: ['not_found'],
  async handle({ params: { device }, query, parts, exchange: { signal } }) {
    const span = { ...spanOf(query, parts.now()), points: query.points };
    requireDevice(parts, device);
    const wanted = seriesOf(parts, device, query.metrics);
    const queries = wanted.map(({ kind, key }) => ({ device, series: key, kind, ...span }));
    const found = await parts.reader.many(queries, { signal });
    const items = wanted.map(({ metric, labels, unit, kind }, index) => {
      const { tier, points } = found[index] ?? { tier: 'raw' as const, points: [] };
      return { metric, labels, unit, kind, tier, points };
    });
    return { items };
  },
});

/** Metric by metric, each in the order of its labels. */
const seriesOf = (parts: Parts, device: string, metrics: readonly string[]) => {
  const known = parts.latest.of(device);
  const catalogue = new Set(parts.registry.catalogue().map((one) => one.metric));
  const found = metrics.flatMap((metric) => {
    const own = known.filter((one) => one.metric === metric);
    if (own.length === 0 && !catalogue.has(metric)) throw unknownMetric(metric);
    const { unit, kind } = parts.registry.declaration(device, metric);
    const all = own.map((one) => ({ metric, labels: { ...one.labels }, unit, kind, key: seriesKey(metric, one.labels) }));
    return all.sort((a, b) => a.key.localeCompare(b.key, 'en', { numeric: true }));
  });
  if (found.length <= MOST_SERIES) return found;
  const sentence = `These metrics have ${found.length} series here, at most ${MOST_SERIES} are answered at once; name fewer metrics`;
  throw new AppError('bad_request', sentence, { path: 'metrics' });
};

const unknownMetric = (metric: string): AppError =>
  new AppError('not_found', `No device reports a metric "${metric}"`, { path: 'metric', hint: 'See /api/v1/catalogue' });

/** The series that is meant; several and no labels is an error that names them. */
const chooseSeries = (parts: Parts, of: { device: string; metric: string }, given: string | undefined): string => {
  const known = parts.latest.of(of.device).filter((one) => one.metric === of.metric);
  if (given !== undefined) return seriesKey(of.metric, parseLabels(given) ?? {});
  const [first, second] = known;
  if (first && !second) return seriesKey(of.metric, first.labels);
  if (first) throw severalSeries(of.metric, known);
  if (parts.registry.catalogue().some((one) => one.metric === of.metric)) return of.metric;
  throw unknownMetric(of.metric);
};

const NAMED_AT_MOST = 20;
const severalSeries = (metric: string, known: readonly { labels: Record<string, string> }[]): AppError => {
  const texts = known.map((one) => seriesKey(metric, one.labels).slice(metric.length + 1, -1)).sort();
  const named = texts.slice(0, NAMED_AT_MOST).join(' | ');
  const more = texts.length > NAMED_AT_MOST ? ` and ${texts.length - NAMED_AT_MOST} more` : '';
  return new AppError('bad_request', `"${metric}" has ${texts.length} series here; choose one by labels: ${named}${more}`, {
    path: 'labels',
  });
};

export const readFleetLatest = defineRoute({
  method: 'GET',
  path: '/api/v1/series/:metric/latest',
  role: 'viewer',
  summary: 'The newest values of one metric over the fleet',
  params: v.object({ metric }),
  query: v.object(paging),
  reply: list(v.object({ device: v.string(), labels, ts: v.number(), value: v.number() })),
  async handle({ params, query, parts }) {
    const keyOf = (one: { device: string; labels: Readonly<Record<string, string>> }) =>
      `${one.device} ${seriesKey(params.metric, one.labels)}`;
    return pageOfSorted(parts.latest.across(params.metric), keyOf, query);
  },
});

export const readTop = defineRoute({
  method: 'GET',
  path: '/api/v1/series/:metric/top',
  role: 'viewer',
  summary: 'The devices with the most of a metric in a span; from half an hour on taken to whole five minutes',
  params: v.object({ metric }),
  query: v.object({
    ...range,
    n: v.optional(wholeText(1, LIMITS.page), '10'),
    by: v.optional(v.picklist(['increase', 'mean', 'max'], 'must be increase, mean or max'), 'mean'),
  }),
  reply: list(v.object({ device: v.string(), labels, value: v.number() })),
  async handle({ params, query, parts, exchange: { signal } }) {
    const { n, by } = query;
    const found = await parts.reader.top({ metric: params.metric, ...spanOf(query, parts.now()), n, by }, { signal });
    return { items: found.map((one) => ({ device: one.device, labels: labelsOf(one.series), value: one.value })) };
  },
});

const labelsOf = (series: string): Record<string, string> => ({ ...parseSeriesKey(series)?.labels });

export const readAvailability = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/:device/availability',
  role: 'viewer',
  summary: 'The states a device was in, and for how long; the last day unless said otherwise',
  params,
  query: v.object(range),
  reply: v.object({
    device: v.string(),
    from: v.number(),
    to: v.number(),
    items: v.array(v.object({ state: v.picklist(PRESENCE_STATES), from: v.number(), to: v.number() })),
    total_ms: v.record(v.string(), v.number()),
  }),
  errors: ['not_found'],
  async handle({ params, query, parts }) {
    requireDevice(parts, params.device);
    const span = spanOf(query, parts.now(), DAY_MS);
    const items = await parts.presence.availability(params.device, span.from, span.to);
    const total_ms: Record<string, number> = {};
    for (const { state, from, to } of items) total_ms[state] = (total_ms[state] ?? 0) + (to - from);
    return { device: params.device, ...span, items, total_ms };
  },
});

export const exportDevice = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/:device/export',
  role: 'viewer',
  summary: 'Everything kept of a device, one JSON object a line: device, then rows, then ledger entries',
  params,
  content_type: 'application/x-ndjson',
  reply: v.instance(Readable),
  errors: ['not_found'],
  async handle({ params, parts, exchange }) {
    const one = requireDevice(parts, params.device);
    return Readable.from(exportLines(parts, one.id, exchange.signal), { objectMode: false });
  },
});

/** Rows read at a time: a second of reading at most, and memory for one page. */
const EXPORT_PAGE = 500;

async function* exportLines(parts: Parts, device: string, signal: AbortSignal): AsyncGenerator<string> {
  yield line({ kind: 'device', device: parts.registry.get(device) });
  for (let after = -1; ; ) {
    const rows = await parts.reader.rows(device, after, EXPORT_PAGE, { signal });
    const last = rows.at(-1);
    if (!last || signal.aborted) break;
    yield rows.map(({ ts, series }) => line({ kind: 'row', ts, series })).join('');
    after = last.ts;
  }
  for (let after: string | undefined; !signal.aborted; ) {
    const entries = await parts.reader.entries({ device, limit: EXPORT_PAGE, ...(after === undefined ? {} : { after }) });
    const last = entries.at(-1);
    if (!last) break;
    yield entries.map((entry) => line({ kind: 'entry', entry })).join('');
    after = last.id;
  }
}

const line = (value: object): string => `${JSON.stringify(value)}\n`;
