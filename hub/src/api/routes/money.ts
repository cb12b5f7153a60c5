import { utcDay } from '@muster/shared/money';
import * as v from 'valibot';
import { range } from '../fields.js';
import { defineRoute } from '../route.js';
import { amount, list } from '../shapes.js';
import { DAY_MS, spanOf } from './lookup.js';

const BY = ['device', 'network', 'site', 'tag', 'day'] as const;
const name = v.optional(v.pipe(v.string(), v.maxLength(100)));

export const readEarnings = defineRoute({
  method: 'GET',
  path: '/api/v1/earnings',
  role: 'viewer',
  summary: 'Income in base units as decimal strings; the last 30 UTC days unless said otherwise',
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
    }),
  ),
  async handle({ query, parts }) {
    const { by, device, network, site, tag } = query;
    const tomorrow = utcDay(parts.now()) + DAY_MS;
    const span = spanOf({ from: query.from, to: query.to ?? tomorrow }, tomorrow, 30 * DAY_MS);
    return { items: await parts.earnings.earnings({ ...span, by, device, network, site, tag }) };
  },
});
