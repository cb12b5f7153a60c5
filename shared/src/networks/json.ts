import * as v from 'valibot';
import { AppError } from '../errors.js';
import { findAll, textOf } from '../json-path.js';
import { type LosslessJson, parseLossless } from '../lossless.js';
import { defineNetwork, type NetworkCall, type NetworkReply } from '../network.js';
import { refuseStatus } from '../refuse-status.js';
import { secret, url } from '../schema.js';
import { asHubReply } from './lib/hub-reply.js';
import {
  declarationsOf,
  knowsItsEpoch,
  knowsItsToken,
  networkName,
  path,
  pickEntries,
  pickReadings,
  pickSamples,
  picksSomething,
} from './lib/json-pick.js';

/** Any HTTP endpoint that answers JSON: paths to an amount and to metrics. */
const config = v.pipe(
  v.object({
    ...pickEntries,
    name: networkName('json'),
    url: url(),
    method: v.optional(v.picklist(['GET', 'POST', 'PUT']), 'GET'),
    headers: v.optional(v.record(v.string(), secret()), {}),
    /** Text, or JSON that is sent as such (GraphQL: {query, variables}). */
    body: v.optional(v.unknown()),
    /** When the service last heard of the device: seconds or milliseconds since 1970, or ISO 8601. A carried device is judged by it. */
    seen: v.optional(path()),
    /** Services that answer 200 with an error inside. */
    success: v.optional(v.object({ path: path(), equals: v.string() })),
    /** Services that answer 200 and tell here what went wrong. */
    failure: v.optional(path()),
    /** Where GraphQL puts its errors. */
    errors: v.optional(path(), 'errors'),
    max_bytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(16_000_000)), 4_000_000),
  }),
  v.check((c) => picksSomething(c), 'needs "extract" (path to an amount) or "metrics"'),
  v.check((c) => knowsItsToken(c), '"extract" needs "token", "decimals" and "account" beside it'),
  v.check((c) => knowsItsEpoch(c), '"resets": "at_restart" needs "epoch", the path to its start time'),
);
type Config = v.InferOutput<typeof config>;

export default defineNetwork({
  id: 'json',
  title: 'JSON over HTTP',
  docs: 'https://www.rfc-editor.org/rfc/rfc8259',
  tokens: {},
  config,
  metrics: {},
  configured: (c) => ({ network: c.name, metrics: declarationsOf(c.metrics) }),
  every: 60_000,
  expects: { cadence: 86_400_000, silence_is_normal_for: 86_400_000 },
  onDevice: (call) => ask(call),
  onHub: async (call) => asHubReply(await ask(call), call.devices),
});

const ask = async ({ config: c, http, now, signal }: NetworkCall<Config>): Promise<NetworkReply> => {
  const body = c.body === undefined ? {} : { body: typeof c.body === 'string' ? c.body : JSON.stringify(c.body) };
  const type = c.body === undefined ? {} : { 'content-type': 'application/json' };
  const headers = { accept: 'application/json', ...type, ...c.headers };
  const reply = await http.request({ url: c.url, method: c.method, headers, ...body, max_bytes: c.max_bytes, signal });
  refuseStatus(reply, now);
  const json = parseLossless(reply.text);
  refuseErrors(json, c);
  const seen = c.seen === undefined ? {} : { seen_at: timeOf(textOf(findAll(json, c.seen)[0]), c.seen) };
  return { samples: pickSamples(json, c, now), readings: pickReadings(json, c), ...seen };
};

/** Below this a number counts seconds: in milliseconds it would be a day in 1973. */
const LEAST_MS = 100_000_000_000;

const timeOf = (text: string | null, where: string): number => {
  const number = Number(text);
  const ms = Number.isFinite(number) ? (number < LEAST_MS ? number * 1_000 : number) : Date.parse(text ?? '');
  if (text !== null && text !== '' && Number.isFinite(ms) && ms >= 0) return Math.round(ms);
  throw new AppError('bad_reply', `"${where}" ("seen") holds no time`);
};

const refuseErrors = (json: LosslessJson, c: Config): void => {
  const [failure] = c.failure === undefined ? [] : findAll(json, c.failure);
  if (failure !== undefined)
    throw new AppError('bad_reply', `The source answered an error: ${(textOf(failure) ?? 'no text').slice(0, 200)}`);
  const [errors] = findAll(json, c.errors);
  if (Array.isArray(errors) && errors.length > 0) {
    const said = textOf(findAll(errors, '[0].message')[0]) ?? 'no message';
    throw new AppError('bad_reply', `The source answered with an error: ${said.slice(0, 120)}`);
  }
  if (!c.success) return;
  const found = textOf(findAll(json, c.success.path)[0]);
  if (found !== c.success.equals) {
    const shown = found === null ? 'nothing' : `"${found.slice(0, 40)}"`;
    throw new AppError('bad_reply', `"${c.success.path}" holds ${shown}; "${c.success.equals}" means success`);
  }
};
