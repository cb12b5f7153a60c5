import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { Parts, Site } from '../../parts.js';
import { decimal, paging, text } from '../fields.js';
import { byKey, pageByKey } from '../paging.js';
import { defineRoute } from '../route.js';
import { DONE, done, list, site, tariffPeriod } from '../shapes.js';

const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

const siteId = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1-63 of a-z, 0-9 and -'));
const params = v.object({ site: siteId });
const time_zone = v.pipe(v.string(), v.check(isTimeZone, 'must be a time zone such as Europe/Berlin'));

/** Dearer and cheaper times; an empty list takes them away. */
const periods = v.optional(v.pipe(v.array(tariffPeriod), v.maxLength(50)));

const requireSite = (parts: Parts, id: string): Site => {
  const found = parts.registry.sites.get(id);
  if (found) return found;
  throw new AppError('not_found', `There is no site "${id}"`, { path: 'site' });
};

export const listSites = defineRoute({
  method: 'GET',
  path: '/api/v1/sites',
  role: 'viewer',
  summary: 'The places with devices',
  query: v.object(paging),
  reply: list(site),
  handle: async ({ query, parts }) =>
    pageByKey(
      byKey(parts.registry.sites.all(), (one) => one.id),
      (one) => one.id,
      query,
    ),
});

export const addSite = defineRoute({
  method: 'POST',
  path: '/api/v1/sites',
  role: 'operator',
  summary: 'A new site; its id is made of its name unless given',
  body: v.object({
    id: v.optional(siteId),
    name: text(100),
    tariff: v.optional(v.nullable(decimal), null),
    time_zone: v.optional(time_zone, 'UTC'),
    tariff_periods: periods,
  }),
  reply: site,
  errors: ['conflict'],
  audit: ['id', 'name', 'tariff', 'time_zone', 'tariff_periods'],
  async handle({ body, parts }) {
    const made = { ...body, id: body.id ?? idOf(body.name) };
    if (parts.registry.sites.get(made.id)) throw new AppError('conflict', `There is a site "${made.id}" already`, { path: 'id' });
    await parts.registry.sites.put(made);
    return made;
  },
});

const idOf = (name: string): string => {
  const plain = name.normalize('NFKD').toLowerCase();
  const id = plain
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return id || 'site';
};

export const patchSite = defineRoute({
  method: 'PATCH',
  path: '/api/v1/sites/:site',
  role: 'operator',
  summary: 'Changes name, tariff, its times of use or the time zone of a site',
  params,
  body: v.object({
    name: v.optional(text(100)),
    tariff: v.optional(v.nullable(decimal)),
    time_zone: v.optional(time_zone),
    tariff_periods: periods,
  }),
  reply: site,
  errors: ['not_found'],
  audit: ['name', 'tariff', 'time_zone', 'tariff_periods'],
  async handle({ params, body, parts }) {
    const before = requireSite(parts, params.site);
    const { name = before.name, time_zone = before.time_zone, tariff = before.tariff } = body;
    const { tariff_periods = before.tariff_periods } = body;
    const after = { id: before.id, name, tariff, time_zone, ...(tariff_periods?.length && { tariff_periods }) };
    await parts.registry.sites.put(after);
    return after;
  },
});

export const deleteSite = defineRoute({
  method: 'DELETE',
  path: '/api/v1/sites/:site',
  role: 'operator',
  summary: 'Deletes a site that no device is at',
  params,
  reply: done,
  errors: ['not_found', 'conflict'],
  async handle({ params, parts }) {
    requireSite(parts, params.site);
    const there = [...parts.registry.all()].filter((one) => one.site === params.site);
    if (there.length > 0)
      throw new AppError('conflict', `${there.length} devices are at "${params.site}"; move them to another site first`);
    await parts.registry.sites.delete(params.site);
    return DONE;
  },
});
