import * as v from 'valibot';
import { AppError } from '../../errors.js';
import type { Labels, Sample } from '../../metrics.js';
import { toBaseUnits } from '../../money.js';
import type { NetworkMemory, ReadingDraft } from '../../network.js';
import { declaredEntries, scaled, tokenEntries } from './json-pick.js';
import { decimalOf, numberOf, type Series } from './prometheus-text.js';

const isPattern = (text: string): boolean => text.length > 2 && text.startsWith('/') && text.endsWith('/');
const isRightPattern = (text: string): boolean => {
  try {
    return !isPattern(text) || new RegExp(text.slice(1, -1)) !== null;
  } catch {
    return false;
  }
};

const seriesEntries = {
  /** Name of the series; of several names the first that the page has. */
  match: v.union([v.pipe(v.string(), v.minLength(1)), v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(10))]),
  /** Label → its value, or `/pattern/` for the whole value. */
  labels: v.optional(
    v.record(v.string(), v.pipe(v.string(), v.maxLength(500), v.check(isRightPattern, 'must be a value or a right /pattern/'))),
    {},
  ),
};

export const metricPick = v.object({
  ...declaredEntries,
  ...seriesEntries,
  take: v.optional(v.picklist(['first', 'sum', 'max', 'count']), 'first'),
  /** Labels to keep: label of the page → label of the metric; one sample for each of their values. */
  by: v.optional(v.record(v.string(), v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_.]{0,39}$/))), {}),
});
type MetricPick = v.InferOutput<typeof metricPick>;

/** Where several series match, their sum. */
export const amountPick = v.object({
  ...seriesEntries,
  /** The page counts in units of ten to this many base units: nanoGLM of 18 decimals are 9. */
  shift: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(36)), 0),
});
export const epochPick = v.union([v.literal('drops'), v.object(seriesEntries)]);
export const tokenSettings = tokenEntries;

interface AmountConfig {
  name: string;
  amount?: v.InferOutput<typeof amountPick> | undefined;
  epoch?: v.InferOutput<typeof epochPick> | undefined;
  metrics: readonly MetricPick[];
  form: 'base' | 'whole';
  floor: boolean;
  token?: string | undefined;
  decimals?: number | undefined;
  account?: string | undefined;
  exact?: boolean | undefined;
  resets: 'never' | 'at_restart';
}

/** Samples that one pick may give: beyond that its labels are too fine. */
const MOST_SAMPLES = 200;

type SeriesPick = Pick<MetricPick, 'match' | 'labels'>;
const namesOf = ({ match }: SeriesPick): readonly string[] => (typeof match === 'string' ? [match] : match);

export const wantedNames = (c: AmountConfig): Set<string> => {
  const picks: SeriesPick[] = [...c.metrics, ...(c.amount ? [c.amount] : []), ...(typeof c.epoch === 'object' ? [c.epoch] : [])];
  return new Set(picks.flatMap(namesOf));
};

const matching = (series: readonly Series[], pick: SeriesPick): Series[] => {
  const tests = Object.entries(pick.labels).map(([label, text]) => ({ label, fits: testOf(text) }));
  for (const name of namesOf(pick)) {
    const named = series.filter((one) => one.name === name);
    if (named.length > 0) return named.filter(({ labels }) => tests.every(({ label, fits }) => fits(labels[label] ?? '')));
  }
  return [];
};

const testOf = (text: string): ((value: string) => boolean) => {
  if (!isPattern(text)) return (value) => value === text;
  const pattern = new RegExp(`^(?:${text.slice(1, -1)})$`);
  return (value) => pattern.test(value);
};

export const pickMetrics = (series: readonly Series[], pick: MetricPick): Sample[] => {
  const groups = new Map<string, { labels: Labels; values: number[] }>();
  for (const one of matching(series, pick)) {
    const value = numberOf(one.text);
    if (!Number.isFinite(value)) continue;
    const labels = Object.fromEntries(Object.entries(pick.by).map(([from, to]) => [to, (one.labels[from] ?? '').slice(0, 90)]));
    const key = JSON.stringify(labels);
    const group = groups.get(key) ?? { labels, values: [] };
    group.values.push(value);
    groups.set(key, group);
  }
  if (groups.size > MOST_SAMPLES)
    throw new AppError('bad_reply', `"${pick.metric}" would have ${groups.size} values; keep fewer labels in "by"`);
  return [...groups.values()].map(({ labels, values }) => sampleOf(pick, labels, values));
};

const sampleOf = ({ metric, take, scale }: MetricPick, labels: Labels, values: readonly number[]): Sample => {
  const sum = values.reduce((total, one) => total + one, 0);
  const value = scaled({ first: values[0] ?? 0, sum, max: Math.max(...values), count: values.length }[take], scale);
  return Object.keys(labels).length > 0 ? { metric, labels, value } : { metric, value };
};

/** Missing, NaN and infinite are no reading, never a zero. */
export const pickAmount = (series: readonly Series[], c: AmountConfig, memory: NetworkMemory): ReadingDraft | null => {
  const { amount, token, decimals, account } = c;
  if (!amount || token === undefined || decimals === undefined || account === undefined) return null;
  const found = matching(series, amount);
  const amounts = found.flatMap(({ text }) => unitsOf(text, c) ?? []);
  if (amounts.length === 0 || amounts.length < found.length) return null;
  const units = amounts.reduce((sum, one) => sum + one, 0n);
  const epoch = c.resets === 'never' ? undefined : epochOf(series, c, { units, memory });
  if (c.resets === 'at_restart' && epoch === undefined) return null;
  const exact = c.exact ?? (c.epoch !== 'drops' && found.every(({ text }, index) => isExact(text, amounts[index] ?? 0n)));
  const stream = { network: c.name, account, token, decimals, exact };
  return { ...stream, kind: 'lifetime', amount: `${units}`, resets: c.resets, ...(epoch === undefined ? {} : { epoch }) };
};

const unitsOf = (text: string, c: AmountConfig): bigint | null => {
  const decimal = Number.isFinite(numberOf(text)) ? decimalOf(text) : null;
  if (decimal === null) return null;
  const units = toBaseUnits(decimal, c.form === 'base' ? (c.amount?.shift ?? 0) : (c.decimals ?? 0), { floor: c.floor });
  if (units < 0n) throw new AppError('bad_reply', `The amount is ${text.slice(0, 40)}; a lifetime amount is never negative`);
  return units;
};

/** The format carries doubles; only more digits than one has tell of a writer that keeps them all. */
const isExact = (text: string, units: bigint): boolean =>
  units <= BigInt(Number.MAX_SAFE_INTEGER) || (!/e/i.test(text) && text.replace(/^[+0.]+|\.|0+$/g, '').length > 17);

const drops = v.object({ epoch: v.number(), last: v.pipe(v.string(), v.regex(/^\d+$/)) });

/** Start of the process that counts; `drops` counts the times that the amount fell, for pages that tell no start. */
const epochOf = (
  series: readonly Series[],
  { epoch }: AmountConfig,
  { units, memory }: { units: bigint; memory: NetworkMemory },
): string | undefined => {
  if (epoch !== 'drops') return epoch && matching(series, epoch)[0]?.text.slice(0, 80);
  const before = v.safeParse(drops, memory.get());
  const count = !before.success ? 1 : before.output.epoch + (units < BigInt(before.output.last) ? 1 : 0);
  if (!before.success || before.output.last !== `${units}`) memory.put({ epoch: count, last: `${units}` });
  return `${count}`;
};
