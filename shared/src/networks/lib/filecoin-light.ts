import { AppError } from '../../errors.js';
import type { LosslessJson } from '../../lossless.js';
import { amountAt, at, keyParam, listAt, needAmount, type Tipset, textAt, tipsetOf } from './filecoin-reply.js';
import type { JsonRpc } from './json-rpc.js';

/**
 * The reward of a miner in a tipset by formula, for gateways that do not compute tipsets: the share of the epoch's reward by win
 * count, and the tips of the messages that the miner's block brought first. It does not see penalties, a payment that was burnt,
 * nor a message that paid a penalty in place of a tip: always an estimate.
 */
export const lightReward = async (rpc: JsonRpc, { tipset, miner, parent_height, instead }: LightJob): Promise<bigint> => {
  const own = tipset.blocks.filter((block) => block.miner === miner);
  const wins = own.reduce((sum, block) => sum + block.wins, 0);
  if (instead) return baseByEpoch(rpc, instead, wins);
  // Null rounds before the tipset move the epoch's reward once more before it is paid; then only the difference tells.
  const followed = parent_height === tipset.height - 1;
  const base = followed ? await baseByEpoch(rpc, tipset, wins) : await baseByDifference(rpc, tipset, wins);
  let tips = 0n;
  for (const block of own) tips += await tipsOf(rpc, tipset, block.cid);
  return base + tips;
};

export interface LightJob {
  tipset: Tipset;
  miner: string;
  /** Height of the tipset before; null: not known. */
  parent_height: number | null;
  /** Whose epoch is taken where the state of the tipset is gone for good. */
  instead: Tipset | null;
}

const REWARD_ACTOR = '02';
/** Leaders that an epoch expects: the divisor of its reward. */
const LEADERS = 5n;

const rewardState = (rpc: JsonRpc, tipset: Tipset) => {
  const prefix = tipset.blocks[0]?.miner[0] ?? 'f';
  return rpc.call('Filecoin.StateReadState', [`${prefix}${REWARD_ACTOR}`, keyParam(tipset.key)]);
};

/** Reads the state before the tipset, which is what pays it. */
const baseByEpoch = async (rpc: JsonRpc, tipset: Tipset, wins: number): Promise<bigint> =>
  (needAmount(await rewardState(rpc, tipset), 'State.ThisEpochReward') * BigInt(wins)) / LEADERS;

const baseByDifference = async (rpc: JsonRpc, tipset: Tipset, wins: number): Promise<bigint> => {
  const child = tipsetOf(await rpc.call('Filecoin.ChainGetTipSetAfterHeight', [tipset.height + 1, []]));
  const paid = async (one: Tipset) => needAmount(await rewardState(rpc, one), 'State.TotalStoragePowerReward');
  const all = tipset.blocks.reduce((sum, block) => sum + block.wins, 0);
  if (all === 0) throw new AppError('bad_reply', 'The blocks of a tipset hold no win counts');
  return (((await paid(child)) - (await paid(tipset))) * BigInt(wins)) / BigInt(all);
};

interface Message {
  cid: string;
  tip: bigint;
}

/** A message counts for the first block of the tipset that holds it. */
const tipsOf = async (rpc: JsonRpc, tipset: Tipset, own: string): Promise<bigint> => {
  const seen = new Set<string>();
  for (const { cid } of tipset.blocks) {
    const reply = await rpc.call('Filecoin.ChainGetBlockMessages', [{ '/': cid }]);
    const messages = messagesOf(reply, tipset.base_fee ?? 0n);
    const fresh = messages.filter((message) => !seen.has(message.cid));
    if (cid === own) return fresh.reduce((sum, message) => sum + message.tip, 0n);
    for (const message of fresh) seen.add(message.cid);
  }
  return 0n;
};

const messagesOf = (reply: LosslessJson, base_fee: bigint): Message[] => {
  const bls = listAt(reply, 'BlsMessages') ?? [];
  const secpk = (listAt(reply, 'SecpkMessages') ?? []).map((signed) => at(signed, 'Message') ?? null);
  // Lotus writes an empty list as null.
  const cids = listAt(reply, 'Cids') ?? [];
  const messages = [...bls, ...secpk];
  if (cids.length !== messages.length) throw new AppError('bad_reply', 'The node answered half the messages of a block');
  return messages.map((message, index) => ({ cid: textAt(cids[index], '/') ?? `${index}`, tip: tipOf(message, base_fee) }));
};

/** As the virtual machine reckons it: the premium, as far as the fee cap leaves room above the base fee. */
const tipOf = (message: LosslessJson, base_fee: bigint): bigint => {
  const cap = needAmount(message, 'GasFeeCap');
  const paid = base_fee < cap ? base_fee : cap;
  const premium = needAmount(message, 'GasPremium');
  const room = cap - paid;
  return (premium < room ? premium : room) * (amountAt(message, 'GasLimit') ?? 0n);
};
