import * as v from 'valibot';
import { AppError, asAppError } from '../../errors.js';
import type { Sample } from '../../metrics.js';
import type { NetworkCall, ReadingDraft } from '../../network.js';
import { type Block, blockAt, limitIn, quantity, type Transfer, transfersIn } from './evm-logs.js';
import { hostOf, type RpcWay } from './spl-rpc.js';

/**
 * Income of wallets in one ERC-20 token. The last blocks are read again each time; a log that a reorganisation took away is
 * withdrawn by an entry of nothing under its id.
 */
export interface EvmConfig {
  urls: string[];
  headers: Record<string, string>;
  chain_id?: number | undefined;
  contract: string;
  token: string;
  decimals: number;
  wallets: string[];
  payers: string[];
  own: string[];
  read_to: 'finalized' | 'safe' | 'latest';
  reorg_depth: number;
  from_block?: number | undefined;
  most_blocks: number;
  rescan: string;
}

const known = v.object({
  id: v.string(),
  to: v.string(),
  block: v.number(),
  hash: v.string(),
  ts: v.number(),
});
type Known = v.InferOutput<typeof known>;

const memorySchema = v.object({
  rescan: v.string(),
  chain: v.number(),
  /** First block that was never read; blocks below `floor` are not read again. */
  next: v.number(),
  floor: v.number(),
  /** How many blocks a request asks for, and how many requests went well at that. */
  blocks: v.number(),
  streak: v.number(),
  /** Entries of the blocks that are read again. */
  held: v.array(known),
  transfers: v.number(),
  withdrawn: v.number(),
});
type Memory = v.InferOutput<typeof memorySchema>;

const FIRST_BLOCKS = 2_000;
const GROW_AFTER = 10;
/** Held entries stay below the 64 KB of a memory. */
const MOST_HELD = 200;
/** All but the last requests must begin by then: an agent gives a source 15 s. */
const BUDGET_MS = 8_000;

type Call = Pick<NetworkCall<EvmConfig>, 'config' | 'http' | 'log' | 'signal'> & { memory: unknown };
export interface EvmIncome {
  readings: ReadingDraft[];
  samples: Sample[];
  memory: Memory;
}

type Entries = Map<string, { to: string; ts: number; amount: bigint }>;
interface Read {
  call: Call;
  way: RpcWay;
  memory: Memory;
  entries: Entries;
  head: number;
  time: AbortSignal;
  /** Block number → time, for nodes that do not tell it in the log. */
  times: Map<number, number>;
}

/** What came in since the last read. A node that fails half-way loses nothing: what was read is answered, the rest comes later. */
export const readEvmIncome = async (call: Call): Promise<EvmIncome> => {
  const entries: Entries = new Map();
  const time = AbortSignal.timeout(BUDGET_MS);
  const old = v.safeParse(memorySchema, call.memory);
  let memory = old.success && old.output.rescan === call.config.rescan ? structuredClone(old.output) : null;
  let before = progressOf(memory);
  let failure: AppError | null = null;
  let head = 0;
  for (const url of call.config.urls) {
    const way = { http: call.http, url, headers: call.config.headers, signal: call.signal };
    try {
      const chain = await chainOf(way, call.config, memory);
      head = await headOf(way, call.config);
      memory ??= newMemory(call.config, chain, head);
      before ||= progressOf(memory);
      await scan({ call, way, memory, entries, head, time, times: new Map() });
      failure = null;
      break;
    } catch (error) {
      failure = asAppError(error);
    }
  }
  if (!memory || (failure && progressOf(memory) === before && entries.size === 0)) throw failure;
  forget(memory, call.config.reorg_depth);
  if (failure) call.log.warn('A node failed half-way; the rest is read later', { error: failure.message });
  return { readings: readingsOf(call.config, entries), samples: samplesOf(memory, head), memory };
};

const progressOf = (memory: Memory | null): string => (memory ? `${memory.next} ${memory.blocks}` : '');

const newMemory = ({ rescan, from_block, most_blocks }: EvmConfig, chain: number, head: number): Memory => {
  const next = from_block ?? head + 1;
  const blocks = Math.min(FIRST_BLOCKS, most_blocks);
  return { rescan, chain, next, floor: next, blocks, streak: 0, held: [], transfers: 0, withdrawn: 0 };
};

const chainOf = async (way: RpcWay, { chain_id }: EvmConfig, memory: Memory | null): Promise<number> => {
  const chain = await quantity(way, 'eth_chainId');
  const wanted = chain_id ?? memory?.chain ?? chain;
  if (chain === wanted && chain === (memory?.chain ?? chain)) return chain;
  throw new AppError('bad_settings', `${hostOf(way.url)} speaks for chain ${chain}, not ${wanted}; correct "urls" or "chain_id"`);
};

/** The newest block that counts. Nodes that know no such tag: the newest that a reorganisation does not reach. */
const headOf = async (way: RpcWay, { read_to, reorg_depth }: EvmConfig): Promise<number> => {
  if (read_to === 'latest') return quantity(way, 'eth_blockNumber');
  const tagged = await blockAt(way, read_to).catch((error: unknown) => {
    if (asAppError(error).details['rpc_code'] !== undefined) return null;
    throw error;
  });
  return tagged?.number ?? Math.max(0, (await quantity(way, 'eth_blockNumber')) - reorg_depth);
};

const scan = async (read: Read): Promise<void> => {
  const { memory, head, call, way } = read;
  const { reorg_depth, most_blocks } = call.config;
  if (head < memory.next - 1 - reorg_depth)
    throw new AppError('busy', `${hostOf(way.url)} is behind what was read before (block ${head} of ${memory.next - 1})`);
  let at = Math.max(memory.floor, memory.next - reorg_depth);
  while (at <= head && !read.time.aborted) {
    const to = Math.min(head, at + memory.blocks - 1);
    const found = await askOrShrink(read, { from: at, to });
    if (!found) continue;
    await take(read, found, { from: at, to });
    at = to + 1;
    memory.next = Math.max(memory.next, at);
    memory.streak++;
    if (memory.streak < GROW_AFTER) continue;
    memory.blocks = Math.min(most_blocks, Math.ceil(memory.blocks * 1.5));
    memory.streak = 0;
  }
};

interface Range {
  from: number;
  to: number;
}

/** Null: the node asks for a smaller range. */
const askOrShrink = async ({ way, call, memory }: Read, range: Range): Promise<Transfer[] | null> => {
  try {
    return await transfersIn(way, call.config, range);
  } catch (error) {
    const size = range.to - range.from + 1;
    const limit = limitIn(error);
    if (!limit || size === 1) throw error;
    const { proposed } = limit;
    memory.blocks = proposed !== null && proposed < size ? proposed : Math.floor(size / 2);
    memory.streak = 0;
    return null;
  }
};

const take = async (read: Read, found: readonly Transfer[], range: Range): Promise<void> => {
  const { memory, call, entries } = read;
  const { wallets, own } = call.config;
  const listed = new Map(found.map((one) => [`${memory.chain}:${one.tx}:${one.index}`, one]));
  await withdraw(read, listed, range);
  const held = new Map(memory.held.map((one) => [one.id, one]));
  for (const [id, { from, to, block, hash, amount, ts }] of listed) {
    if (held.get(id)?.hash === hash || wallets.includes(from) || own.includes(from)) continue;
    const at = ts ?? (await timeOf(read, block));
    entries.set(id, { to, ts: at, amount });
    if (!held.has(id)) memory.transfers++;
    held.set(id, { id, to, block, hash, ts: at });
  }
  memory.held = [...held.values()];
};

/** A log that is gone is believed gone only when its block is: nodes of a pool leave logs out that they had a moment ago. */
const withdraw = async (
  { memory, way, entries }: Read,
  listed: ReadonlyMap<string, Transfer>,
  { from, to }: Range,
): Promise<void> => {
  const gone = memory.held.filter(({ id, block }) => block >= from && block <= to && !listed.has(id));
  for (const one of gone) {
    const block = await blockAt(way, one.block);
    if (!block || block.hash === one.hash)
      throw new AppError('bad_reply', `${hostOf(way.url)} leaves out a log of block ${one.block} that it gave before`);
    entries.set(one.id, { to: one.to, ts: one.ts, amount: 0n });
    memory.withdrawn++;
    memory.held = memory.held.filter((held) => held !== one);
  }
};

const timeOf = async ({ way, times }: Read, number: number): Promise<number> => {
  const known = times.get(number);
  if (known !== undefined) return known;
  const block: Block | null = await blockAt(way, number);
  if (!block) throw new AppError('bad_reply', `${hostOf(way.url)} lists a log of block ${number} but does not have the block`);
  times.set(number, block.ts);
  return block.ts;
};

/** Where more entries lie in the last blocks than are held, fewer blocks are read again. */
const forget = (memory: Memory, depth: number): void => {
  const recent = memory.held.filter(({ block }) => block >= memory.next - depth).sort((a, b) => a.block - b.block);
  const last = recent[recent.length - MOST_HELD - 1];
  memory.floor = Math.max(memory.floor, last ? last.block + 1 : 0);
  memory.held = recent.filter(({ block }: Known) => block >= memory.floor);
};

const readingsOf = ({ wallets, token, decimals }: EvmConfig, entries: Entries): ReadingDraft[] =>
  wallets.map((account) => {
    const own = [...entries].filter(([, { to }]) => to === account);
    const listed = own.map(([id, { ts, amount }]) => ({ id, ts, amount: `${amount}` }));
    listed.sort((a, b) => a.ts - b.ts || (a.id < b.id ? -1 : 1));
    return { kind: 'ledger', account, token, decimals, exact: true, entries: listed };
  });

const samplesOf = ({ transfers, withdrawn, next, blocks }: Memory, head: number): Sample[] => [
  { metric: 'transfers', value: transfers },
  { metric: 'withdrawn', value: withdrawn },
  { metric: 'head', value: head },
  { metric: 'blocks_behind', value: Math.max(0, head - next + 1) },
  { metric: 'range', value: blocks },
];
