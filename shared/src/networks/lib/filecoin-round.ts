import * as v from 'valibot';
import { AppError, asAppError } from '../../errors.js';
import type { Sample } from '../../metrics.js';
import type { NetworkCall, ReadingDraft } from '../../network.js';
import { sample } from '../../parse.js';
import type { FilecoinConfig } from './filecoin-config.js';
import { readCurio } from './filecoin-curio.js';
import { askFilfox, type FilfoxTotal, filfoxMemory } from './filecoin-filfox.js';
import { type MinerHealth, postMemory, readHealth } from './filecoin-health.js';
import { type Answer, at, type Tipset, tipsetOf, wholeAt } from './filecoin-reply.js';
import { beginSeed, continueSeed, seedMemory } from './filecoin-seed.js';
import { FINALITY_EPOCHS, type WalkEntry, type WalkMemory, walk, walkMemory } from './filecoin-walk.js';
import { createJsonRpc, type JsonRpc } from './json-rpc.js';

/** One round over everything that the settings name: the chain once, then each miner. */
export interface Round {
  /** Of the node and its side programs. */
  samples: Sample[];
  miners: Map<string, { samples: Sample[]; readings: ReadingDraft[] }>;
}

const memorySchema = v.object({
  walk: v.nullable(walkMemory),
  estimated: v.number(),
  posts: v.record(v.string(), postMemory),
  filfox: v.record(v.string(), filfoxMemory),
  seeds: v.record(v.string(), seedMemory),
});
type Memory = v.InferOutput<typeof memorySchema>;
type Call = NetworkCall<FilecoinConfig>;

/** Ends the work of a round before the runner's own deadline does, so that what is done is kept. */
const BUDGET_MS = 12_500;
const EPOCH_MS = 30_000;

export const readRound = async (call: Call, miners: readonly string[], label: boolean): Promise<Round> => {
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(BUDGET_MS)]);
  const bounded = { ...call, signal };
  const memory = recall(call);
  const round: Round = { samples: [], miners: new Map(miners.map((miner) => [miner, { samples: [], readings: [] }])) };
  const up = (endpoint: string, is_up: boolean) =>
    round.samples.push({ metric: 'endpoint_up', labels: { endpoint }, value: Number(is_up) });

  const head =
    call.config.ask.includes('node') && miners.length > 0 ? await readNode(bounded, { round, memory, miners, label }) : null;
  if (head) up('node', true);
  const failures = await readSides(bounded, round, up);
  const totals = await readFilfox(bounded, { round, memory, miners, up });
  if (head) await readRewards(bounded, { ...head, round, memory, miners, totals });
  for (const [miner, total] of totals) round.miners.get(miner)?.readings.push(crossCheckOf(miner, total, call.now));
  const asked = call.config.ask.filter((one) => one !== 'filfox').length;
  if (!head && asked > 0 && failures.length === asked && failures[0]) throw failures[0];
  call.memory.put(memory);
  return round;
};

const recall = ({ memory, log }: Call): Memory => {
  const kept = memory.get();
  const result = v.safeParse(memorySchema, kept);
  if (result.success) return result.output;
  if (kept !== undefined && kept !== null) log.warn('What the Filecoin source kept cannot be read; it begins anew');
  return { walk: null, estimated: 0, posts: {}, filfox: {}, seeds: {} };
};

interface Work {
  round: Round;
  memory: Memory;
  miners: readonly string[];
}

interface Node {
  rpc: JsonRpc;
  head: Tipset;
  finalised: Answer;
  closes: Map<string, number>;
}

const readNode = async (call: Call, work: Work & { label: boolean }): Promise<Node> => {
  const { config, http, signal, now } = call;
  const { round, memory, miners, label } = work;
  const rpc = createJsonRpc({ http, url: config.node, token: config.node_token, batch: config.batch, signal });
  const [chain, status, finalised] = await rpc.batch([
    ['Filecoin.ChainHead', []],
    ['Filecoin.NodeStatus', [false]],
    ['Filecoin.ChainGetFinalizedTipSet', []],
  ]);
  const head = tipsetOf(chain);
  round.samples.push(...chainSamples(head, status, now));
  const closes = new Map<string, number>();
  for (const miner of miners) {
    const health = await readHealth({ rpc, miner, head, post: memory.posts[miner] ?? null, labels: label ? { miner } : {} });
    keepHealth(health, { miner, memory, closes });
    round.miners.get(miner)?.samples.push(...health.samples);
  }
  return { rpc, head, finalised, closes };
};

const keepHealth = (
  health: MinerHealth,
  { miner, memory, closes }: { miner: string; memory: Memory; closes: Map<string, number> },
) => {
  if (health.post) memory.posts[miner] = health.post;
  if (health.close !== null) closes.set(miner, health.close);
};

const chainSamples = (head: Tipset, status: Answer, now: number): Sample[] => {
  const lag_ms = Math.max(0, now - head.ts);
  const blocks = at(status, 'ChainStatus.BlocksPerTipsetLast100');
  return [
    ...sample('head_epoch', head.height),
    ...sample('sync_lag', Math.floor(lag_ms / 1_000)),
    ...sample('sync_lag_epochs', wholeAt(status, 'SyncStatus.Behind') ?? Math.floor(lag_ms / EPOCH_MS)),
    ...sample('peers', wholeAt(status, 'PeerStatus.PeersToPublishMsgs')),
    ...sample('blocks_per_tipset', numberOf(blocks)),
    ...sample('base_fee', head.base_fee === null ? null : Number(head.base_fee)),
  ];
};

const numberOf = (node: ReturnType<typeof at>): number | null => {
  const text = typeof node === 'object' && node !== null && 'text' in node && typeof node.text === 'string' ? node.text : '';
  return text === '' ? null : Number(text);
};

/** The storage node and Curio; one that fails is told apart and hurts nobody. */
const readSides = async (call: Call, { samples }: Round, up: (endpoint: string, is_up: boolean) => void): Promise<AppError[]> => {
  const { config, log } = call;
  const failures: AppError[] = [];
  const sides = { miner_node: () => readMinerNode(call), curio: () => readCurios(call) };
  for (const [endpoint, read] of Object.entries(sides)) {
    if (!config.ask.some((one) => one === endpoint)) continue;
    try {
      samples.push(...(await read()));
      up(endpoint, true);
    } catch (error) {
      failures.push(asAppError(error));
      log.debug('A side of the Filecoin source does not answer', { endpoint, error: asAppError(error).message });
      up(endpoint, false);
    }
  }
  return failures;
};

const readMinerNode = async ({ config, http, signal }: Call): Promise<Sample[]> => {
  const rpc = createJsonRpc({ http, url: config.miner_node, token: config.miner_node_token, batch: false, signal });
  const summary = at(await rpc.call('Filecoin.SectorsSummary', []));
  const states = typeof summary === 'object' && summary !== null ? Object.keys(summary).slice(0, 60) : [];
  return states.flatMap((state) => sample('sector_states', wholeAt(summary, state), { state: state.toLowerCase() }));
};

const readCurios = async ({ config, http, signal }: Call): Promise<Sample[]> => {
  const texts: string[] = [];
  for (const url of config.curio) {
    const reply = await http.request({ url, signal, timeout_ms: 4_000 });
    if (reply.status !== 200 || /^\s*</.test(reply.text))
      throw new AppError(
        'bad_reply',
        `Curio answered with status ${reply.status} and no metrics; the address ends in /debug/metrics`,
      );
    texts.push(reply.text);
  }
  return readCurio(texts);
};

const readFilfox = async (call: Call, work: Work & { up: (endpoint: string, is_up: boolean) => void }) => {
  const { config, http, now, signal, log } = call;
  const totals = new Map<string, FilfoxTotal>();
  for (const miner of config.ask.includes('filfox') ? work.miners : []) {
    const { memory } = work;
    const answer = await askFilfox({ http, url: config.filfox, miner, memory: memory.filfox[miner] ?? null, now, signal });
    if (answer) memory.filfox[miner] = answer.memory;
    if (answer?.total) totals.set(miner, answer.total);
    // Alone it is the source itself; at its limit it keeps when to ask again, which an error would not.
    if (answer?.error && config.ask.every((one) => one === 'filfox') && answer.error.code !== 'too_many') throw answer.error;
    if (answer?.error) log.debug('The cross-check does not answer', { miner, error: answer.error.message });
    work.up('filfox', (memory.filfox[miner]?.failures ?? 0) === 0);
  }
  return totals;
};

const readRewards = async (call: Call, work: Node & Work & { totals: ReadonlyMap<string, FilfoxTotal> }): Promise<void> => {
  const { config, log } = call;
  const { round, memory, miners } = work;
  if (config.rewards !== 'off') {
    const entries = await walkOn(call, work).catch((error: unknown) => {
      log.warn('Rewards could not be read', { error: asAppError(error).message });
      return null;
    });
    for (const miner of entries ? miners : []) {
      round.miners.get(miner)?.readings.push(...ledgerOf(miner, entries ?? []));
    }
  }
  if (memory.walk) round.samples.push({ metric: 'rewards_estimated', value: memory.estimated });
};

/** The entries of this round; null while it may not begin. */
const walkOn = async (
  call: Call,
  work: Node & Work & { totals: ReadonlyMap<string, FilfoxTotal> },
): Promise<WalkEntry[] | null> => {
  const { config, log } = call;
  const { rpc, head, round, memory, miners, totals, closes } = work;
  if (config.seed && !memory.walk && miners.some((miner) => !totals.has(miner))) return null;
  const finalised = await finalisedOf(work);
  const { history_epochs, rewards: mode } = config;
  if (config.seed && !memory.walk) for (const [miner, total] of totals) memory.seeds[miner] = beginSeed(total, head);
  if (mode === 'off') return null;
  const before = memory.walk;
  const fees = config.fees ? closes : new Map<string, number>();
  const result = await walk({ rpc, miners, mode, closes: fees, finalised, history_epochs, log }, before);
  memory.walk = result.memory;
  memory.estimated += result.estimated;
  round.samples.push({ metric: 'reward_lag', value: (Math.max(0, finalised.height - result.memory.height) * EPOCH_MS) / 1_000 });
  return [...result.entries, ...seedEntries(memory, { entries: result.entries, before })];
};

const seedEntries = (
  memory: Memory,
  { entries, before }: { entries: readonly WalkEntry[]; before: WalkMemory | null },
): WalkEntry[] => {
  const height = memory.walk?.height ?? 0;
  return Object.entries(memory.seeds).flatMap(([miner, seed]) => {
    // After a change of the chain what was counted is not known any more; the seed is left out rather than wrong.
    if (before && height < before.height && !seed.done) {
      delete memory.seeds[miner];
      return [];
    }
    const next = continueSeed(seed, { miner, entries, height });
    memory.seeds[miner] = next.seed;
    return next.entry ? [next.entry] : [];
  });
};

/** A node without the method (v0, old ones) has no fast finality that we can see: 900 epochs then. */
const finalisedOf = async ({ rpc, head, finalised }: Node): Promise<Tipset> => {
  if (!(finalised instanceof AppError)) return tipsetOf(finalised);
  if (finalised.code !== 'not_found') throw finalised;
  return tipsetOf(await rpc.call('Filecoin.ChainGetTipSetByHeight', [Math.max(0, head.height - FINALITY_EPOCHS), []]));
};

const stream = (miner: string) => ({ account: miner, token: 'FIL', decimals: 18 });

/** Exact and estimated entries are two readings of one source; without any an empty one says that the walk goes on. */
const ledgerOf = (miner: string, entries: readonly WalkEntry[]): ReadingDraft[] => {
  const own = entries.filter((entry) => entry.miner === miner);
  const reading = (exact: boolean): ReadingDraft => {
    // By id, the last one holds: what a change of the chain withdrew may be there again.
    const byId = new Map(own.filter((entry) => entry.exact === exact).map((entry) => [entry.id, entry]));
    const listed = [...byId.values()].map(({ id, ts, amount }) => ({ id, ts, amount: `${amount}` }));
    return { kind: 'ledger', ...stream(miner), exact, entries: listed };
  };
  const both = [reading(true), reading(false)];
  const some = both.filter((one) => one.kind === 'ledger' && one.entries.length > 0);
  return some.length > 0 ? some : both.slice(0, 1);
};

/** Another source of the same stream: shown beside the walk, never added to it. */
const crossCheckOf = (miner: string, { amount, as_of }: FilfoxTotal, now: number): ReadingDraft => ({
  ...{ kind: 'lifetime', source: 'filfox', ...stream(miner), amount: `${amount}`, exact: false, resets: 'never' },
  as_of: Math.min(as_of, now),
});
