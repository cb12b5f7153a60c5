import * as v from 'valibot';

/** What a Solana transaction moved of one token, and which part of it is income. Pure; amounts are u64 texts at the node. */
const balance = v.object({
  accountIndex: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  mint: v.string(),
  owner: v.nullish(v.string()),
  uiTokenAmount: v.object({ amount: v.pipe(v.string(), v.regex(/^\d{1,20}$/)), decimals: v.number() }),
});
const balances = v.nullish(v.array(balance));
const key = v.union([v.string(), v.object({ pubkey: v.string() })]);

export const transaction = v.object({
  slot: v.number(),
  blockTime: v.nullish(v.number()),
  meta: v.object({
    err: v.optional(v.unknown()),
    preTokenBalances: balances,
    postTokenBalances: balances,
    loadedAddresses: v.nullish(v.object({ writable: v.array(v.string()), readonly: v.array(v.string()) })),
  }),
  transaction: v.object({ message: v.object({ accountKeys: v.array(key) }) }),
});
export type SplTransaction = v.InferOutput<typeof transaction>;

/** A token account in a transaction: its place in it, and what it held before and after. */
export interface Move {
  index: number;
  account: string;
  owner: string | null;
  decimals: number;
  before: bigint;
  after: bigint;
}

/** By token account; null where the node recorded no balances: missing is not zero. */
export const movesOf = ({ meta, transaction: { message } }: SplTransaction, mint: string): Move[] | null => {
  const { preTokenBalances: before, postTokenBalances: after, loadedAddresses: loaded } = meta;
  if (!before || !after) return null;
  const keys = message.accountKeys.map((one) => (typeof one === 'string' ? one : one.pubkey));
  // Plain `json` leaves out what came by lookup tables; `jsonParsed` has it in the list already.
  if (typeof message.accountKeys[0] === 'string' && loaded) keys.push(...loaded.writable, ...loaded.readonly);
  const moves = new Map<number, Move>();
  for (const one of [...before, ...after]) {
    const account = keys[one.accountIndex];
    if (one.mint !== mint || account === undefined || moves.has(one.accountIndex)) continue;
    const amountIn = (list: typeof before) =>
      BigInt(list.find((two) => two.accountIndex === one.accountIndex && two.mint === mint)?.uiTokenAmount.amount ?? 0);
    const { accountIndex: index, owner = null, uiTokenAmount } = one;
    const { decimals } = uiTokenAmount;
    moves.set(index, { index, account, owner, decimals, before: amountIn(before), after: amountIn(after) });
  }
  return [...moves.values()].sort((a, b) => a.index - b.index);
};

export interface Parties {
  /** Owners whose income is read. */
  wallets: ReadonlySet<string>;
  /** Single token accounts whose income is read. */
  accounts: ReadonlySet<string>;
  /** Others of the same operator: what comes from them is no income. */
  own: ReadonlySet<string>;
  /** Who pays income; empty: everyone. */
  payers: ReadonlySet<string>;
}

/** Income of one token account, booked under the wallet or account that the operator named. */
export interface Credit {
  index: number;
  to: string;
  amount: bigint;
}

/** Income is what came in beyond what the operator's own accounts gave, and of that what the payers gave. */
export const incomeOf = (moves: readonly Move[], parties: Parties): { credits: Credit[]; other: bigint } => {
  const deltaOf = (move: Move) => move.after - move.before;
  const gaveBy = (is: (move: Move) => boolean) =>
    moves.filter((move) => deltaOf(move) < 0n && is(move)).reduce((sum, move) => sum - deltaOf(move), 0n);
  let own = gaveBy((move) => isOwn(move, parties));
  let paid = gaveBy((move) => isOf(move, parties.payers));
  let other = 0n;
  const credits: Credit[] = [];
  for (const move of moves) {
    const to = bookedUnder(move, parties);
    const came = deltaOf(move);
    if (to === null || came <= 0n) continue;
    const fresh = came - least(came, own);
    own -= came - fresh;
    const amount = parties.payers.size > 0 ? least(fresh, paid) : fresh;
    paid -= least(amount, paid);
    other += fresh - amount;
    if (amount > 0n) credits.push({ index: move.index, to, amount });
  }
  return { credits, other };
};

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const isOf = ({ account, owner }: Move, set: ReadonlySet<string>): boolean =>
  set.has(account) || (owner !== null && set.has(owner));
const isOwn = (move: Move, { wallets, accounts, own }: Parties): boolean =>
  isOf(move, wallets) || accounts.has(move.account) || isOf(move, own);
const bookedUnder = ({ account, owner }: Move, { wallets, accounts }: Parties): string | null => {
  if (owner !== null && wallets.has(owner)) return owner;
  return accounts.has(account) ? account : null;
};
