import { AppError, asAppError } from '@muster/shared/errors';
import { type LosslessJson, NumberText, parseLossless } from '@muster/shared/lossless';
import type { NetworkDeclaration } from '@muster/shared/network';
import json from '@muster/shared/networks/json';
import { type NetworkCase, playCase } from '@muster/shared/testing/network';

/** What a recorded reply of a service tells: where its amount stands, and what of it can be a metric. */
export interface Recorded {
  url: string;
  /** The reply itself. */
  text: string;
  /** Path to the amount; null when nothing looks like one. */
  amount: string | null;
  form: 'base' | 'whole';
  metrics: { path: string; metric: string; kind: 'number' | 'flag' }[];
}

interface Leaf {
  path: string;
  node: LosslessJson;
}

const MOST_METRICS = 20;
const MOST_LEAVES = 2_000;
/** Best first: what a lifetime total is called. */
const AMOUNT_WORDS: readonly RegExp[] = [
  /(total|lifetime|cumulative).*(earn|reward|payout|received|income|amount)|(earn|reward|payout|received|income|amount).*(total|lifetime|cumulative)/,
  /earn|reward|payout|income/,
  /received|amount|balance|total/,
];

export const readRecorded = (text: string, url: string): Recorded => {
  const leaves = leavesOf(parseReply(text), '').slice(0, MOST_LEAVES);
  const amounts = leaves.filter(({ node }) => /^\d+(\.\d+)?$/.test(textOf(node)));
  const amount =
    AMOUNT_WORDS.flatMap((word) => amounts.filter(({ path }) => word.test(path.toLowerCase()))).sort(byDigits)[0] ?? null;
  const metrics = leaves
    .filter(({ path, node }) => path !== amount?.path && (node instanceof NumberText || typeof node === 'boolean'))
    .map(({ path, node }) => ({
      path,
      metric: nameOf(path),
      kind: typeof node === 'boolean' ? ('flag' as const) : ('number' as const),
    }));
  const distinct = metrics.filter(({ metric }, index) => metrics.findIndex((one) => one.metric === metric) === index);
  if (!amount && distinct.length === 0)
    throw new AppError('bad_request', 'The recorded reply has neither a number nor true or false in it; record another one');
  const form = amount && textOf(amount.node).includes('.') ? 'whole' : 'base';
  return { url, text, amount: amount?.path ?? null, form, metrics: distinct.slice(0, MOST_METRICS) };
};

const parseReply = (text: string): LosslessJson => {
  try {
    return parseLossless(text);
  } catch (error) {
    throw new AppError('bad_request', `The recorded reply cannot be used: ${asAppError(error).message}`);
  }
};

/** Among equally named ones the text in base units, which has most digits and no point. */
const byDigits = (a: Leaf, b: Leaf): number =>
  rankOf(a) - rankOf(b) ||
  Number(textOf(a.node).includes('.')) - Number(textOf(b.node).includes('.')) ||
  isNumber(a) - isNumber(b);
const rankOf = ({ path }: Leaf): number => AMOUNT_WORDS.findIndex((word) => word.test(path.toLowerCase()));
const isNumber = ({ node }: Leaf): number => Number(node instanceof NumberText);

const textOf = (node: LosslessJson): string => (node instanceof NumberText ? node.text : typeof node === 'string' ? node : '');

/** Plain values with their paths; lists by index, and only their first item: the rest differs from device to device. */
const leavesOf = (node: LosslessJson, path: string): Leaf[] => {
  if (node === null || typeof node !== 'object' || node instanceof NumberText) return path === '' ? [] : [{ path, node }];
  if (Array.isArray(node)) return node.slice(0, 1).flatMap((item, index) => leavesOf(item, `${path}[${index}]`));
  return Object.entries(node)
    .filter(([key]) => /^[^.[\]=]+$/.test(key))
    .flatMap(([key, value]) => leavesOf(value, path === '' ? key : `${path}.${key}`));
};

const nameOf = (path: string): string => {
  const words = path
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_');
  return words.replace(/^[^a-z]+|_+$/g, '').slice(0, 79) || 'value';
};

/** What the general kind picks from the reply by these paths: the expectation of a fixture. */
export const expectationOf = async (id: string, recorded: Recorded) => {
  const { url, text, amount, form, metrics } = recorded;
  const token = amount === null ? {} : { extract: amount, form, token: 'TOKEN', decimals: 18, account: 'account-1' };
  const config = { name: id, url, ...token, metrics: metrics.map(({ path, metric }) => ({ path, metric })) };
  const one: NetworkCase = { name: id, config, http: [{ url, reply: { text } }], expect: {} };
  const { reply } = await playCase(json as NetworkDeclaration, one);
  return {
    samples: reply && 'samples' in reply ? (reply.samples ?? []) : [],
    readings: reply && 'readings' in reply ? (reply.readings ?? []) : [],
  };
};
