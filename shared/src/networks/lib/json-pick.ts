import * as v from 'valibot';
import { AppError } from '../../errors.js';
import { findAll, parsePath, textOf } from '../../json-path.js';
import { type LosslessJson, NumberText } from '../../lossless.js';
import type { MetricDeclaration, Sample } from '../../metrics.js';
import { toBaseUnits } from '../../money.js';
import type { ReadingDraft } from '../../network.js';

/** What `json` and `command` share: paths to an amount and to metrics in a JSON reply. */
export const path = () =>
  v.pipe(
    v.string(),
    v.check((text) => parsePath(text) !== null, 'must be a path such as data.items[0].amount'),
  );

/** The network of the stream and the prefix of its metrics. */
export const networkName = (otherwise: string) =>
  v.optional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must start with a-z and hold a-z, 0-9, _ and -')), otherwise);

/** How a picked metric is declared. */
export const declaredEntries = {
  metric: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_.]{0,79}$/, 'must start with a-z and hold a-z, 0-9, _ and .')),
  unit: v.optional(v.pipe(v.string(), v.maxLength(32)), '1'),
  kind: v.optional(v.picklist(['gauge', 'counter']), 'gauge'),
  title: v.optional(v.pipe(v.string(), v.maxLength(200))),
  resolution: v.optional(v.pipe(v.number(), v.minValue(0))),
  scale: v.optional(v.number(), 1),
};

const metric = v.object({
  ...declaredEntries,
  path: path(),
  /** Text → value; `*` stands for every other text. */
  map: v.optional(v.record(v.string(), v.number())),
  /** `duration`: seconds of a text such as 25h53m33.5s; `age`: seconds since a time (RFC 3339, or Unix seconds or milliseconds). */
  form: v.optional(v.picklist(['number', 'duration', 'age']), 'number'),
  /** Where a path finds several values. */
  take: v.optional(v.picklist(['first', 'sum', 'min', 'max', 'count']), 'first'),
});
export type MetricPick = v.InferOutput<typeof metric>;

/** Which token an amount is in, and how it is written. */
export const tokenEntries = {
  form: v.optional(v.picklist(['base', 'whole']), 'base'),
  /** Cuts fraction digits that the token does not have, in place of refusing the amount. */
  floor: v.optional(v.boolean(), false),
  token: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(20))),
  decimals: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(36))),
  account: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
  exact: v.optional(v.boolean()),
  resets: v.optional(v.picklist(['never', 'at_restart']), 'never'),
};

export const pickEntries = {
  ...tokenEntries,
  /** Where the path finds several amounts, their sum. */
  extract: v.optional(path()),
  /** Where the start time or start count of the source's process stands. */
  epoch: v.optional(path()),
  metrics: v.optional(v.pipe(v.array(metric), v.maxLength(200)), []),
};
const picks = v.object({ ...pickEntries, name: v.string() });
export type Picks = v.InferOutput<typeof picks>;

type Unchecked = Pick<Picks, 'extract' | 'metrics' | 'token' | 'decimals' | 'account' | 'resets' | 'epoch'>;
export const picksSomething = (c: Unchecked): boolean => c.extract !== undefined || c.metrics.length > 0;
export const knowsItsToken = (c: Unchecked): boolean =>
  c.extract === undefined || (c.token !== undefined && c.decimals !== undefined && c.account !== undefined);
export const knowsItsEpoch = (c: Unchecked): boolean => c.resets === 'never' || c.epoch !== undefined;

export const declarationsOf = (metrics: readonly Omit<MetricPick, 'path' | 'map' | 'form' | 'take'>[]) =>
  Object.fromEntries(metrics.map((one) => [one.metric, declarationOf(one)]));

const declarationOf = ({ kind, unit, title, metric: id, resolution }: Omit<MetricPick, 'path' | 'map' | 'form' | 'take'>) =>
  ({ kind, unit, title: title ?? id, ...(resolution === undefined ? {} : { resolution }) }) satisfies MetricDeclaration;

export const pickSamples = (json: LosslessJson, c: Picks, now: number): Sample[] =>
  c.metrics.flatMap((pick) => sampleOf(json, pick, now));

const sampleOf = (json: LosslessJson, m: MetricPick, now: number): Sample[] => {
  const found = findAll(json, m.path);
  if (m.take === 'count') return [{ metric: m.metric, value: found.length * m.scale }];
  const values = found.flatMap((node) => numbersIn(node, m, now));
  if (values.length === 0) return [];
  const [first = 0] = values;
  const value = { first, sum: values.reduce((sum, one) => sum + one, 0), min: Math.min(...values), max: Math.max(...values) }[
    m.take
  ];
  return [{ metric: m.metric, value: scaled(value, m.scale) }];
};

/** 12 digits take away the binary dust of a product. */
export const scaled = (value: number, scale: number): number => (scale === 1 ? value : Number((value * scale).toPrecision(12)));

const numbersIn = (node: LosslessJson, m: MetricPick, now: number): number[] => {
  const text = textOf(node);
  const mapped = text === null ? undefined : mappedBy(m.map ?? {}, text);
  if (mapped !== undefined) return [mapped];
  if (typeof node === 'boolean') return [node ? 1 : 0];
  const value = text === null || text.trim() === '' ? Number.NaN : numberOf(text, m.form, now);
  if (!Number.isFinite(value)) {
    if (m.map && text !== null) return [];
    const wanted = {
      number: 'a number is needed, or "map" for its texts',
      duration: 'a duration is needed',
      age: 'a time is needed',
    };
    throw new AppError('bad_reply', `"${m.path}" holds ${shownAs(node)}; ${wanted[m.form]}`);
  }
  return [value];
};

const numberOf = (text: string, form: MetricPick['form'], now: number): number => {
  if (form === 'duration') return durationIn(text);
  return form === 'age' ? (now - timeIn(text)) / 1_000 : Number(text);
};

const UNIT_SECONDS: Record<string, number> = { h: 3_600, m: 60, s: 1, ms: 1e-3, µs: 1e-6, us: 1e-6, ns: 1e-9 };

/** Go's form: `25h53m33.54s`. */
const durationIn = (text: string): number => {
  if (!/^(\d{1,12}(\.\d{1,12})?(h|ms|m|s|µs|us|ns))+$/.test(text)) return Number.NaN;
  const parts = [...text.matchAll(/([\d.]+)(h|ms|m|s|µs|us|ns)/g)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNIT_SECONDS[unit] ?? 0), 0);
};

/** Unix times below this are seconds: as milliseconds they would lie in 1973. */
const FIRST_MS = 100_000_000_000;
const timeIn = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value)) return Date.parse(text);
  return value < FIRST_MS ? value * 1_000 : value;
};

const mappedBy = (map: Record<string, number>, text: string): number | undefined => map[Object.hasOwn(map, text) ? text : '*'];

export const pickReadings = (json: LosslessJson, c: Picks): ReadingDraft[] => {
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

const epochOf = (json: LosslessJson, c: Picks): string | undefined => {
  if (c.resets !== 'at_restart' || c.epoch === undefined) return undefined;
  return textOf(findAll(json, c.epoch)[0])?.slice(0, 80) || undefined;
};

const HEX = /^0x[0-9a-f]{1,64}$/i;

const amountOf = (node: LosslessJson, c: Picks): { units: bigint; exact: boolean } => {
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
