import * as v from 'valibot';
import { AppError } from '../errors.js';
import { findAll, parsePath, textOf } from '../json-path.js';
import { type LosslessJson, NumberText, parseLossless } from '../lossless.js';
import type { Sample } from '../metrics.js';
import { toBaseUnits } from '../money.js';
import { defineNetwork, type NetworkCall, type NetworkReply, type ReadingDraft } from '../network.js';
import { refuseStatus } from '../refuse-status.js';
import { secret, url } from '../schema.js';

/** Any HTTP endpoint that answers JSON: paths to an amount and to metrics. */
const path = () =>
  v.pipe(
    v.string(),
    v.check((text) => parsePath(text) !== null, 'must be a path such as data.items[0].amount'),
  );
const name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must start with a-z and hold a-z, 0-9, _ and -'));

const metric = v.object({
  path: path(),
  metric: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_.]{0,79}$/, 'must start with a-z and hold a-z, 0-9, _ and .')),
  unit: v.optional(v.pipe(v.string(), v.maxLength(32)), '1'),
  kind: v.optional(v.picklist(['gauge', 'counter']), 'gauge'),
  title: v.optional(v.pipe(v.string(), v.maxLength(200))),
  resolution: v.optional(v.pipe(v.number(), v.minValue(0))),
  /** Text → value; `*` stands for every other text. */
  map: v.optional(v.record(v.string(), v.number())),
  /** Where a path finds several values. */
  take: v.optional(v.picklist(['first', 'sum', 'max', 'count']), 'first'),
});

const config = v.pipe(
  v.object({
    /** The network of the stream and the prefix of its metrics. */
    name: v.optional(name, 'json'),
    url: url(),
    method: v.optional(v.picklist(['GET', 'POST', 'PUT']), 'GET'),
    headers: v.optional(v.record(v.string(), secret()), {}),
    /** Text, or JSON that is sent as such (GraphQL: {query, variables}). */
    body: v.optional(v.unknown()),
    /** Where the path finds several amounts, their sum. */
    extract: v.optional(path()),
    form: v.optional(v.picklist(['base', 'whole']), 'base'),
    /** Cuts fraction digits that the token does not have, in place of refusing the amount. */
    floor: v.optional(v.boolean(), false),
    token: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(20))),
    decimals: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(36))),
    account: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
    exact: v.optional(v.boolean()),
    resets: v.optional(v.picklist(['never', 'at_restart']), 'never'),
    /** Where the start time or start count of the source's process stands. */
    epoch: v.optional(path()),
    /** When the service last heard of the device: seconds or milliseconds since 1970, or ISO 8601. A carried device is judged by it. */
    seen: v.optional(path()),
    metrics: v.optional(v.pipe(v.array(metric), v.maxLength(200)), []),
    /** Services that answer 200 with an error inside. */
    success: v.optional(v.object({ path: path(), equals: v.string() })),
    /** Where GraphQL puts its errors. */
    errors: v.optional(path(), 'errors'),
  }),
  v.check((c) => c.extract !== undefined || c.metrics.length > 0, 'needs "extract" (path to an amount) or "metrics"'),
  v.check(
    (c) => c.extract === undefined || (c.token !== undefined && c.decimals !== undefined && c.account !== undefined),
    '"extract" needs "token", "decimals" and "account" beside it',
  ),
  v.check(
    (c) => c.resets === 'never' || c.epoch !== undefined,
    '"resets": "at_restart" needs "epoch", the path to its start time',
  ),
);
type Config = v.InferOutput<typeof config>;

export default defineNetwork({
  id: 'json',
  title: 'JSON over HTTP',
  docs: 'https://www.rfc-editor.org/rfc/rfc8259',
  tokens: {},
  config,
  metrics: {},
  configured: (c) => ({ network: c.name, metrics: Object.fromEntries(c.metrics.map((m) => [m.metric, declarationOf(m)])) }),
  every: 60_000,
  expects: { cadence: 86_400_000, silence_is_normal_for: 86_400_000 },
  onDevice: (call) => ask(call),
  /** One address speaks of one device, or of an account without one. */
  async onHub({ devices, ...call }) {
    const [device] = devices;
    if (devices.length > 1) throw new AppError('bad_settings', 'One address speaks of one device; make a source for each');
    const reply = await ask(call);
    return device === undefined
      ? { devices: new Map(), accounts: reply.readings ?? [] }
      : { devices: new Map([[device, reply]]) };
  },
});

const ask = async ({ config: c, http, signal, now }: NetworkCall<Config>): Promise<NetworkReply> => {
  const body = c.body === undefined ? {} : { body: typeof c.body === 'string' ? c.body : JSON.stringify(c.body) };
  const type = c.body === undefined ? {} : { 'content-type': 'application/json' };
  const headers = { accept: 'application/json', ...type, ...c.headers };
  const reply = await http.request({ url: c.url, method: c.method, headers, ...body, signal });
  refuseStatus(reply, now);
  const json = parseLossless(reply.text);
  refuseErrors(json, c);
  const seen_at = c.seen === undefined ? undefined : timeOf(textOf(findAll(json, c.seen)[0]), c.seen);
  const seen = seen_at === undefined ? {} : { seen_at };
  return { samples: c.metrics.flatMap((m) => sampleOf(json, m)), readings: readingOf(json, c), ...seen };
};

const declarationOf = ({ kind, unit, title, metric: id, resolution }: Config['metrics'][number]) => ({
  kind,
  unit,
  title: title ?? id,
  ...(resolution === undefined ? {} : { resolution }),
});

const refuseErrors = (json: LosslessJson, c: Config): void => {
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

/** Below this a number counts seconds: in milliseconds it would be a day in 1973. */
const LEAST_MS = 100_000_000_000;

const timeOf = (text: string | null, where: string): number => {
  const number = Number(text);
  const ms = Number.isFinite(number) ? (number < LEAST_MS ? number * 1_000 : number) : Date.parse(text ?? '');
  if (text !== null && text !== '' && Number.isFinite(ms) && ms >= 0) return Math.round(ms);
  throw new AppError('bad_reply', `"${where}" ("seen") holds no time`);
};

const sampleOf = (json: LosslessJson, m: Config['metrics'][number]): Sample[] => {
  const found = findAll(json, m.path);
  if (m.take === 'count') return [{ metric: m.metric, value: found.length }];
  const values = found.flatMap((node) => numbersIn(node, m));
  if (values.length === 0) return [];
  const [first = 0] = values;
  const value = { first, sum: values.reduce((sum, one) => sum + one, 0), max: Math.max(...values) }[m.take];
  return [{ metric: m.metric, value }];
};

const numbersIn = (node: LosslessJson, m: Config['metrics'][number]): number[] => {
  const text = textOf(node);
  const mapped = text === null ? undefined : mappedBy(m.map ?? {}, text);
  if (mapped !== undefined) return [mapped];
  if (typeof node === 'boolean') return [node ? 1 : 0];
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) {
    if (m.map && text !== null) return [];
    throw new AppError('bad_reply', `"${m.path}" holds ${shownAs(node)}; a number is needed, or "map" for its texts`);
  }
  return [value];
};

const mappedBy = (map: Record<string, number>, text: string): number | undefined => map[Object.hasOwn(map, text) ? text : '*'];

const readingOf = (json: LosslessJson, c: Config): ReadingDraft[] => {
  if (c.extract === undefined || c.token === undefined || c.decimals === undefined || c.account === undefined) return [];
  const amounts = findAll(json, c.extract).map((node) => amountOf(node, c));
  if (amounts.length === 0) return [];
  const epoch = epochOf(json, c);
  if (c.resets === 'at_restart' && epoch === undefined) {
    throw new AppError('bad_reply', `"${c.epoch}" holds nothing; a counter that resets needs its start time`);
  }
  const amount = amounts.reduce((sum, one) => sum + one.units, 0n);
  return [
    {
      kind: 'lifetime',
      network: c.name,
      account: c.account,
      token: c.token,
      decimals: c.decimals,
      amount: amount.toString(),
      exact: c.exact ?? amounts.every((one) => one.exact),
      resets: c.resets,
      ...(epoch === undefined ? {} : { epoch }),
    },
  ];
};

const epochOf = (json: LosslessJson, c: Config): string | undefined => {
  if (c.resets !== 'at_restart' || c.epoch === undefined) return undefined;
  return textOf(findAll(json, c.epoch)[0])?.slice(0, 80) || undefined;
};

const HEX = /^0x[0-9a-f]{1,64}$/i;

const amountOf = (node: LosslessJson, c: Config): { units: bigint; exact: boolean } => {
  const text = typeof node === 'boolean' ? null : textOf(node);
  if (text === null || text === '') throw new AppError('bad_reply', `"${c.extract}" holds ${shownAs(node)}; an amount is needed`);
  if (c.form === 'base' && HEX.test(text)) return { units: BigInt(text), exact: true };
  const units = toBaseUnits(text, c.form === 'base' ? 0 : (c.decimals ?? 0), { floor: c.floor });
  if (units < 0n)
    throw new AppError('bad_reply', `"${c.extract}" holds ${text.slice(0, 40)}; a lifetime amount is never negative`);
  return { units, exact: typeof node === 'string' || isExactNumber(text, units) };
};

/** A bare number may have been a double at the source: digits beyond what a double carries tell that it was not. */
const isExactNumber = (text: string, units: bigint): boolean => {
  if (units <= BigInt(Number.MAX_SAFE_INTEGER) || /^\d+$/.test(text)) return true;
  return !/e/i.test(text) && text.replace(/^[0.]+|\./g, '').length > 17;
};

const shownAs = (node: LosslessJson): string => {
  if (Array.isArray(node)) return 'a list';
  if (node instanceof NumberText) return node.text.slice(0, 40);
  return typeof node === 'object' && node !== null ? 'an object' : JSON.stringify(node).slice(0, 40);
};
