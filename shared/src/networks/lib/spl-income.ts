import * as v from 'valibot';
import { AppError, asAppError } from '../../errors.js';
import type { Sample } from '../../metrics.js';
import { counter, gauge } from '../../metrics.js';
import type { NetworkCall, ReadingDraft } from '../../network.js';
import { secret, url } from '../../schema.js';
import { askRpc, hostOf, type RpcWay } from './spl-rpc.js';
import { incomeOf, type Move, movesOf, type Parties, type SplTransaction } from './spl-transfers.js';
import { accountState, newAccount, walkAccount } from './spl-walk.js';

/** Income of Solana wallets in one token, from finalised transactions. */
const address = () => v.pipe(v.string(), v.regex(/^[1-9A-HJ-NP-Za-km-z]{32,44}$/, 'must be a Solana address (base58)'));
const addresses = (most: number) => v.optional(v.pipe(v.array(address()), v.maxLength(most)), []);

export const secretUrl = () => v.pipe(url(), v.metadata({ secret: true }));

/** Settings of every source that reads a Solana wallet. */
export const solanaSettings = {
  /** The first that answers is asked; keys of providers stand in the path, so they are secrets. */
  urls: v.optional(v.pipe(v.array(secretUrl()), v.minLength(1), v.maxLength(5)), ['https://api.mainnet-beta.solana.com']),
  headers: v.optional(v.record(v.string(), secret()), {}),
  wallets: addresses(20),
  token_accounts: addresses(20),
  payers: addresses(50),
  own: addresses(50),
  /** A day, or `now`: what came before is not read. */
  since: v.optional(v.pipe(v.string(), v.regex(/^(\d{4}-\d{2}-\d{2}|now)$/, 'must be a day such as 2026-01-31, or now'))),
  /** Any other word reads the history again: entries have ids, so none is counted twice. */
  rescan: v.optional(v.pipe(v.string(), v.maxLength(40)), ''),
  /** The public node allows 40 of one kind in 10 s. */
  transactions_per_read: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(500)), 36),
};
const solanaConfig = v.object({ ...solanaSettings, mint: address(), token: v.string(), decimals: v.number() });
export type SolanaConfig = v.InferOutput<typeof solanaConfig>;
export const mintSetting = address;

export const incomeMetrics = {
  transfers: counter('1', 'Transfers booked as income'),
  transfers_other: counter('1', 'Transfers in that are no income'),
  history_gaps: gauge('1', 'Places where the node leaves transactions out'),
  behind: gauge('1', 'Whether history is still being read'),
};

const memorySchema = v.object({
  rescan: v.string(),
  /** Where `since: now` began. */
  began: v.number(),
  transfers: v.number(),
  other: v.number(),
  accounts: v.record(v.string(), accountState),
});
type Memory = v.InferOutput<typeof memorySchema>;

/** All but the last request must begin by then: an agent gives a source 15 s. */
const BUDGET_MS = 8_000;

type Call = Pick<NetworkCall<SolanaConfig>, 'config' | 'http' | 'now' | 'log' | 'signal'> & { memory: unknown };
export interface Income {
  readings: ReadingDraft[];
  samples: Sample[];
  memory: Memory;
}

/** What came in since the last read. A node that fails half-way loses nothing: what was read is answered, the rest comes later. */
export const readSolanaIncome = async (call: Call): Promise<Income> => {
  const memory = readMemory(call);
  const purse = createPurse(call.config, memory);
  const time = AbortSignal.timeout(BUDGET_MS);
  const mayGoOn = () => purse.taken() < call.config.transactions_per_read && !time.aborted;
  const before = progressOf(memory);
  let pass: Pass = { failure: null, unfinished: 0, is_short: false };
  for (const url of call.config.urls) {
    pass = await readFrom(url, { call, memory, purse, mayGoOn });
    if (!pass.failure && !pass.is_short) break;
  }
  if (pass.failure && progressOf(memory) === before) throw pass.failure;
  if (pass.failure) call.log.warn('A Solana node failed half-way; the rest is read later', { error: pass.failure.message });
  return { readings: purse.readings(), samples: samplesOf(memory, pass.unfinished), memory };
};

const readMemory = ({ memory, config, now }: Call): Memory => {
  const known = v.safeParse(memorySchema, memory);
  if (known.success && known.output.rescan === config.rescan) return structuredClone(known.output);
  return { rescan: config.rescan, began: now, transfers: 0, other: 0, accounts: {} };
};

const progressOf = ({ accounts }: Memory): string =>
  JSON.stringify(
    Object.entries(accounts)
      .map(([account, { done, walk }]) => [account, done, walk?.before, walk?.short])
      .filter(([, ...known]) => known.some(Boolean)),
  );

interface Pass {
  failure: AppError | null;
  /** Accounts whose newest transactions were not all read. */
  unfinished: number;
  is_short: boolean;
}
interface Reading {
  call: Call;
  memory: Memory;
  purse: Purse;
  mayGoOn(): boolean;
}

/** What one node gives; the next one goes on where it stopped. */
const readFrom = async (url: string, { call, memory, purse, mayGoOn }: Reading): Promise<Pass> => {
  const { config, http, signal } = call;
  const way = { http, url, headers: config.headers, signal };
  const since = config.since === 'now' ? memory.began : config.since ? Date.parse(config.since) : 0;
  const pass: Pass = { failure: null, unfinished: 1, is_short: false };
  try {
    const balances = await accountsOf(way, config, Object.keys(memory.accounts));
    pass.unfinished = balances.size;
    for (const [account, balance] of balances) {
      memory.accounts[account] ??= newAccount();
      const walker = { way, account, mint: config.mint, balance, since, mayGoOn, take: purse.take };
      const end = await walkAccount(memory.accounts[account], walker);
      if (end === 'done') pass.unfinished--;
      pass.is_short ||= end === 'short';
    }
  } catch (error) {
    pass.failure = asAppError(error);
  }
  return pass;
};

interface Purse {
  take(signature: string, ts: number, found: SplTransaction): void;
  /** Transactions read so far. */
  taken(): number;
  readings(): ReadingDraft[];
}

/** Collects the income of a read by wallet or account. */
const createPurse = (config: SolanaConfig, memory: Memory): Purse => {
  const { wallets, token_accounts, own, payers, mint, token, decimals } = config;
  const parties: Parties = {
    wallets: new Set(wallets),
    accounts: new Set(token_accounts),
    own: new Set(own),
    payers: new Set(payers),
  };
  const entries = new Map([...wallets, ...token_accounts].map((to) => [to, new Map<string, { ts: number; amount: string }>()]));
  // A transaction between two accounts of the operator is met at both.
  const seen = new Set<string>();
  let taken = 0;
  return {
    take(signature, ts, found) {
      taken++;
      const moves = seen.has(signature) ? null : movesOf(found, mint);
      if (!moves) return;
      refuseDecimals(moves, config);
      seen.add(signature);
      const { credits, other } = incomeOf(moves, parties);
      if (other > 0n) memory.other++;
      memory.transfers += credits.length;
      for (const { index, to, amount } of credits) entries.get(to)?.set(`${signature}:${index}`, { ts, amount: `${amount}` });
    },
    taken: () => taken,
    readings: () =>
      [...entries].map(([account, found]) => {
        const listed = [...found].map(([id, entry]) => ({ id, ...entry }));
        listed.sort((a, b) => a.ts - b.ts || (a.id < b.id ? -1 : 1));
        return { kind: 'ledger', account, token, decimals, exact: true, entries: listed };
      }),
  };
};

const refuseDecimals = (moves: readonly Move[], { token, decimals }: SolanaConfig): void => {
  const odd = moves.find((move) => move.decimals !== decimals);
  if (!odd) return;
  const wrong = `${token} has ${odd.decimals} decimals on the chain, not ${decimals}; correct "decimals"`;
  throw new AppError('bad_settings', wrong);
};

const samplesOf = ({ transfers, other, accounts }: Memory, unfinished: number): Sample[] => [
  { metric: 'transfers', value: transfers },
  { metric: 'transfers_other', value: other },
  { metric: 'history_gaps', value: Object.values(accounts).reduce((sum, { gaps }) => sum + gaps, 0) },
  { metric: 'behind', value: unfinished > 0 ? 1 : 0 },
];

const tokenData = v.object({
  parsed: v.object({ info: v.object({ mint: v.string(), tokenAmount: v.object({ amount: v.string() }) }) }),
});
const owned = v.object({ value: v.array(v.object({ pubkey: v.string(), account: v.object({ data: v.unknown() }) })) });
const single = v.object({ value: v.nullable(v.object({ data: v.unknown() })) });

/** Every token account that is to be read, with what it holds. A closed one keeps its history, so remembered ones stay. */
const accountsOf = async (
  way: RpcWay,
  config: SolanaConfig,
  remembered: readonly string[],
): Promise<Map<string, string | null>> => {
  const found = new Map<string, string | null>();
  const options = { encoding: 'jsonParsed', commitment: 'finalized' };
  for (const wallet of config.wallets) {
    const reply = v.safeParse(owned, await askRpc(way, 'getTokenAccountsByOwner', [wallet, { mint: config.mint }, options]));
    if (!reply.success) throw new AppError('bad_reply', `${hostOf(way.url)} answered no list of token accounts`);
    for (const { pubkey, account } of reply.output.value) found.set(pubkey, amountIn(account.data));
  }
  for (const account of config.token_accounts) {
    const reply = v.safeParse(single, await askRpc(way, 'getAccountInfo', [account, options]));
    if (!reply.success) throw new AppError('bad_reply', `${hostOf(way.url)} answered no account`);
    found.set(account, reply.output.value ? amountIn(reply.output.value.data) : '0');
  }
  for (const account of remembered) if (!found.has(account)) found.set(account, '0');
  return found;
};

const amountIn = (data: unknown): string | null => {
  const parsed = v.safeParse(tokenData, data);
  return parsed.success ? parsed.output.parsed.info.tokenAmount.amount : null;
};
