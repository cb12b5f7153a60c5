import * as v from 'valibot';
import { AppError, asAppError } from '../../errors.js';
import { type Http, type HttpReply, safeAddress } from '../../http.js';
import { parseLossless } from '../../lossless.js';
import { amountAt, textAt, wholeAt } from './filecoin-reply.js';
import { retryAfterMs } from './json-rpc.js';

/** Filfox's lifetime total of a miner: a cross-check beside the walk, asked seldom; its failures concern nobody else. */
export const filfoxMemory = v.object({ next: v.number(), failures: v.number() });
export type FilfoxMemory = v.InferOutput<typeof filfoxMemory>;

export interface FilfoxTotal {
  amount: bigint;
  /** Until when it counts, and since when the miner exists; ms. */
  as_of: number;
  created: number;
}

export interface FilfoxNeeds {
  http: Http;
  url: string;
  miner: string;
  memory: FilfoxMemory | null;
  now: number;
  signal: AbortSignal;
}

export interface FilfoxAnswer {
  memory: FilfoxMemory;
  total: FilfoxTotal | null;
  error: AppError | null;
}

const EVERY_MS = 900_000;
const LONGEST_MS = 21_600_000;
const TIMEOUT_MS = 4_000;

/** Null while it is not due. */
export const askFilfox = async (needs: FilfoxNeeds): Promise<FilfoxAnswer | null> => {
  const { memory, now } = needs;
  if (memory && now < memory.next) return null;
  try {
    const total = await readTotal(needs);
    return { memory: { next: now + EVERY_MS, failures: 0 }, total, error: null };
  } catch (thrown) {
    const error = asAppError(thrown);
    const failures = Math.min((memory?.failures ?? 0) + 1, 20);
    const wait = Math.max(Number(error.details['retry_after_ms'] ?? 0), Math.min(EVERY_MS * 2 ** (failures - 1), LONGEST_MS));
    return { memory: { next: now + wait, failures }, total: null, error };
  }
};

const readTotal = async ({ http, url, miner, signal }: FilfoxNeeds): Promise<FilfoxTotal> => {
  const address = `${url.replace(/\/+$/, '')}/address/${miner}`;
  const headers = { accept: 'application/json' };
  const reply = await http.request({ url: address, headers, signal, timeout_ms: TIMEOUT_MS, max_bytes: 1_000_000 });
  if (reply.status !== 200) throw refusal(reply, address, miner);
  const json = parseLossless(reply.text);
  const amount = amountAt(json, 'miner.totalRewards');
  const seconds = wholeAt(json, 'timestamp');
  if (amount === null || amount < 0n || seconds === null || textAt(json, 'id') !== miner)
    throw new AppError('bad_reply', `${safeAddress(address)} answered nothing about the rewards of ${miner}`);
  return { amount, as_of: seconds * 1_000, created: (wholeAt(json, 'createTimestamp') ?? seconds) * 1_000 };
};

const refusal = ({ status, headers }: HttpReply, address: string, miner: string): AppError => {
  const wait = retryAfterMs(headers['retry-after']);
  if (status === 429)
    return new AppError('too_many', `${safeAddress(address)} says there were too many requests`, { retry_after_ms: wait ?? 0 });
  if (status === 404) return new AppError('not_found', `Filfox knows no miner ${miner}; check its id`, { status });
  return new AppError('bad_reply', `${safeAddress(address)} answered with status ${status}`, { status });
};
