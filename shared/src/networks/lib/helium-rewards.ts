import { createHash } from 'node:crypto';
import { type AppError, asAppError } from '../../errors.js';
import type { Http } from '../../http.js';
import type { Log } from '../../log.js';
import type { ReadingDraft } from '../../network.js';
import { type Claimed, HELIUM_TOKENS, type HeliumToken, readClaimed } from './helium-chain.js';
import { countReward, larger, type Mark, type Sight } from './helium-counter.js';
import { endRound, isDue, type Kept, ROUND_SIZE, type Round, readMark, tagOf, writeMark } from './helium-memory.js';
import { medianOf, readLifetimes } from './helium-oracle.js';
import { createSolanaRpc } from './solana-rpc.js';

/** Lifetime rewards of hotspots: whom to ask when, and what follows for the counters. */
export interface RewardsSettings {
  /** Addresses of rewards oracles by token; none: only what was claimed on chain. */
  oracles: Record<HeliumToken, readonly string[]>;
  oracle_api_key?: string | undefined;
  oracle_every_ms: number;
  rpc: readonly string[];
  chain_every_ms: number;
  /** Whether the old counters in IOT and MOBILE are read. */
  frozen: boolean;
}

export interface RewardsCall {
  settings: RewardsSettings;
  http: Http;
  keys: readonly string[];
  now: number;
  log: Log;
  signal: AbortSignal;
}

export interface RewardsAnswer {
  readings: { key: string; draft: ReadingDraft }[];
  kept: Kept;
  /** By what was asked: `oracle_hnt`, `chain`. */
  failures: Map<string, AppError>;
}

/** IOT and MOBILE ceased to be paid in January 2025. */
const FROZEN_EVERY_MS = 7 * 86_400_000;
/** A hotspot that the oracle leaves out for so long, and that never claimed, has earned nothing yet. */
const SURELY_NEW_MS = 86_400_000;

type Sights = Map<string, Partial<Record<HeliumToken, Sight>>>;

/** Of the 15 s that an answer may take: what the machine says of itself must not be lost with a node that hangs. */
const BUDGET_MS = 9_000;

export const readRewards = async (given: RewardsCall, kept: Kept): Promise<RewardsAnswer> => {
  const call = { ...given, signal: AbortSignal.any([given.signal, AbortSignal.timeout(BUDGET_MS)]) };
  const tokens: HeliumToken[] = call.settings.frozen ? ['HNT', 'IOT', 'MOBILE'] : ['HNT'];
  const questions = questionsOf(call, tokens).filter(({ name, every }) => isDue(kept.rounds[name], call.now, every));
  if (call.keys.length === 0 || questions.length === 0) return { readings: [], kept, failures: new Map() };
  const sights: Sights = new Map();
  const failures = new Map<string, AppError>();
  const rounds = { ...kept.rounds };
  const spread = spreadOf(call.keys);
  const askOne = async ({ name, every, ask }: Question) => {
    const round = withinBounds(kept.rounds[name], call.keys.length);
    const keys = call.keys.slice(round?.at ?? 0, (round?.at ?? 0) + ROUND_SIZE);
    const failure = await ask(keys, sights).then(() => undefined, asAppError);
    if (failure) failures.set(name, failure);
    rounds[name] = endRound(round, { now: call.now, count: call.keys.length, every, failure: waitOf(failure), spread });
    tellChange(call.log, { name, before: round?.failures ?? 0, failure });
  };
  await Promise.all(questions.map(askOne));
  return { ...take(call, { ...kept, rounds }, sights), failures };
};

const waitOf = (failure: AppError | undefined) => failure && { retry_after_ms: failure.details['retry_after_ms'] };

interface Question {
  name: string;
  every: number;
  /** Puts what it learns into the sights; nothing where it fails. */
  ask(keys: readonly string[], sights: Sights): Promise<void>;
}

const questionsOf = (call: RewardsCall, tokens: readonly HeliumToken[]): Question[] => {
  const { oracles, oracle_every_ms, chain_every_ms, rpc } = call.settings;
  const asked = tokens.filter((token) => oracles[token].length > 0);
  const questions = asked.map((token) => ({
    name: oracleRound(token),
    every: token === 'HNT' ? oracle_every_ms : FROZEN_EVERY_MS,
    ask: (keys: readonly string[], sights: Sights) => askOracles(call, token, { keys, sights }),
  }));
  const chain = {
    name: 'chain',
    every: chain_every_ms,
    ask: (keys: readonly string[], s: Sights) => askChain(call, tokens, { keys, sights: s }),
  };
  return rpc.length > 0 ? [...questions, chain] : questions;
};

export const oracleRound = (token: HeliumToken): string => `oracle_${token.toLowerCase()}`;

interface Look {
  keys: readonly string[];
  sights: Sights;
}

const askOracles = async (call: RewardsCall, token: HeliumToken, { keys, sights }: Look): Promise<void> => {
  const { http, now, signal, settings } = call;
  const question = { http, now, signal, keys, api_key: settings.oracle_api_key };
  const answers = await Promise.allSettled(settings.oracles[token].map((url) => readLifetimes({ ...question, url })));
  const told = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const refused = answers.find((answer) => answer.status === 'rejected');
  if (told.length === 0 && refused) throw refused.reason;
  const lifetimes = medianOf(told);
  for (const key of keys) see(sights, key, token).lifetime = lifetimes.get(key) ?? null;
};

const askChain = async (call: RewardsCall, tokens: readonly HeliumToken[], { keys, sights }: Look): Promise<void> => {
  const { http, now, signal, settings } = call;
  const rpc = createSolanaRpc({ http, urls: settings.rpc, now, signal, timeout_ms: 3_000 });
  const claimed = await readClaimed(rpc, keys, tokens);
  for (const [key, totals] of claimed) for (const token of tokens) see(sights, key, token).claimed = claimedOf(totals, token);
};

const claimedOf = (totals: Claimed, token: HeliumToken): bigint | undefined => totals[token];

const see = (sights: Sights, key: string, token: HeliumToken): Sight => {
  const of = sights.get(key) ?? {};
  sights.set(key, of);
  const sight = of[token] ?? {};
  of[token] = sight;
  return sight;
};

const take = (call: RewardsCall, kept: Kept, sights: Sights): Pick<RewardsAnswer, 'readings' | 'kept'> => {
  const next = keptFor(kept, call.keys);
  const readings: RewardsAnswer['readings'] = [];
  for (const [key, { HNT, IOT, MOBILE }] of sights) {
    const found = [
      HNT && countHnt(call, next, { key, sight: HNT }),
      IOT && countFrozen(kept, 'IOT', IOT),
      MOBILE && countFrozen(kept, 'MOBILE', MOBILE),
    ];
    for (const one of found) if (one) readings.push({ key, draft: draftOf(key, one) });
  }
  return { readings, kept: next };
};

interface Found extends Mark {
  token: HeliumToken;
}

/** Changes what is kept; null: nothing to publish. */
const countHnt = (call: RewardsCall, next: Kept, { key, sight }: { key: string; sight: Sight }): Found | null => {
  const tag = tagOf(key);
  const before = readMark(next.marks[tag]);
  const absent = noteAbsence(next, tag, sight, call.now);
  const { mark, suspect } = countReward(before, { ...sight, surely_new: absent >= SURELY_NEW_MS });
  if (suspect !== undefined) noteSuspect(call.log, next, { key, suspect });
  if (!mark) return null;
  next.marks[tag] = writeMark(mark);
  const news = sight.lifetime !== undefined || mark.amount > (before?.amount ?? -1n);
  const said = mark.spoken || mark.amount > 0n || call.settings.oracles.HNT.length === 0;
  return news && said ? { ...mark, token: 'HNT' } : null;
};

/** Milliseconds since the oracle began to leave the hotspot out. */
const noteAbsence = (next: Kept, tag: string, { lifetime }: Sight, now: number): number => {
  if (lifetime === undefined) return 0;
  const absent = lifetime === null || lifetime === 0n;
  const { amount = 0n, spoken = false } = readMark(next.marks[tag]) ?? {};
  if (!absent || spoken || amount > 0n) {
    delete next.absent[tag];
    return 0;
  }
  const since = next.absent[tag] ?? now;
  next.absent[tag] = since;
  return now - since;
};

const noteSuspect = (log: Log, next: Kept, { key, suspect }: { key: string; suspect: boolean }): void => {
  const tag = tagOf(key);
  const before = next.suspect.includes(tag);
  if (suspect === before) return;
  if (suspect) log.warn('The figure of a hotspot fell or is missing; the highest one stays', { hotspot: key.slice(0, 60) });
  next.suspect = suspect ? [...next.suspect, tag] : next.suspect.filter((one) => one !== tag);
};

/** A counter that no longer grows needs no mark; while its oracle answers, the chain alone says nothing new. */
const countFrozen = (kept: Kept, token: HeliumToken, { lifetime, claimed }: Sight): Found | null => {
  const answers = kept.rounds[oracleRound(token)]?.failures === 0;
  const amount = larger(lifetime ?? 0n, claimed ?? 0n);
  if (amount === 0n || (lifetime === undefined && answers)) return null;
  return { token, amount, spoken: typeof lifetime === 'bigint' && lifetime > 0n };
};

/** What is only known from the chain is a source of its own, less exact: when the oracle answers, the ledger books no leap. */
const draftOf = (key: string, { token, amount, spoken }: Found): ReadingDraft => ({
  kind: 'lifetime',
  ...(spoken ? {} : { source: 'helium-chain' }),
  account: accountOf(key),
  token,
  decimals: HELIUM_TOKENS[token],
  amount: amount.toString(),
  exact: spoken,
  resets: 'never',
});

/** Longest account of the wire; keys of some Mobile hotspots (RSA) have several hundred characters. */
const MOST_ACCOUNT = 200;

export const accountOf = (key: string): string => (key.length <= MOST_ACCOUNT ? key : `sha256-${hashOf(key)}`);

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const spreadOf = (keys: readonly string[]): number => Number.parseInt(hashOf(keys[0] ?? '').slice(0, 8), 16) / 0x1_0000_0000;

const MOST_MARKS = 1_000;

/** What is known of hotspots that are away goes, but their marks stay as long as there is room. */
const keptFor = (kept: Kept, keys: readonly string[]): Kept => {
  const current = new Set(keys.map(tagOf));
  const only = <T>(all: Record<string, T>) => Object.fromEntries(Object.entries(all).filter(([tag]) => current.has(tag)));
  const full = Object.keys(kept.marks).length > MOST_MARKS;
  const marks = full ? only(kept.marks) : { ...kept.marks };
  return { ...kept, marks, absent: only(kept.absent), suspect: kept.suspect.filter((tag) => current.has(tag)) };
};

const withinBounds = (round: Round | undefined, count: number): Round | undefined =>
  round && round.at >= count ? { ...round, at: 0 } : round;

const tellChange = (
  log: Log,
  { name, before, failure }: { name: string; before: number; failure: AppError | undefined },
): void => {
  if (failure && before === 0) log.warn('Helium rewards are not answered', { asked: name, error: failure.message });
  if (!failure && before > 0) log.info('Helium rewards are answered again', { asked: name });
};
