import * as v from 'valibot';
import { AppError } from '../../errors.js';
import { askRpc, hostOf, type RpcWay } from './spl-rpc.js';
import { movesOf, type SplTransaction, transaction } from './spl-transfers.js';

/**
 * Reads the finalised transactions of one token account from the newest down to the one that was read last. It looks for that one
 * itself in place of asking `until`: a node that does not know it answers an error, the newest thousand, or nothing, by its version.
 */
const mark = v.object({ signature: v.string(), slot: v.number(), balance: v.nullable(v.string()) });

export const accountState = v.object({
  /** The newest transaction of the last walk that came to its end. */
  done: v.nullable(mark),
  walk: v.nullable(
    v.object({
      top: mark,
      /** Everything from `top` to this one is read. */
      before: v.nullable(v.string()),
      /** What the next older transaction must leave in the account, when nothing is left out. */
      expects: v.nullable(v.string()),
      /** How often a node said that there is nothing older, though there must be. */
      short: v.number(),
    }),
  ),
  /** Places where transactions are missing at every node that was asked. */
  gaps: v.number(),
});
export type AccountState = v.InferOutput<typeof accountState>;
export const newAccount = (): AccountState => ({ done: null, walk: null, gaps: 0 });

const row = v.object({
  signature: v.string(),
  slot: v.number(),
  err: v.optional(v.unknown()),
  blockTime: v.nullish(v.number()),
});
type Row = v.InferOutput<typeof row>;

export interface Walker {
  way: RpcWay;
  account: string;
  mint: string;
  /** What the account holds now; null: not known. */
  balance: string | null;
  /** Nothing before this time is read. */
  since: number;
  /** False once this read has had its time or its requests. */
  mayGoOn(): boolean;
  take(signature: string, ts: number, found: SplTransaction): void;
}

/** Rows asked at once: the usual answer holds few new ones, a first read many. */
const FEW = 100;
const MANY = 1_000;
/** A node of a pool may not know yet where the reading stands; three reads in a row make it sure. */
const SURE = 3;

/** Changes `state`, which may be kept at any point. `paused` goes on at the next read, `short` may be tried at another node. */
export const walkAccount = async (state: AccountState, walker: Walker): Promise<'done' | 'paused' | 'short'> => {
  for (;;) {
    if (!walker.mayGoOn()) return 'paused';
    const rows = await signatures(state, walker);
    if (!state.walk && !begin(state, rows, walker)) return 'done';
    if (rows.length === 0) return endOfHistory(state, walker);
    for (const one of rows) {
      if (isFloor(state, one, walker)) return finish(state, state.done?.balance ?? null);
      if (!(await pass(state, one, walker))) return 'paused';
    }
  }
};

const signatures = async (state: AccountState, { way, account }: Walker): Promise<Row[]> => {
  const before = state.walk?.before ? { before: state.walk.before } : {};
  const limit = state.done && !state.walk ? FEW : MANY;
  const reply = await askRpc(way, 'getSignaturesForAddress', [account, { limit, commitment: 'finalized', ...before }]).catch(
    asEnd,
  );
  const parsed = v.safeParse(v.array(row), reply);
  if (!parsed.success) throw new AppError('bad_reply', `${hostOf(way.url)} answered no list of signatures`);
  return parsed.output;
};

/** A node that does not know `before` has nothing to give below it: older ones say so by an empty list. */
const NOT_FOUND = -32_020;
const asEnd = (error: unknown): unknown => {
  if (error instanceof AppError && error.details['rpc_code'] === NOT_FOUND) return [];
  throw error;
};

/** False: nothing is new. */
const begin = (state: AccountState, [newest]: readonly Row[], { way, account, balance }: Walker): boolean => {
  const { done } = state;
  if (!newest) {
    const is_quiet = done ? balance !== null && balance === done.balance : balance === null || balance === '0';
    if (is_quiet) return false;
    throw new AppError(
      'bad_reply',
      `${hostOf(way.url)} answers no history of ${account}, which has some; set a node with long-term storage in "urls"`,
    );
  }
  if (done && newest.signature === done.signature) return false;
  if (done && newest.slot < done.slot)
    throw new AppError('busy', `${hostOf(way.url)} is behind what was read before (slot ${newest.slot} of ${done.slot})`);
  state.walk = { top: { ...pick(newest), balance: null }, before: null, expects: null, short: 0 };
  return true;
};

const pick = ({ signature, slot }: Row) => ({ signature, slot });
const isFloor = ({ done }: AccountState, one: Row, { since }: Walker): boolean => {
  if (done) return one.signature === done.signature || one.slot < done.slot;
  return typeof one.blockTime === 'number' && one.blockTime * 1_000 < since;
};

/** Reads one transaction; false: no time left for it. */
const pass = async (state: AccountState, one: Row, walker: Walker): Promise<boolean> => {
  const { walk } = state;
  if (!walk) return false;
  if (one.err === null || one.err === undefined) {
    if (!walker.mayGoOn()) return false;
    const found = await readTransaction(one, walker);
    if (found.meta.err === null || found.meta.err === undefined) {
      walker.take(one.signature, await timeOf(one, found, walker), found);
      follow(state, found, walker);
    }
  }
  walk.before = one.signature;
  walk.short = 0;
  return true;
};

const readTransaction = async ({ signature }: Row, { way }: Walker): Promise<SplTransaction> => {
  const options = { encoding: 'jsonParsed', commitment: 'finalized', maxSupportedTransactionVersion: 0 };
  const reply = await askRpc(way, 'getTransaction', [signature, options]);
  if (reply === null)
    throw new AppError('bad_reply', `${hostOf(way.url)} lists ${signature} but does not have it; it is asked again`);
  const parsed = v.safeParse(transaction, reply);
  if (!parsed.success) throw new AppError('bad_reply', `${hostOf(way.url)} answered no readable transaction ${signature}`);
  return parsed.output;
};

const timeOf = async (one: Row, { blockTime, slot }: SplTransaction, { way }: Walker): Promise<number> => {
  const seconds = blockTime ?? one.blockTime ?? (await askRpc(way, 'getBlockTime', [slot]));
  if (typeof seconds === 'number' && seconds > 0) return seconds * 1_000;
  throw new AppError('bad_reply', `${hostOf(way.url)} does not tell the time of slot ${slot}`);
};

/** What an account holds before a transaction is what the one before it left: otherwise the node leaves some out. */
const follow = (state: AccountState, found: SplTransaction, { account, mint }: Walker): void => {
  const { walk } = state;
  if (!walk) return;
  const moves = movesOf(found, mint);
  const own = moves?.find((move) => move.account === account);
  const after = moves && `${own?.after ?? 0n}`;
  if (walk.expects !== null && after !== null && walk.expects !== after) state.gaps++;
  walk.top.balance ??= after;
  walk.expects = moves && `${own?.before ?? 0n}`;
};

const finish = (state: AccountState, balance: string | null): 'done' => {
  const { walk } = state;
  if (!walk) return 'done';
  const { expects, top } = walk;
  if (expects !== null && balance !== null && expects !== balance) state.gaps++;
  // Failed transactions alone changed nothing.
  state.done = { ...top, balance: top.balance ?? state.done?.balance ?? null };
  state.walk = null;
  return 'done';
};

/** The node has nothing older. That is the truth when the balances join without a break. */
const endOfHistory = (state: AccountState, { balance }: Walker): 'done' | 'short' => {
  const { walk, done } = state;
  if (!walk) return 'done';
  const start = done ? done.balance : '0';
  const is_whole = walk.expects !== null ? walk.expects === start : !done || balance === start;
  if (is_whole) return finish(state, start);
  walk.short++;
  if (walk.short < SURE) return 'short';
  state.gaps++;
  return finish(state, null);
};
