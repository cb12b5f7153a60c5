import { AppError, asAppError } from '../../errors.js';
import { findAll, textOf } from '../../json-path.js';
import type { LosslessJson } from '../../lossless.js';
import type { DimoLogs, DimoVehicle } from './dimo-config.js';
import type { Way } from './dimo-http.js';
import type { Entry } from './dimo-rewards.js';
import { createRpc, isLimit, quantity, type Rpc, readQuantity, suggestionOf } from './dimo-rpc.js';

/** What the issuance contract paid, to the wei, from its logs on Polygon. One request covers all vehicles. */
export const TOPICS = {
  device: '0x3ab5458e0b305f1e637781c67c5be0f43b7ee1a4427584e3b229524929184bc4',
  streak: '0x4608830ab3ec9e091c65f293254fe1aef6fcd37ed152914a665e6ad38de6a992',
  older: '0x57e1000ba5ba7b6ab6670639de9fc3db34d05ef2bbce4a09d60dda560387b0ea',
  not_qualified: '0xf667cbbd740351d2f58b68dc6a8ee1b1f3a853c609d7ce7eee4a3bdc94d62774',
} as const;

type Kind = keyof typeof TOPICS;
const KINDS = new Map<string, Kind>(Object.entries(TOPICS).map(([kind, topic]) => [topic, kind as Kind]));
/** Topics, words of data, and in which of them the amount is. */
const SHAPES: Record<Kind, { topics: number; words: number; amount: number }> = {
  device: { topics: 4, words: 3, amount: 1 },
  streak: { topics: 3, words: 3, amount: 1 },
  older: { topics: 3, words: 1, amount: 0 },
  not_qualified: { topics: 3, words: 1, amount: 0 },
};

/** How far the chain was read: kept over restarts. */
export interface LogsCursor {
  /** Everything up to this block was read, for these vehicles. */
  block: number;
  vehicles: number[];
  /** Blocks per request that went well. */
  chunk: number;
}

export interface LogsFound {
  cursor: LogsCursor;
  paid: Map<number, Entry[]>;
  streaks: Map<number, { week: number; streak: number }>;
  /** When a reward was last refused to a vehicle. */
  not_qualified: Map<number, number>;
  /** Blocks were read that were not before. */
  advanced: boolean;
  /** There are more blocks than one call reads. */
  more: boolean;
  /** What ended the walk early; what was read before it holds. */
  error: AppError | null;
}

const FIRST_CHUNK = 2_000;
/** A long history takes several calls. */
const MOST_REQUESTS = 25;
const GROW_AFTER = 10;

export interface LogsNeeds extends Way {
  logs: DimoLogs;
  vehicles: readonly DimoVehicle[];
}

export const readLogs = async (needs: LogsNeeds, before: LogsCursor | undefined): Promise<LogsFound> => {
  const { logs, vehicles } = needs;
  const rpc = createRpc(needs, logs);
  await refuseOtherChain(rpc, logs);
  const safe = readQuantity(await rpc.call('eth_blockNumber', []), 'block number') - logs.confirmations;
  const cursor = startOf(needs, before, safe);
  if (before && safe < before.block - logs.confirmations) {
    throw new AppError(
      'bad_reply',
      `The Polygon node is ${before.block - safe} blocks behind what was read before; is it still syncing?`,
    );
  }
  const began = cursor.block;
  const ids = new Set(vehicles.map((one) => one.token_id));
  const found: LogsFound = {
    cursor,
    paid: new Map(),
    streaks: new Map(),
    not_qualified: new Map(),
    advanced: false,
    more: false,
    error: null,
  };
  try {
    await walk({ rpc, needs, found, safe }, (list) => take(rpc, { list, ids, logs, found }));
  } catch (error) {
    found.error = asAppError(error);
  }
  found.advanced = cursor.block > began;
  found.more = cursor.block < safe;
  return found;
};

const refuseOtherChain = async (rpc: Rpc, { chain_id }: DimoLogs): Promise<void> => {
  const found = readQuantity(await rpc.call('eth_chainId', []), 'chain id');
  if (found !== chain_id) {
    throw new AppError(
      'bad_settings',
      `The node of "logs.url" is on chain ${found}; DIMO's rewards are on chain ${chain_id} (Polygon)`,
    );
  }
};

/** A vehicle that is new in the settings has a history too; reading twice adds nothing. */
const startOf = ({ logs, vehicles }: LogsNeeds, before: LogsCursor | undefined, safe: number): LogsCursor => {
  const ids = vehicles.map((one) => one.token_id);
  const isRead = before && (logs.from_block === undefined || ids.every((id) => before.vehicles.includes(id)));
  const block = isRead ? before.block : (logs.from_block ?? safe + 1) - 1;
  return { block, vehicles: ids, chunk: Math.min(before?.chunk ?? FIRST_CHUNK, logs.max_blocks) };
};

interface Walk {
  rpc: Rpc;
  needs: LogsNeeds;
  found: LogsFound;
  safe: number;
}

/** In steps that the node accepts. The last confirmed blocks are read again: a lagging node behind a balancer answers "nothing". */
const walk = async ({ rpc, needs, found, safe }: Walk, take: (list: LosslessJson) => Promise<void>): Promise<void> => {
  const { logs, signal } = needs;
  const { cursor } = found;
  let from = Math.max(logs.from_block ?? 0, 0, cursor.block + 1 - logs.confirmations);
  let good = 0;
  for (let asked = 0; asked < MOST_REQUESTS && from <= safe && !signal.aborted; asked++) {
    const to = Math.min(safe, from + cursor.chunk - 1);
    try {
      await take(await rpc.call('eth_getLogs', [filterOf(needs, from, to)]));
    } catch (error) {
      if (!isLimit(error) || to === from || signal.aborted) throw error;
      const suggested = suggestionOf(error) ?? 0;
      cursor.chunk = suggested >= from && suggested < to ? suggested - from + 1 : Math.max(1, Math.floor((to - from + 1) / 2));
      good = 0;
      continue;
    }
    cursor.block = Math.max(cursor.block, to);
    from = to + 1;
    good++;
    if (good % GROW_AFTER === 0) cursor.chunk = Math.min(logs.max_blocks, Math.ceil(cursor.chunk * 1.5));
  }
};

const filterOf = ({ logs, vehicles }: LogsNeeds, from: number, to: number) => ({
  address: logs.contract.toLowerCase(),
  fromBlock: quantity(from),
  toBlock: quantity(to),
  topics: [
    Object.values(TOPICS),
    logs.wallets.length > 0 ? logs.wallets.map((wallet) => wordOf(BigInt(wallet))) : null,
    vehicles.map((one) => wordOf(BigInt(one.token_id))),
  ],
});

const wordOf = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`;

interface Batch {
  list: LosslessJson;
  ids: ReadonlySet<number>;
  logs: DimoLogs;
  found: LogsFound;
}

const take = async (rpc: Rpc, { list, ids, logs, found }: Batch): Promise<void> => {
  if (!Array.isArray(list)) throw new AppError('bad_reply', 'The Polygon node answered eth_getLogs with no list');
  const ours = list.flatMap((one) => readLog(one, logs) ?? []).filter((log) => ids.has(log.vehicle));
  const read = [...new Map(ours.map((log) => [`${log.tx} ${log.index}`, log])).values()];
  read.sort((a, b) => a.block - b.block || a.index - b.index);
  const times = await timesOf(rpc, read);
  const counted = new Map<string, number>();
  for (const log of read) {
    const ts = times.get(log.block) ?? 0;
    if (log.kind === 'not_qualified') {
      found.not_qualified.set(log.vehicle, Math.max(ts, found.not_qualified.get(log.vehicle) ?? 0));
      continue;
    }
    // The place within its transaction stays when a reorganisation puts the transaction into another block.
    const within = `${log.vehicle} ${log.tx}`;
    const place = counted.get(within) ?? 0;
    counted.set(within, place + 1);
    const paid = found.paid.get(log.vehicle) ?? [];
    found.paid.set(log.vehicle, paid);
    paid.push({ id: `${logs.chain_id}-${log.tx}-${place}`, ts, amount: `${log.amount}` });
    noteStreak(log, found);
  }
};

const noteStreak = ({ kind, vehicle, words }: Log, { streaks }: LogsFound): void => {
  const [week, , streak] = words.map(Number);
  if (kind !== 'streak' || week === undefined || streak === undefined || !(week < 10_000 && streak < 10_000)) return;
  if (week >= (streaks.get(vehicle)?.week ?? 0)) streaks.set(vehicle, { week, streak });
};

interface Log {
  kind: Kind;
  vehicle: number;
  amount: bigint;
  words: bigint[];
  block: number;
  index: number;
  tx: string;
  /** Seconds; newer nodes say it with the log. */
  time: number | null;
}

const readLog = (json: LosslessJson, logs: DimoLogs): Log | null => {
  const at = (path: string) => textOf(findAll(json, path)[0]) ?? '';
  const topics = findAll(json, 'topics[*]').map((topic) => textOf(topic) ?? '');
  const kind = KINDS.get(topics[0]?.toLowerCase() ?? '');
  if (!kind || at('removed') === 'true' || at('address').toLowerCase() !== logs.contract.toLowerCase()) return null;
  if (!isOurs(topics[1] ?? '', logs)) return null;
  const data = /^0x(([0-9a-f]{64})+)$/i.exec(at('data'))?.[1] ?? '';
  const words = (data.match(/.{64}/g) ?? []).map((word) => BigInt(`0x${word}`));
  const shape = SHAPES[kind];
  const amount = words[shape.amount];
  const vehicle = Number(topics[2]);
  const tx = at('transactionHash').toLowerCase();
  const isWhole = topics.length === shape.topics && words.length >= shape.words && /^0x[0-9a-f]{64}$/i.test(topics[2] ?? '');
  if (!isWhole || amount === undefined || !Number.isSafeInteger(vehicle) || !/^0x[0-9a-f]{64}$/.test(tx)) {
    throw new AppError(
      'bad_reply',
      `The Polygon node answered a log of the issuance contract that is not whole (${tx.slice(0, 66)})`,
    );
  }
  const [block, index] = ['blockNumber', 'logIndex'].map((path) => readQuantity(findAll(json, path)[0], path));
  const stamp = at('blockTimestamp');
  return {
    kind,
    vehicle,
    amount,
    words,
    block: block ?? 0,
    index: index ?? 0,
    tx,
    time: stamp ? readQuantity(stamp, 'block time') : null,
  };
};

const isOurs = (user: string, { wallets }: DimoLogs): boolean =>
  wallets.length === 0 || wallets.some((wallet) => wordOf(BigInt(wallet)) === user.toLowerCase());

/** Weekly payments share few blocks, so the ones without a time are asked for. */
const timesOf = async (rpc: Rpc, read: readonly Log[]): Promise<Map<number, number>> => {
  const times = new Map<number, number>();
  for (const { block, time } of read) {
    if (times.has(block)) continue;
    const seconds =
      time ??
      readQuantity(findAll(await rpc.call('eth_getBlockByNumber', [quantity(block), false]), 'timestamp')[0], 'block time');
    times.set(block, seconds * 1_000);
  }
  return times;
};
