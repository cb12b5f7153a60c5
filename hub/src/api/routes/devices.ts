import { randomUUID } from 'node:crypto';
import { AppError } from '@muster/shared/errors';
import { PRESENCE_STATES } from '@muster/shared/wire/live';
import * as v from 'valibot';
import type { Device, Parts } from '../../parts.js';
import { decimal, device, jsonObject, paging, text } from '../fields.js';
import { byKey, pageByKey } from '../paging.js';
import { defineRoute } from '../route.js';
import { DONE, deviceLine, devicePage, done, list } from '../shapes.js';
import { requireDevice } from './lookup.js';

const params = v.object({ device });

export const listDevices = defineRoute({
  method: 'GET',
  path: '/api/v1/devices',
  role: 'viewer',
  summary: 'The fleet, by id; filters go together',
  query: v.object({
    ...paging,
    site: v.optional(v.string()),
    tag: v.optional(v.string()),
    state: v.optional(v.picklist(PRESENCE_STATES, `must be one of ${PRESENCE_STATES.join(', ')}`)),
    network: v.optional(v.string()),
    q: v.optional(v.pipe(v.string(), v.maxLength(200))),
  }),
  reply: list(deviceLine),
  async handle({ query, parts }) {
    const found = byKey(parts.registry.all(), (one) => one.id).filter(filterOf(query, parts));
    const { items, next } = pageByKey(found, (one) => one.id, query);
    return { items: items.flatMap((one) => parts.view(one.id) ?? []), ...(next === undefined ? {} : { next }) };
  },
});

interface Filter {
  site?: string | undefined;
  tag?: string | undefined;
  state?: string | undefined;
  network?: string | undefined;
  q?: string | undefined;
}

const filterOf = ({ site, tag, state, network, q }: Filter, parts: Parts): ((one: Device) => boolean) => {
  const networks = parts.earnings.networks().filter((one) => one.network === network);
  const earning = network === undefined ? null : new Set(networks.map((one) => one.device));
  const words = q?.toLowerCase();
  return (one) =>
    (site === undefined || one.site === site) &&
    (tag === undefined || one.tags.includes(tag)) &&
    (state === undefined || parts.presence.get(one.id).state === state) &&
    (earning === null || earning.has(one.id)) &&
    (words === undefined || textOf(one).includes(words));
};

const textOf = (one: Device): string =>
  [one.id, one.name, ...one.tags, String(one.about['hostname'] ?? ''), String(one.about['model'] ?? '')].join('\n').toLowerCase();

export const readDevice = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/:device',
  role: 'viewer',
  summary: 'One device with its inventory',
  params,
  reply: devicePage,
  errors: ['not_found'],
  handle: async ({ params, parts }) => pageOf(parts, params.device),
});

const pageOf = (parts: Parts, id: string): v.InferInput<typeof devicePage> => {
  const one = requireDevice(parts, id);
  const line = parts.view(id);
  if (!line) throw new AppError('not_found', `The device "${id}" was removed meanwhile`);
  const { about, agent_version, interval_ms, created_at, watts, purchase_price, hosting_share } = one;
  const carries = [...parts.registry.all()].filter((other) => other.carried_by === id).map((other) => other.id);
  const waiting = parts.registry.waiting().filter((wish) => wish.agent === id);
  return {
    ...line,
    about,
    agent_version,
    interval_ms,
    created_at,
    watts,
    purchase_price,
    hosting_share,
    carries,
    waiting: waiting.map((wish) => wish.device),
    earnings_lifetime: parts.earnings.totals(id),
    stake: parts.money.stake(id),
  };
};

const patch = v.pipe(
  v.object({
    name: v.optional(text(100)),
    site: v.optional(v.nullable(v.string())),
    tags: v.optional(v.pipe(v.array(text(60)), v.maxLength(50))),
    watts: v.optional(v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000)))),
    purchase_price: v.optional(v.nullable(decimal)),
    hosting_share: v.optional(v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1)))),
  }),
  v.check(
    (given) => Object.keys(given).length > 0,
    'must hold at least one of name, site, tags, watts, purchase_price, hosting_share',
  ),
);

export const patchDevice = defineRoute({
  method: 'PATCH',
  path: '/api/v1/devices/:device',
  role: 'operator',
  summary: 'Changes what the operator knows of a device',
  params,
  body: patch,
  reply: devicePage,
  errors: ['not_found'],
  audit: ['name', 'site', 'tags', 'watts', 'purchase_price', 'hosting_share'],
  async handle({ params, body, parts }) {
    requireDevice(parts, params.device);
    if (body.site && !parts.registry.sites.get(body.site))
      throw new AppError('bad_request', `There is no site "${body.site}"; make it first`, { path: 'site' });
    const given = body.tags ? { ...body, tags: [...new Set(body.tags)] } : body;
    await parts.registry.patch(params.device, withoutAbsent(given));
    return pageOf(parts, params.device);
  },
});

/** Only what was given: an absent field must not overwrite. */
const withoutAbsent = <T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

export const deleteDevice = defineRoute({
  method: 'DELETE',
  path: '/api/v1/devices/:device',
  role: 'admin',
  summary: 'Deletes a device, its key, its rows and its ledger entries',
  params,
  reply: done,
  errors: ['not_found'],
  async handle({ params, parts }) {
    requireDevice(parts, params.device);
    await parts.registry.remove(params.device);
    return DONE;
  },
});

export const setCarries = defineRoute({
  method: 'PUT',
  path: '/api/v1/devices/:device/carries',
  role: 'admin',
  summary: 'Which other devices this agent may speak for',
  params,
  body: v.object({ devices: v.pipe(v.array(device), v.maxLength(1_000)) }),
  reply: devicePage,
  errors: ['not_found', 'conflict'],
  audit: ['devices'],
  async handle({ params, body, parts }) {
    requireDevice(parts, params.device);
    if (body.devices.includes(params.device))
      throw new AppError('bad_request', 'An agent speaks for its own device anyway; leave it out', { path: 'devices' });
    await parts.registry.carries(params.device, [...new Set(body.devices)]);
    return pageOf(parts, params.device);
  },
});

export const rotateKey = defineRoute({
  method: 'POST',
  path: '/api/v1/devices/:device/rotate',
  role: 'admin',
  summary: 'A new device key; the old one ends at once. Shown once',
  params,
  reply: v.object({ device: v.string(), key: v.string() }),
  errors: ['not_found'],
  async handle({ params, parts }) {
    requireDevice(parts, params.device);
    const carries = [...parts.registry.all()].filter((one) => one.carried_by === params.device).map((one) => one.id);
    const { key } = await parts.registry.credential(params.device, { carries });
    return { device: params.device, key };
  },
});

export const sendCommand = defineRoute({
  method: 'POST',
  path: '/api/v1/devices/:device/commands',
  role: 'operator',
  summary: "Sends a command to the device's agent, which runs only what its own settings allow",
  params,
  body: v.object({
    command: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must be 1-40 of a-z, 0-9, _ and -')),
    args: v.optional(jsonObject),
  }),
  reply: v.object({ id: v.string() }),
  errors: ['not_found', 'conflict'],
  audit: ['command', 'args'],
  async handle({ params, body, parts }) {
    const { id: agent, carried_by } = requireDevice(parts, params.device);
    if (carried_by !== null)
      throw new AppError('conflict', `"${agent}" has no agent of its own; it is carried by "${carried_by}"`);
    const id = randomUUID();
    const { command, args } = body;
    if (!parts.uplinks.command(agent, { id, command, ...(args === undefined ? {} : { args }) }))
      throw new AppError('conflict', `The agent of "${agent}" is not connected; try again when it is online`);
    return { id };
  },
});
