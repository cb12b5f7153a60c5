import * as v from 'valibot';
import { paging } from '../fields.js';
import { byKey, pageByKey } from '../paging.js';
import { defineRoute } from '../route.js';
import { list } from '../shapes.js';

export const listCatalogue = defineRoute({
  method: 'GET',
  path: '/api/v1/catalogue',
  role: 'viewer',
  summary: 'Every metric that a device declares: kind, unit, title',
  query: v.object(paging),
  reply: list(
    v.object({
      metric: v.string(),
      kind: v.picklist(['gauge', 'counter']),
      unit: v.string(),
      title: v.string(),
      resolution: v.optional(v.number()),
    }),
  ),
  async handle({ query, parts }) {
    const items = parts.registry.catalogue().map(({ metric, declaration }) => ({ metric, ...declaration }));
    return pageByKey(
      byKey(items, (one) => one.metric),
      (one) => one.metric,
      query,
    );
  },
});
