import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { HubSourceView, NetworkState, Parts } from '../../parts.js';
import { configSchema } from '../config-schema.js';
import { device, jsonObject, text } from '../fields.js';
import { defineRoute } from '../route.js';
import { DONE, done, list } from '../shapes.js';

const share = v.object({ device: v.string(), parts: v.number() });
const time = v.nullable(v.number());

export const listNetworks = defineRoute({
  method: 'GET',
  path: '/api/v1/networks',
  role: 'viewer',
  summary: 'State and last error of every reward source, those that the hub asks included',
  reply: list(
    v.object({
      id: v.string(),
      network: v.string(),
      device: v.string(),
      account: v.string(),
      token: v.string(),
      source: v.string(),
      booked: v.boolean(),
      state: v.picklist(['ok', 'refused', 'failed', 'waiting']),
      last_reading: time,
      last_error: v.nullable(v.string()),
      by: v.optional(v.picklist(['agent', 'hub'])),
      shares: v.optional(v.array(share)),
      last_ok: v.optional(time),
      next_at: v.optional(time),
    }),
  ),
  handle: async ({ parts }) => ({
    items: [...parts.earnings.networks().map(withList), ...parts.sources.all().map(lineOf)],
  }),
});

const withList = ({ shares, ...state }: NetworkState) => ({ ...state, ...(shares && { shares: [...shares] }) });

/** A source of the hub itself, beside the accounts that it speaks of. */
const lineOf = ({ id, network, state, last_ok, last_error, next_at }: HubSourceView) => ({
  ...{ id, network, source: id, state, last_error, last_ok, next_at, last_reading: last_ok },
  ...{ device: '', account: '', token: '', booked: false, by: 'hub' as const },
});

export const listKinds = defineRoute({
  method: 'GET',
  path: '/api/v1/networks/kinds',
  role: 'admin',
  summary: 'Networks that the hub can ask, each with the JSON schema of its configuration; fields with "secret" are write-only',
  reply: list(v.object({ id: v.string(), title: v.string(), docs: v.string(), every: v.number(), config: jsonObject })),
  handle: async ({ parts }) => ({
    items: parts.sources.kinds().map(({ config, ...kind }) => ({ ...kind, config: configSchema(config) })),
  }),
});

const id = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1-63 of a-z, 0-9 and -'),
  v.check((one) => one !== 'kinds', 'must not be "kinds"'),
);
const params = v.object({ id });

const source = v.object({
  id: v.string(),
  network: v.string(),
  config: jsonObject,
  every: v.nullable(v.number()),
  devices: v.array(v.string()),
  enabled: v.boolean(),
  state: v.picklist(['ok', 'failed', 'waiting']),
  last_error: v.nullable(v.string()),
  last_ok: time,
  next_at: time,
  readings: v.number(),
  samples: v.number(),
});

const shown = (view: HubSourceView) => ({ ...view, devices: [...view.devices], config: JSON.parse(JSON.stringify(view.config)) });

const requireSource = (parts: Parts, name: string): HubSourceView => {
  const found = parts.sources.get(name);
  if (found) return found;
  throw new AppError('not_found', `The hub asks no source "${name}"`, { path: 'id' });
};

export const readNetwork = defineRoute({
  method: 'GET',
  path: '/api/v1/networks/:id',
  role: 'admin',
  summary: 'A source that the hub asks; its secrets are masked',
  params,
  reply: source,
  errors: ['not_found'],
  handle: async ({ params, parts }) => shown(requireSource(parts, params.id)),
});

export const putNetwork = defineRoute({
  method: 'PUT',
  path: '/api/v1/networks/:id',
  role: 'admin',
  summary:
    'Makes or changes a source that the hub asks. A secret that is left out or sent masked stays as it is, unless an address changes',
  params,
  body: v.object({
    network: text(40),
    config: jsonObject,
    every: v.optional(v.pipe(v.number(), v.integer())),
    devices: v.optional(v.pipe(v.array(device), v.maxLength(5_000))),
    enabled: v.optional(v.boolean()),
  }),
  reply: source,
  errors: ['too_many', 'storage'],
  // Never the configuration: it may hold secrets.
  audit: ['network', 'every', 'devices', 'enabled'],
  async handle({ params, body, parts, exchange }) {
    const { source: made_source, made } = await parts.sources.put(params.id, body);
    if (made.length > 0)
      await parts.audit.note(exchange.who?.name ?? 'nobody', 'devices made for a source', params.id, { devices: made });
    return shown(made_source);
  },
});

export const deleteNetwork = defineRoute({
  method: 'DELETE',
  path: '/api/v1/networks/:id',
  role: 'admin',
  summary: 'The hub no longer asks this source; what it booked stays',
  params,
  reply: done,
  errors: ['not_found'],
  async handle({ params, parts }) {
    requireSource(parts, params.id);
    await parts.sources.delete(params.id);
    return DONE;
  },
});

// ---- accounts

const account = v.object({
  network: v.string(),
  account: v.string(),
  periods: v.array(v.object({ from: v.number(), shares: v.array(share) })),
  streams: v.array(
    v.object({
      token: v.string(),
      decimals: v.number(),
      chosen: v.nullable(v.string()),
      sources: v.array(
        v.object({
          id: v.string(),
          source: v.string(),
          by: v.picklist(['agent', 'hub']),
          exact: v.boolean(),
          booked: v.boolean(),
          last_reading: v.number(),
        }),
      ),
    }),
  ),
});
const accountParams = v.object({ network: text(40), account: v.pipe(v.string(), v.minLength(1), v.maxLength(200)) });

const plain = (view: unknown): v.InferOutput<typeof account> => JSON.parse(JSON.stringify(view));

export const readAccount = defineRoute({
  method: 'GET',
  path: '/api/v1/accounts/:network/:account',
  role: 'viewer',
  summary: 'Whose an account is, from when on, and which sources report it',
  params: accountParams,
  reply: account,
  errors: ['not_found'],
  async handle({ params, parts }) {
    const found = parts.earnings.account(params.network, params.account);
    if (!found) throw new AppError('not_found', `Nothing is known of the account "${params.account}"`, { path: 'account' });
    return plain(found);
  },
});

export const putAccount = defineRoute({
  method: 'PUT',
  path: '/api/v1/accounts/:network/:account',
  role: 'operator',
  summary:
    'Divides the income of an account from a date on ({from?, shares}), and chooses the source that is booked ({token, booked}; null: the rule decides)',
  params: accountParams,
  body: v.pipe(
    v.object({
      from: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
      shares: v.optional(
        v.pipe(
          v.array(v.object({ device, parts: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000)) })),
          v.maxLength(100),
        ),
      ),
      token: v.optional(text(20)),
      booked: v.optional(v.nullable(text(200))),
    }),
    v.check(({ shares, booked }) => shares !== undefined || booked !== undefined, 'needs "shares", or "token" with "booked"'),
    v.check(({ token, booked }) => booked === undefined || token !== undefined, '"booked" needs "token" beside it'),
  ),
  reply: account,
  errors: ['not_found', 'conflict', 'storage'],
  audit: ['from', 'shares', 'booked'],
  async handle({ params, body, parts }) {
    const { from, shares, token, booked } = body;
    let view = shares && (await parts.earnings.share(params, { from, shares }));
    if (booked !== undefined && token !== undefined) view = await parts.earnings.choose({ ...params, token }, booked);
    return plain(view);
  },
});
