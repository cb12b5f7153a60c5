import * as v from 'valibot';
import type { Labels, Sample } from '../../metrics.js';
import { formatUnits } from '../../money.js';
import { sample } from '../../parse.js';
import {
  type Answer,
  amountAt,
  at,
  bitsOf,
  countBits,
  keyParam,
  listAt,
  type Tipset,
  textAt,
  wholeAt,
} from './filecoin-reply.js';
import type { JsonRpc, RpcCall } from './json-rpc.js';

/** Health of one miner as its full node tells it. What a gateway does not know is left out, never shown as zero. */
export const postMemory = v.object({
  /** The deadline as last seen open, by its first epoch, with the partitions still without a proof and the faults among its sectors. */
  open: v.number(),
  index: v.number(),
  unproven: v.number(),
  faulty: v.number(),
  missed: v.number(),
});
export type PostMemory = v.InferOutput<typeof postMemory>;

export interface MinerHealth {
  samples: Sample[];
  post: PostMemory | null;
  /** Height at which one of the deadlines closes. */
  close: number | null;
}

export interface HealthNeeds {
  rpc: JsonRpc;
  miner: string;
  head: Tipset;
  post: PostMemory | null;
  /** On every sample: tells miners of one device apart. */
  labels: Labels;
}

const EPOCH_S = 30;
/** So near its end a proof that is not on the chain yet is late. */
const LATE_EPOCHS = 10;

const METHODS = [
  'StateMinerPower',
  'StateMinerSectorCount',
  'StateMinerRecoveries',
  'StateMinerProvingDeadline',
  'StateMinerDeadlines',
  'StateMinerInfo',
  'StateMinerAvailableBalance',
  'StateReadState',
] as const;
type Method = (typeof METHODS)[number];
type Answers = Record<Method, Answer>;

export const readHealth = async (needs: HealthNeeds): Promise<MinerHealth> => {
  const { rpc, miner } = needs;
  const replies = await rpc.batch(METHODS.map((method) => [`Filecoin.${method}`, [miner, []]] as const));
  const answers = Object.fromEntries(METHODS.map((method, index) => [method, replies[index]])) as Answers;
  const post = await readPost(needs, answers);
  const samples = [
    ...powerOf(answers.StateMinerPower),
    ...sectorsOf(answers),
    ...balancesOf(answers),
    ...(await walletsOf(needs, answers.StateMinerInfo)),
    ...post.samples,
  ];
  const labelled = samples.map((one) => withLabels(one, needs.labels));
  return { samples: labelled, post: post.memory, close: wholeAt(answers.StateMinerProvingDeadline, 'Close') };
};

const withLabels = (one: Sample, labels: Labels): Sample =>
  Object.keys(labels).length === 0 ? one : { ...one, labels: { ...one.labels, ...labels } };

const asNumber = (amount: bigint | null): number | null => (amount === null ? null : Number(amount));
/** For a gauge only; what is earned stays a bigint. */
const asFil = (amount: bigint | null): number | null => (amount === null ? null : Number(formatUnits(amount, 18)));

const powerOf = (power: Answer): Sample[] => {
  const own = amountAt(power, 'MinerPower.QualityAdjPower');
  const all = amountAt(power, 'TotalPower.QualityAdjPower');
  const enough = at(power, 'HasMinPower');
  return [
    ...sample('power', asNumber(amountAt(power, 'MinerPower.RawBytePower')), { kind: 'raw' }),
    ...sample('power', asNumber(own), { kind: 'quality_adjusted' }),
    ...sample('network_power', asNumber(all), { kind: 'quality_adjusted' }),
    ...sample('power_share', own !== null && all ? Number((own * 10n ** 12n) / all) / 1e12 : null),
    ...sample('has_minimum_power', typeof enough === 'boolean' ? Number(enough) : null),
  ];
};

const sectorsOf = ({ StateMinerSectorCount: count, StateMinerRecoveries: recoveries }: Answers): Sample[] => [
  ...(['Live', 'Active', 'Faulty'] as const).flatMap((state) =>
    sample('sectors', wholeAt(count, state), { state: state.toLowerCase() }),
  ),
  ...sample('sectors', countBits(at(recoveries)), { state: 'recovering' }),
];

const balancesOf = ({ StateReadState: actor, StateMinerAvailableBalance: available }: Answers): Sample[] => {
  const [total, locked, pledge, precommit, debt] = [
    amountAt(actor, 'Balance'),
    ...['LockedFunds', 'InitialPledge', 'PreCommitDeposits', 'FeeDebt'].map((key) => amountAt(actor, `State.${key}`)),
  ];
  const kinds = { total, available: amountAt(available), locked, pledge, precommit, fee_debt: debt };
  return Object.entries(kinds).flatMap(([kind, amount]) => sample('balance', asFil(amount ?? null), { kind }));
};

const MOST_WALLETS = 10;

const walletsOf = async ({ rpc, miner, head }: HealthNeeds, info: Answer): Promise<Sample[]> => {
  const controls = (listAt(info, 'ControlAddresses') ?? []).map((node) => textAt(node));
  const named: [string, string | null][] = [
    ['owner', textAt(info, 'Owner')],
    ['worker', textAt(info, 'Worker')],
    ...controls.map((address, index): [string, string | null] => [`control-${index + 1}`, address]),
  ];
  const wallets = named.filter((pair): pair is [string, string] => pair[1] !== null).slice(0, MOST_WALLETS);
  const calls: RpcCall[] = wallets.map(([, address]) => ['Filecoin.WalletBalance', [address]]);
  calls.push(['Filecoin.MinerGetBaseInfo', [miner, head.height, keyParam(head.key)]]);
  const replies = await rpc.batch(calls);
  const base = at(replies[wallets.length]);
  const fault = wholeAt(info, 'ConsensusFaultElapsed');
  const eligible = base === null ? false : at(base, 'EligibleForMining');
  return [
    ...wallets.flatMap(([wallet], index) => sample('wallet_balance', asFil(amountAt(replies[index])), { wallet })),
    ...sample('eligible_to_mine', typeof eligible === 'boolean' ? Number(eligible) : null),
    ...sample('consensus_fault', fault === null ? null : Number(fault > head.height)),
  ];
};

interface Post {
  samples: Sample[];
  memory: PostMemory | null;
}

/** WindowPoSt: what is still to be proven before the deadline closes, and what was missed in the one before. */
const readPost = async (needs: HealthNeeds, answers: Answers): Promise<Post> => {
  const deadline = answers.StateMinerProvingDeadline;
  const index = wholeAt(deadline, 'Index');
  const open = wholeAt(deadline, 'Open');
  const close = wholeAt(deadline, 'Close');
  if (index === null || open === null || close === null) return { samples: [], memory: needs.post };
  const now = wholeAt(deadline, 'CurrentEpoch') ?? needs.head.height;
  const left = Math.max(0, close - now);
  const samples = [...sample('deadline', index), ...sample('deadline_closes_in', left * EPOCH_S)];
  const before = needs.post && needs.post.open !== open ? needs.post : null;
  const [current, last] = await needs.rpc.batch([
    partitionsOf(needs.miner, index),
    ...(before ? [partitionsOf(needs.miner, before.index)] : []),
  ]);
  const proven = bitsOf(at(listAt(answers.StateMinerDeadlines)?.[index], 'PostSubmissions'));
  const view = viewOf(current, proven);
  // A gateway does not tell the partitions: then nothing is known of what is missing.
  if (!view) return { samples, memory: needs.post };
  const missed = (needs.post?.missed ?? 0) + (before ? missedIn(before, last) : 0);
  const { partitions, unproven, faulty } = view;
  return {
    samples: [
      ...samples,
      ...sample('deadline_partitions', partitions),
      ...sample('deadline_unproven', unproven),
      ...sample('window_post_late', Number(unproven > 0 && left <= LATE_EPOCHS)),
      // The clock runs only while a proof is missing.
      ...(unproven > 0 ? sample('window_post_missed_in', left * EPOCH_S) : []),
      ...sample('window_post_missed', missed),
    ],
    memory: { open, index, unproven, faulty, missed },
  };
};

const partitionsOf = (miner: string, index: number): RpcCall => ['Filecoin.StateMinerPartitions', [miner, index, []]];

/** Partitions without a sector that could be proven need no proof. */
const viewOf = (answer: Answer, proven: readonly number[] | null) => {
  const partitions = listAt(answer);
  if (!partitions || !proven) return null;
  const bits = (key: string) => partitions.map((one) => countBits(at(one, key)) ?? 0);
  const [live, faulty, recovering] = [bits('LiveSectors'), bits('FaultySectors'), bits('RecoveringSectors')];
  const needed = partitions.flatMap((_, index) =>
    (live[index] ?? 0) - (faulty[index] ?? 0) + (recovering[index] ?? 0) > 0 ? [index] : [],
  );
  const unproven = needed.filter((index) => !proven.includes(index)).length;
  return { partitions: needed.length, unproven, faulty: faulty.reduce((sum, count) => sum + count, 0) };
};

/** Submissions are cleared at the close, so faults tell: a proof may have come after the last look. */
const missedIn = (before: PostMemory, answer: Answer): number => {
  const faulty = listAt(answer)?.reduce((sum, one) => sum + (countBits(at(one, 'FaultySectors')) ?? 0), 0) ?? 0;
  return before.unproven > 0 && faulty > before.faulty ? before.unproven : 0;
};
