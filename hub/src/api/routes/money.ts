import { Readable } from 'node:stream';
import { AppError } from '@muster/shared/errors';
import { utcDay } from '@muster/shared/money';
import * as v from 'valibot';
import { COMPARE_SORTS, EXPORT_FORMATS } from '../../parts.js';
import { range, wholeText } from '../fields.js';
import { defineRoute } from '../route.js';
import { amount, list } from '../shapes.js';
import { DAY_MS, spanOf } from './lookup.js';

const incomplete = v.optional(v.object({ fiat: v.optional(v.string()), cost: v.optional(v.string()) }));
const BY = ['device', 'network', 'site', 'tag', 'day'] as const;
const name = v.optional(v.pipe(v.string(), v.maxLength(100)));

export const readEarnings = defineRoute({
  method: 'GET',
  path: '/api/v1/earnings',
  role: 'viewer',
  summary:
    'Income in base units as decimal strings, its fiat at the price of each day, cost and net; the last 30 UTC days unless said otherwise',
  query: v.object({
    ...range,
    by: v.optional(v.picklist(BY, `must be one of ${BY.join(', ')}`), 'device'),
    device: name,
    network: name,
    site: name,
    tag: name,
  }),
  reply: list(
    v.object({
      key: v.string(),
      streams: v.array(amount),
      fiat: v.nullable(v.string()),
      cost: v.nullable(v.string()),
      net: v.nullable(v.string()),
      incomplete,
    }),
  ),
  async handle({ query, parts }) {
    const { by, device, network, site, tag } = query;
    const tomorrow = utcDay(parts.now()) + DAY_MS;
    const span = spanOf({ from: query.from, to: query.to ?? tomorrow }, tomorrow, 30 * DAY_MS);
    return { items: await parts.money.earnings({ ...span, by, device, network, site, tag }) };
  },
});

const money = v.nullable(v.string());
const share = v.nullable(v.number());
const compared = v.object({
  ...{ device: v.string(), name: v.string(), site: v.nullable(v.string()), tags: v.array(v.string()), rank: v.number() },
  ...{ streams: v.array(amount), fiat: money, cost: money, hosting: money, net: money, incomplete, earlier_prices: v.boolean() },
  ...{ fiat_per_day: money, per_watt: money },
  per: v.array(v.object({ network: v.string(), unit: v.string(), fiat: v.string() })),
  watts: money,
  watts_from: v.nullable(v.picklist(['plug', 'ups', 'chip', 'nameplate'])),
  previous: v.object({ fiat: money, streams: v.array(amount), change: share }),
  cohort: v.nullable(
    v.object({
      by: v.array(v.picklist(['network', 'kind', 'tag'])),
      of: v.picklist(['fiat', 'tokens']),
      ...{ devices: v.number(), median: v.string(), mad: v.string(), z: share },
    }),
  ),
  trend: v.object({ of: v.picklist(['fiat', 'tokens']), points: v.array(money) }),
  payback: v.nullable(v.object({ days: v.number(), date: v.string() })),
  break_even_tariff: money,
  break_even_price: v.nullable(v.object({ network: v.string(), token: v.string(), price: v.string() })),
  why: v.object({
    ...{ uptime: share, uptime_before: share, temperature: share, temperature_before: share },
    ...{ alerts: v.number(), notes: v.array(v.string()) },
  }),
});

const PERIOD = /^(?:(\d{1,3})d|(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2}))$/;
const MOST_DAYS = 400;

/** `30d`: the last 30 UTC days, today among them; `2026-01-01..2026-01-31`: these days, both included. */
export const periodOf = (text: string, now: number): { from: number; to: number } => {
  const [, days, first, last] = PERIOD.exec(text) ?? [];
  const to = days === undefined ? Date.parse(last ?? '') + DAY_MS : utcDay(now) + DAY_MS;
  const from = days === undefined ? Date.parse(first ?? '') : to - Number(days) * DAY_MS;
  if (to > from && to - from <= MOST_DAYS * DAY_MS) return { from, to };
  throw new AppError('bad_request', `"period" must be 7d, 30d, 90d or 2026-01-01..2026-01-31, at most ${MOST_DAYS} days`, {
    path: 'period',
  });
};

export const compareEarnings = defineRoute({
  method: 'GET',
  path: '/api/v1/earnings/compare',
  role: 'viewer',
  summary: 'Devices ranked by what they earn, against their own period before and against devices like them',
  query: v.object({
    period: v.optional(v.pipe(v.string(), v.regex(PERIOD, 'must be 7d, 30d, 90d or 2026-01-01..2026-01-31')), '30d'),
    ...{ network: name, tag: name, site: name, device: name },
    sort: v.optional(v.picklist(COMPARE_SORTS, `must be one of ${COMPARE_SORTS.join(', ')}`), 'fiat'),
    order: v.optional(v.picklist(['asc', 'desc'], 'must be asc or desc'), 'desc'),
    limit: v.optional(wholeText(1, 100), '50'),
    /** Rows that were shown already. */
    after: v.optional(wholeText(0, 1_000_000), '0'),
  }),
  reply: v.object({
    ...{ from: v.number(), to: v.number(), currency: v.string(), devices: v.number() },
    totals: v.object({ streams: v.array(amount), fiat: money, cost: money, net: money, incomplete }),
    items: v.array(compared),
    next: v.optional(v.string()),
  }),
  async handle({ query, parts }) {
    const { period, order, after: skip, ...rest } = query;
    const page = await parts.money.compare({ ...rest, ...periodOf(period, parts.now()), descending: order === 'desc', skip });
    const end = skip + page.items.length;
    return end < page.devices && page.items.length > 0 ? { ...page, next: String(end) } : page;
  },
});

export const exportEarnings = defineRoute({
  method: 'GET',
  path: '/api/v1/earnings/export.csv',
  role: 'viewer',
  summary:
    'Receipts at the fiat value of their day, as CSV (generic, Koinly, CoinTracking) or JSON; the last 365 UTC days unless said otherwise',
  query: v.object({
    ...range,
    format: v.optional(v.picklist(EXPORT_FORMATS, `must be one of ${EXPORT_FORMATS.join(', ')}`), 'generic'),
    ...{ device: name, network: name },
  }),
  content_type: 'text/csv; charset=utf-8',
  reply: v.instance(Readable),
  async handle({ query, parts, exchange }) {
    const { format, device, network } = query;
    const tomorrow = utcDay(parts.now()) + DAY_MS;
    const span = spanOf(query, tomorrow, 365 * DAY_MS);
    if (format === 'json') exchange.type('application/json');
    return Readable.from(parts.money.export({ ...span, format, device, network }), { objectMode: false });
  },
});
