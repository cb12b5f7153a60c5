import { AppError } from '../../errors.js';
import type { Http } from '../../http.js';
import { textOf } from '../../json-path.js';
import { NumberText, parseLossless } from '../../lossless.js';
import { refuseStatus } from '../../refuse-status.js';
import { field } from './json-field.js';

/** Lifetime rewards per hotspot from a rewards oracle, in base units. */
export interface OracleQuestion {
  http: Http;
  url: string;
  /** For operators to whom Helium gave a key past the rate limit. */
  api_key?: string | undefined;
  /** At most 100. */
  keys: readonly string[];
  now: number;
  signal: AbortSignal;
}

const TIMEOUT_MS = 5_000;
/** A sum of base units, as the wire rules of reward counters want it. */
const AMOUNT = /^(0|[1-9]\d{0,38})$/;

/** A key that is unknown, or whose figure is none, is left out: the oracle leaves keys out when it is in trouble, too. */
export const readLifetimes = async (question: OracleQuestion): Promise<Map<string, bigint>> => {
  const { http, url, api_key, keys, now, signal } = question;
  const reply = await http.request({
    url: `${url.replace(/\/+$/, '')}/bulk-rewards`,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(api_key === undefined ? {} : { 'x-api-key': api_key }) },
    body: JSON.stringify({ entityKeys: keys }),
    timeout_ms: TIMEOUT_MS,
    signal,
  });
  refuseStatus(reply, now, 'The rewards oracle');
  const rewards = field(parseLossless(reply.text), 'currentRewards');
  if (typeof rewards !== 'object' || rewards === null || Array.isArray(rewards) || rewards instanceof NumberText) {
    throw new AppError('bad_reply', 'The rewards oracle answered without "currentRewards" by hotspot key');
  }
  const amounts = new Map<string, bigint>();
  for (const key of keys) {
    const text = textOf(field(rewards, key));
    if (text !== null && AMOUNT.test(text)) amounts.set(key, BigInt(text));
  }
  return amounts;
};

/** Per key what the chain's program takes of several oracles: sorted, the one at the middle, the upper of two. */
export const medianOf = (answers: readonly ReadonlyMap<string, bigint>[]): Map<string, bigint> => {
  const keys = new Set(answers.flatMap((answer) => [...answer.keys()]));
  return new Map(
    [...keys].flatMap((key) => {
      const sorted = answers.flatMap((answer) => answer.get(key) ?? []).sort((a, b) => (a < b ? -1 : 1));
      const middle = sorted[Math.floor(sorted.length / 2)];
      return middle === undefined ? [] : [[key, middle] as const];
    }),
  );
};
