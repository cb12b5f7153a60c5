import * as v from 'valibot';
import { type AppError, asAppError } from '../../errors.js';
import type { Log } from '../../log.js';
import { lightReward } from './filecoin-light.js';
import { keyParam, type Tipset, tipsetOf } from './filecoin-reply.js';
import { entriesAbout, type Outcome, outcomeFor } from './filecoin-trace.js';
import type { JsonRpc } from './json-rpc.js';

/** Walks the finalised chain from where it stood and books what each tipset did to the miners. */
export interface WalkNeeds {
  rpc: JsonRpc;
  miners: readonly string[];
  /** `exact` computes tipsets and falls back to the formula where the node cannot; `light` uses the formula only. */
  mode: 'exact' | 'light';
  /** Miner → height at which one of its deadlines closes; daily fees are burnt then. Empty: fees are not read. */
  closes: ReadonlyMap<string, number>;
  finalised: Tipset;
  /** How far back the first walk begins, in epochs. */
  history_epochs: number;
  log: Log;
}

/** An amount of "0" withdraws an entry of a block that is no longer part of the chain. */
export interface WalkEntry {
  miner: string;
  id: string;
  ts: number;
  amount: bigint;
  exact: boolean;
}

export const walkMemory = v.object({
  height: v.number(),
  /** Of the last tipset at or below `height`; empty: not known. */
  key: v.array(v.string()),
  /** Height of the last tipset, for the null rounds after it; null: not known. */
  tipset: v.nullable(v.number()),
  since: v.number(),
  /** How often the next tipset could not be computed. */
  tries: v.number(),
  /** The newest entries: what a change of the chain would withdraw. */
  booked: v.array(v.object({ miner: v.string(), id: v.string(), ts: v.number() })),
});
export type WalkMemory = v.InferOutput<typeof walkMemory>;

export interface WalkResult {
  memory: WalkMemory;
  entries: WalkEntry[];
  /** Tipsets whose exact amounts were given up. */
  estimated: number;
}

/** Heights per call: an hour of chain in one minute, in answers of about a megabyte. */
const MOST_HEIGHTS = 120;
/** Computing a tipset costs the node seconds and some ten megabytes. */
const MOST_COMPUTED = 4;
const COMPUTE = { timeout_ms: 9_000, max_bytes: 96_000_000, encoding: 'latin1' } as const;
const MOST_TRIES = 3;
/** Together with their ids below the 64 KB of a memory. */
const MOST_BOOKED = 250;
/** Beyond it a chain without fast finality never changes. */
export const FINALITY_EPOCHS = 900;
const CHALLENGE_WINDOW = 60;

/** Bounded work; a call that the signal ends in between keeps what is done. */
export const walk = async (needs: WalkNeeds, before: WalkMemory | null): Promise<WalkResult> => {
  const { finalised } = needs;
  const memory = before ?? begin(needs);
  const result: WalkResult = { memory, entries: [], estimated: 0 };
  const last = Math.min(finalised.height, memory.height + MOST_HEIGHTS);
  if (last <= memory.height) return result;
  const heights = Array.from({ length: last - memory.height }, (_, index) => memory.height + 1 + index);
  const calls = heights.map((height) => ['Filecoin.ChainGetTipSetByHeight', [height, keyParam(finalised.key)]] as const);
  const answers = await needs.rpc.batch(calls);
  let computed = 0;
  for (const [index, height] of heights.entries()) {
    const tipset = attempt(() => tipsetOf(answers[index]), index === 0);
    if (!tipset) return result;
    const found = tipset.height === height ? tipset : null;
    if (found && isOtherChain(result.memory, found)) return rewind(needs, result);
    const wanted = found ? interestIn(needs, found, result.memory) : [];
    if (wanted.length > 0 && ++computed > MOST_COMPUTED) return result;
    const done = found && wanted.length > 0 ? await settle(needs, { tipset: found, miners: wanted, memory: result.memory }) : [];
    if (done === null) return { ...result, memory: { ...result.memory, tries: result.memory.tries + 1 } };
    result.estimated += done.some((entry) => !entry.exact) ? 1 : 0;
    advance(result, { height, tipset: found, entries: done });
  }
  return result;
};

/** A broken answer after good ones ends this call; as the first one it is an error. */
const attempt = <T>(read: () => T, is_first: boolean): T | null => {
  try {
    return read();
  } catch (error) {
    if (is_first) throw error;
    return null;
  }
};

const begin = ({ finalised, history_epochs }: WalkNeeds): WalkMemory => {
  const start = { since: finalised.height, tries: 0, booked: [] };
  if (history_epochs === 0) return { ...start, height: finalised.height, tipset: finalised.height, key: finalised.key };
  const height = Math.max(0, finalised.height - history_epochs);
  return { ...start, since: height, height, tipset: null, key: [] };
};

const isOtherChain = (memory: WalkMemory, tipset: Tipset): boolean =>
  memory.key.length > 0 && memory.key.join() !== tipset.parents.join();

/** Something final was not: the last finality is walked once more, and what is gone is withdrawn on the way. */
const rewind = ({ log }: WalkNeeds, result: WalkResult): WalkResult => {
  const { memory } = result;
  const height = Math.max(memory.since, memory.height - FINALITY_EPOCHS);
  log.warn('The finalised chain changed; it is walked again', { from: height, to: memory.height });
  return { ...result, memory: { ...memory, height, tipset: null, key: [], tries: 0 } };
};

/** The miners that won a block here, or whose deadline closed in this tipset or the null rounds before it. */
const interestIn = ({ miners, mode, closes }: WalkNeeds, tipset: Tipset, memory: WalkMemory): string[] => {
  const from = memory.tipset ?? memory.height;
  const hasFee = (miner: string) => {
    const close = closes.get(miner);
    if (close === undefined || mode === 'light') return false;
    // The cron of the last epoch before the close burns the fee.
    const beyond = (((tipset.height + 1 - close) % CHALLENGE_WINDOW) + CHALLENGE_WINDOW) % CHALLENGE_WINDOW;
    return tipset.height - beyond > from;
  };
  return miners.filter((miner) => hasWon(tipset, miner) || hasFee(miner));
};

const hasWon = (tipset: Tipset, miner: string): boolean => tipset.blocks.some((block) => block.miner === miner);

interface Job {
  tipset: Tipset;
  miners: readonly string[];
  memory: WalkMemory;
}

/** The entries of a tipset; null: try again at the next call. */
const settle = async (needs: WalkNeeds, job: Job): Promise<WalkEntry[] | null> => {
  if (needs.mode === 'light') return estimateOrWait(needs, job);
  try {
    const outcomes = await compute(needs.rpc, job);
    return job.miners.flatMap((miner, index) => entriesOf(job.tipset, miner, outcomes[index]));
  } catch (error) {
    const failure = asAppError(error);
    if (!isFinal(failure) && job.memory.tries + 1 < MOST_TRIES) {
      needs.log.warn('A tipset could not be computed; it is tried again', { height: job.tipset.height, error: failure.message });
      return null;
    }
    needs.log.warn('Rewards of a tipset are estimated', { height: job.tipset.height, error: failure.message });
    return estimateOrWait(needs, job);
  }
};

const STATE_NOT_AVAILABLE = -32002;
/** A gateway without the method, a token that may not, a state that is gone: asking again helps nothing. */
const isFinal = ({ code, details }: AppError): boolean =>
  details['rpc_code'] !== undefined &&
  (code === 'not_found' || code === 'forbidden' || details['rpc_code'] === STATE_NOT_AVAILABLE);

const compute = async (rpc: JsonRpc, { tipset, miners }: Job): Promise<Outcome[]> => {
  const reply = await rpc.text('Filecoin.StateCompute', [tipset.height, [], keyParam(tipset.key)], COMPUTE);
  const entries = entriesAbout(reply, miners);
  const outcomes = miners.map((miner) => outcomeFor(entries, miner));
  const half = miners.find((miner, index) => hasWon(tipset, miner) && !outcomes[index]?.awarded);
  if (half !== undefined) throw new Error(`the trace of height ${tipset.height} holds no award of ${half}`);
  return outcomes;
};

const entriesOf = (tipset: Tipset, miner: string, outcome: Outcome | undefined): WalkEntry[] => {
  const base = { miner, ts: tipset.ts, exact: true };
  const reward = { ...base, id: rewardId(tipset, miner), amount: outcome?.reward ?? 0n };
  const burnt = { ...base, id: `${tipset.height}/${tipset.key[0]}/burnt`, amount: -(outcome?.burnt ?? 0n) };
  return [reward, burnt].filter((entry) => entry.amount !== 0n);
};

const rewardId = (tipset: Tipset, miner: string): string =>
  `${tipset.height}/${tipset.blocks.find((block) => block.miner === miner)?.cid}`;

const estimateOrWait = async (needs: WalkNeeds, job: Job): Promise<WalkEntry[] | null> => {
  const { tipset, miners, memory } = job;
  const winners = miners.filter((miner) => hasWon(tipset, miner));
  try {
    const entries: WalkEntry[] = [];
    for (const miner of winners) {
      const amount = await lightReward(needs.rpc, {
        tipset,
        miner,
        parent_height: memory.tipset,
        instead: insteadOf(needs, memory),
      });
      entries.push({ miner, id: rewardId(tipset, miner), ts: tipset.ts, amount, exact: false });
    }
    return entries;
  } catch (error) {
    needs.log.warn('A reward cannot be read yet', { height: tipset.height, error: asAppError(error).message });
    return null;
  }
};

/** A state that is gone for good must not hold the walk up: the reward of a later epoch differs by a few millionths a day. */
const insteadOf = ({ finalised }: WalkNeeds, memory: WalkMemory): Tipset | null =>
  memory.tries >= 2 * MOST_TRIES ? finalised : null;

/** Steps to `height`; entries that it held before and that are not part of it any more are withdrawn. */
const advance = (result: WalkResult, step: { height: number; tipset: Tipset | null; entries: readonly WalkEntry[] }) => {
  const { height, tipset, entries } = step;
  const { memory } = result;
  const gone = memory.booked.filter(({ id }) => {
    const [at, cid = ''] = id.split('/');
    return Number(at) === height && !tipset?.key.includes(cid);
  });
  for (const { miner, id, ts } of gone) result.entries.push({ miner, id, ts, amount: 0n, exact: true });
  result.entries.push(...entries);
  const fresh = entries.map(({ miner, id, ts }) => ({ miner, id, ts }));
  const kept = memory.booked.filter((one) => !gone.includes(one) && !entries.some((entry) => entry.id === one.id));
  result.memory = {
    ...memory,
    ...{ height, tries: 0, booked: [...kept, ...fresh].slice(-MOST_BOOKED) },
    ...(tipset ? { key: tipset.key, tipset: tipset.height } : {}),
  };
};
