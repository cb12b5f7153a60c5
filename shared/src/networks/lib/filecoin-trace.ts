import { AppError } from '../../errors.js';
import { type LosslessJson, parseLossless } from '../../lossless.js';
import { at, listAt, needAmount, textAt, wholeAt } from './filecoin-reply.js';
import { resultOf } from './json-rpc.js';

/** What a tipset did to one miner, out of the trace of `StateCompute`. */
export interface Outcome {
  /** Paid by the reward actor, in attoFIL; a payment that failed was burnt and is none. */
  reward: bigint;
  /** The reward actor spoke of this miner at all. */
  awarded: boolean;
  /** What the miner sent to the burn address: penalties, fault fees, daily fees. */
  burnt: bigint;
}

const REWARD_ACTOR = 'f02';
const BURN_ACTOR = 'f099';
const AWARD_BLOCK_REWARD = 2;
const APPLY_REWARDS = 14;
const SEND = 0;
/** Up to here a reply is parsed whole; a real one has tens of megabytes, of which a few kilobytes speak of us. */
const WHOLE_CHARS = 200_000;
const ENTRY = '{"MsgCid":';

/** The trace entries that name one of the miners. Lotus begins each with its message's CID, so a large reply is cut by search. */
export const entriesAbout = (reply: string, miners: readonly string[]): LosslessJson[] => {
  const first = reply.length > WHOLE_CHARS ? reply.indexOf(ENTRY) : -1;
  if (first < 0) return traceOf(parseLossless(reply));
  const end = reply.lastIndexOf(']');
  const entries: LosslessJson[] = [];
  for (let start = first; start >= 0 && start < end; ) {
    const next = reply.indexOf(ENTRY, start + ENTRY.length);
    const piece = reply.slice(start, next < 0 ? end : next);
    if (miners.some((miner) => piece.includes(`"${miner}"`))) entries.push(parseLossless(piece.replace(/,\s*$/, '')));
    start = next;
  }
  return entries;
};

const traceOf = (reply: LosslessJson): LosslessJson[] => {
  const trace = listAt(resultOf(reply, 1, 'StateCompute'), 'Trace');
  if (!trace) throw new AppError('bad_reply', 'The node computed a tipset but answered no trace');
  return trace;
};

export const outcomeFor = (entries: readonly LosslessJson[], miner: string): Outcome => {
  const outcome: Outcome = { reward: 0n, awarded: false, burnt: 0n };
  for (const entry of entries) {
    const trace = at(entry, 'ExecutionTrace');
    if (trace !== undefined) follow(trace, { miner, outcome, awarding: isAward(at(trace, 'Msg')) });
  }
  return outcome;
};

const isAward = (message: LosslessJson | undefined): boolean =>
  (textAt(message, 'To') ?? '').slice(1) === REWARD_ACTOR.slice(1) && wholeAt(message, 'Method') === AWARD_BLOCK_REWARD;

interface Visit {
  miner: string;
  outcome: Outcome;
  /** Inside of AwardBlockReward. */
  awarding: boolean;
}

/** A call that failed undid everything below it. */
const follow = (trace: LosslessJson, visit: Visit): void => {
  const message = at(trace, 'Msg');
  const { miner, outcome, awarding } = visit;
  const pays = awarding && textAt(message, 'To') === miner && wholeAt(message, 'Method') === APPLY_REWARDS;
  outcome.awarded ||= pays;
  if (wholeAt(trace, 'MsgRct.ExitCode') !== 0) return;
  if (pays) outcome.reward += needAmount(message, 'Value');
  if (isBurn(message, miner)) outcome.burnt += needAmount(message, 'Value');
  for (const call of listAt(trace, 'Subcalls') ?? []) follow(call, visit);
};

/** Network names differ by their first letter (f on the main network, t on test networks). */
const isBurn = (message: LosslessJson | undefined, miner: string): boolean =>
  textAt(message, 'From') === miner &&
  (textAt(message, 'To') ?? '').slice(1) === BURN_ACTOR.slice(1) &&
  wholeAt(message, 'Method') === SEND;
