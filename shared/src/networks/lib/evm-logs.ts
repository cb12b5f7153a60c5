import * as v from 'valibot';
import { AppError } from '../../errors.js';
import { askRpc, hostOf, type RpcWay } from './spl-rpc.js';

/** ERC-20 `Transfer` logs of an Ethereum-like node. Quantities are hexadecimal texts; amounts become bigint, never a number. */
export const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

const hex = v.pipe(v.string(), v.regex(/^0x[0-9a-f]+$/i));
const log = v.object({
  address: v.string(),
  topics: v.array(v.string()),
  data: v.string(),
  blockNumber: v.nullable(hex),
  blockHash: v.nullable(hex),
  transactionHash: v.nullable(hex),
  logIndex: v.nullable(hex),
  removed: v.optional(v.boolean()),
  blockTimestamp: v.nullish(hex),
});

export interface Transfer {
  tx: string;
  index: number;
  block: number;
  hash: string;
  from: string;
  to: string;
  amount: bigint;
  /** Where the node tells it in the log. */
  ts: number | null;
}

export interface Wanted {
  contract: string;
  /** In lower case, as all addresses here. */
  wallets: readonly string[];
  /** Who pays; empty: everyone. */
  payers: readonly string[];
}

export const numberOf = (quantity: string): number => {
  const value = Number(quantity);
  if (Number.isSafeInteger(value)) return value;
  throw new AppError('bad_reply', `The node answered ${quantity.slice(0, 20)} where a block or a time is expected`);
};
const quantityOf = (block: number): string => `0x${block.toString(16)}`;
const topicOf = (address: string): string => `0x${address.slice(2).padStart(64, '0')}`;
const ADDRESS_TOPIC = /^0x0{24}[0-9a-f]{40}$/i;
const UINT256 = /^0x[0-9a-f]{64}$/i;

/** The transfers of blocks `from` to `to`, both included: one request for all wallets. */
export const transfersIn = async (
  way: RpcWay,
  wanted: Wanted,
  { from, to }: { from: number; to: number },
): Promise<Transfer[]> => {
  const { contract, wallets, payers } = wanted;
  const topics = [TRANSFER, payers.length > 0 ? payers.map(topicOf) : null, wallets.map(topicOf)];
  const filter = { address: contract, fromBlock: quantityOf(from), toBlock: quantityOf(to), topics };
  const reply = v.safeParse(v.array(log), await askRpc(way, 'eth_getLogs', [filter]));
  if (!reply.success) throw new AppError('bad_reply', `${hostOf(way.url)} answered no list of logs`);
  // Some nodes ignore a part of the filter.
  const isWanted = (one: Transfer) =>
    one.block >= from && one.block <= to && wallets.includes(one.to) && (payers.length === 0 || payers.includes(one.from));
  return reply.output
    .filter(({ address }) => address.toLowerCase() === contract)
    .flatMap(asTransfer)
    .filter(isWanted);
};

/** Pending, removed, and ERC-721 logs (the same first topic, the token's number as a fourth) are none; nor is an amount of nothing. */
const asTransfer = (one: v.InferOutput<typeof log>): Transfer[] => {
  const { topics, data, blockNumber, blockHash, transactionHash, logIndex, removed, blockTimestamp } = one;
  const [first, from, to] = topics;
  if (removed || blockNumber === null || blockHash === null || transactionHash === null || logIndex === null) return [];
  if (topics.length !== 3 || first?.toLowerCase() !== TRANSFER || !UINT256.test(data)) return [];
  if (!from || !to || !ADDRESS_TOPIC.test(from) || !ADDRESS_TOPIC.test(to) || BigInt(data) === 0n) return [];
  return [
    {
      ...{
        tx: transactionHash.toLowerCase(),
        index: numberOf(logIndex),
        block: numberOf(blockNumber),
        hash: blockHash.toLowerCase(),
      },
      ...{ from: addressIn(from), to: addressIn(to), amount: BigInt(data) },
      ts: blockTimestamp ? numberOf(blockTimestamp) * 1_000 : null,
    },
  ];
};

const addressIn = (topic: string): string => `0x${topic.slice(-40).toLowerCase()}`;

const block = v.object({ number: hex, hash: hex, timestamp: hex });
export interface Block {
  number: number;
  hash: string;
  ts: number;
}

/** A block by number or tag; null where the node does not know it. */
export const blockAt = async (way: RpcWay, at: number | string): Promise<Block | null> => {
  const reply = await askRpc(way, 'eth_getBlockByNumber', [typeof at === 'number' ? quantityOf(at) : at, false]);
  if (reply === null) return null;
  const parsed = v.safeParse(block, reply);
  if (!parsed.success) throw new AppError('bad_reply', `${hostOf(way.url)} answered no block`);
  const { number, hash, timestamp } = parsed.output;
  return { number: numberOf(number), hash: hash.toLowerCase(), ts: numberOf(timestamp) * 1_000 };
};

export const quantity = async (way: RpcWay, method: 'eth_chainId' | 'eth_blockNumber'): Promise<number> => {
  const reply = v.safeParse(hex, await askRpc(way, method, []));
  if (reply.success) return numberOf(reply.output);
  throw new AppError('bad_reply', `${hostOf(way.url)} answered no number to ${method}`);
};

const AHEAD = /beyond|future|ahead/i;
const LIMIT_TEXT = /range|limit|exceed|too many|size|more than|results/i;
const LIMIT_CODES = new Set<unknown>([-32_005, -32_602, -32_603, -32_614, 35]);

/** Whether a smaller range may be answered; null: it would not help. With the range that the node proposes, where it does. */
export const limitIn = (error: unknown): { proposed: number | null } | null => {
  if (!(error instanceof AppError) || error.code === 'too_many') return null;
  const { rpc_code, rpc_message, rpc_data } = error.details;
  const said = typeof rpc_message === 'string' ? rpc_message : '';
  if (AHEAD.test(said)) return null;
  const is_limit = error.code === 'timeout' || error.code === 'too_large' || LIMIT_CODES.has(rpc_code) || LIMIT_TEXT.test(said);
  return is_limit ? { proposed: proposedIn(said, rpc_data) } : null;
};

/** `Try with this block range [0x0, 0xd043b8]`, or the same as data. */
const proposedIn = (said: string, data: unknown): number | null => {
  const [, low, high] = /\[(0x[0-9a-f]+),\s*(0x[0-9a-f]+)\]/i.exec(said) ?? [];
  const { from = low, to = high } = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
  const size = Number(to) - Number(from) + 1;
  return Number.isSafeInteger(size) && size > 0 ? size : null;
};
