import * as v from 'valibot';
import { counter, gauge } from '../metrics.js';
import { defineNetwork, type NetworkCall, type NetworkReply } from '../network.js';
import { secret } from '../schema.js';
import { type EvmConfig, readEvmIncome } from './lib/evm-income.js';
import { secretUrl } from './lib/spl-income.js';

/** Any ERC-20 token of an Ethereum-like chain: `Transfer` logs into wallets, as a ledger of `chain:transaction:log`. */
const address = () =>
  v.pipe(
    v.string(),
    v.regex(/^0x[0-9a-fA-F]{40}$/, 'must be an address: 0x and 40 hexadecimal digits'),
    v.transform((text) => text.toLowerCase()),
  );
const addresses = (most: number) => v.optional(v.pipe(v.array(address()), v.maxLength(most)), []);
const blocks = (least: number, most: number) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const config = v.object({
  /** The network of the stream and the prefix of its metrics. */
  name: v.optional(
    v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must start with a-z and hold a-z, 0-9, _ and -')),
    'erc20',
  ),
  /** The first that answers is asked; keys of providers stand in the path, so they are secrets. */
  urls: v.pipe(v.array(secretUrl()), v.minLength(1), v.maxLength(5)),
  headers: v.optional(v.record(v.string(), secret()), {}),
  /** Refuses a node of another chain. */
  chain_id: v.optional(blocks(1, Number.MAX_SAFE_INTEGER)),
  contract: address(),
  token: v.pipe(v.string(), v.minLength(1), v.maxLength(20)),
  decimals: blocks(0, 36),
  wallets: v.pipe(v.array(address()), v.minLength(1), v.maxLength(50)),
  /** Who pays income; empty: everyone, so that a purchase counts too. */
  payers: addresses(50),
  /** Other wallets of the same operator: what comes from them is no income. */
  own: addresses(50),
  read_to: v.optional(v.picklist(['finalized', 'safe', 'latest']), 'finalized'),
  /** Blocks that are read again each time; also how far behind the head to stay where the node knows no such tag. */
  reorg_depth: v.optional(blocks(0, 10_000), 128),
  /** Where history begins; without it, at the first read. */
  from_block: v.optional(blocks(0, Number.MAX_SAFE_INTEGER)),
  most_blocks: v.optional(blocks(1, 1_000_000), 10_000),
  /** Any other word reads from `from_block` again: entries have ids, so none is counted twice. */
  rescan: v.optional(v.pipe(v.string(), v.maxLength(40)), ''),
});

export default defineNetwork({
  id: 'erc20',
  title: 'ERC-20 token',
  docs: 'https://ethereum.org/en/developers/docs/apis/json-rpc/#eth_getlogs',
  tokens: {},
  config,
  metrics: {},
  configured: (c) => ({
    network: c.name,
    metrics: {
      transfers: counter('1', 'Transfers booked as income'),
      withdrawn: counter('1', 'Transfers that a reorganisation took away'),
      head: gauge('1', 'Newest block that counts'),
      blocks_behind: gauge('1', 'Blocks still to be read'),
      range: gauge('1', 'Blocks asked at once'),
    },
  }),
  every: 900_000,
  expects: { cadence: 7 * 86_400_000, silence_is_normal_for: 10 * 86_400_000 },
  onDevice: (call) => read(call),
  async onHub(call) {
    const { readings = [] } = await read(call);
    return { devices: new Map(), accounts: readings };
  },
});

const read = async (call: NetworkCall<EvmConfig & { name: string }>): Promise<NetworkReply> => {
  const { readings, samples, memory } = await readEvmIncome({ ...call, memory: call.memory.get() });
  call.memory.put(memory);
  return { samples, readings: readings.map((reading) => ({ network: call.config.name, ...reading })) };
};
