import * as v from 'valibot';
import { defineRoute } from '../route.js';
import { list } from '../shapes.js';

export const listIncidents = defineRoute({
  method: 'GET',
  path: '/api/v1/incidents',
  role: 'viewer',
  summary: 'Devices of one place that went away together, newest first, with the money per hour that was at stake',
  reply: list(
    v.object({
      id: v.string(),
      site: v.nullable(v.string()),
      place: v.string(),
      devices: v.array(v.string()),
      count: v.number(),
      away: v.number(),
      started: v.number(),
      resolved: v.nullable(v.number()),
      per_hour: v.nullable(v.object({ currency: v.string(), fiat: v.string() })),
    }),
  ),
  handle: async ({ parts }) => ({ items: parts.notify.incidents() }),
});
