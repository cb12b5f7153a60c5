/** An Ethereum node with a small chain of its own, as it answers JSON-RPC; for tests. */
export interface EvmNode {
  /** Adds a block with these transfers; answers its number. */
  mine(transfers?: readonly EvmTransfer[], ts?: number): number;
  /** Adds empty blocks. */
  pass(blocks: number): void;
  /** Takes the last blocks away; what is mined next has other hashes. */
  reorganise(blocks: number): void;
  /** The body of an HTTP reply. */
  answer(body: string): string;
  /** Refuses ranges larger than this; the error is `refusal`. */
  most_blocks: number;
  refusal(from: number, to: number): object;
  knows_tags: boolean;
  tells_times: boolean;
  /** Plain error or result of a test in place of the chain. */
  intercept: ((method: string, params: readonly unknown[]) => object | undefined) | null;
  asked: { method: string; params: readonly unknown[] }[];
  readonly head: number;
}

export interface EvmTransfer {
  from: string;
  to: string;
  amount: bigint;
  contract?: string;
  /** Changes to the log as a real node gives it. */
  as?: object;
}

interface Block {
  hash: string;
  ts: number;
  logs: object[];
}

const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
export const TOKEN = '0xe261d618a959afffd53168cd07d12e37b26761db';
export const CHAIN = 137;
/** How far behind the head the finalised block is. */
const FINAL = 4;
const START = Date.UTC(2025, 11, 1);

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const word = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`;
const topic = (address: string): string => `0x${address.slice(2).padStart(64, '0')}`;

/** The two methods that look into the chain. */
const answers = (chain: { blocks: Block[]; first: number; head: () => number; node: () => EvmNode }) => {
  const { blocks, first, head } = chain;
  const asBlock = (number: number) => {
    const block = blocks[number - first];
    return block ? { number: hex(number), hash: block.hash, timestamp: hex(block.ts / 1_000), transactions: [] } : null;
  };

  const logs = ([filter]: readonly unknown[]): object => {
    const { fromBlock, toBlock, address, topics } = filter as {
      fromBlock: string;
      toBlock: string;
      address: string;
      topics: unknown[];
    };
    const [from, to] = [Number(fromBlock), Number(toBlock)];
    if (from > to) return { error: { code: -32602, message: 'invalid block range params' } };
    if (to > head()) return { error: { code: -32602, message: 'block range extends beyond current head block' } };
    if (to - from + 1 > chain.node().most_blocks) return { error: chain.node().refusal(from, to) };
    const found = blocks.slice(Math.max(0, from - first), to - first + 1).flatMap((one) => one.logs);
    return { result: found.filter((log) => isAsked(log as Log, { address, topics })) };
  };
  const block = ([at]: readonly unknown[]): object => {
    const text = String(at);
    if (text.startsWith('0x')) return { result: asBlock(Number(text)) };
    if (!chain.node().knows_tags) return { error: { code: -32602, message: `invalid argument 0: hex string without 0x prefix` } };
    return { result: asBlock(text === 'latest' ? head() : head() - FINAL) };
  };
  return { block, logs };
};

export const createEvmNode = (first = 80_000_000): EvmNode => {
  const blocks: Block[] = [];
  let forks = 0;
  let transactions = 0;
  const head = () => first + blocks.length - 1;

  const { block, logs } = answers({ blocks, first, head, node: () => node });
  const methods: Record<string, (params: readonly unknown[]) => object> = {
    eth_chainId: () => ({ result: hex(CHAIN) }),
    eth_blockNumber: () => ({ result: hex(head()) }),
    eth_getBlockByNumber: block,
    eth_getLogs: logs,
  };

  const node: EvmNode = {
    most_blocks: Number.POSITIVE_INFINITY,
    knows_tags: true,
    tells_times: true,
    intercept: null,
    asked: [],
    refusal: () => ({ code: -32005, message: 'query returned more than 10000 results' }),
    mine(transfers = [], ts) {
      const number = first + blocks.length;
      const made: Block = {
        hash: word(BigInt(number) * 1_000n + BigInt(forks)),
        ts: ts ?? START + blocks.length * 2_000,
        logs: [],
      };
      made.logs = transfers.map((transfer, index) => ({
        ...asLog(transfer, { index, number, ...made }),
        transactionHash: word(BigInt(++transactions) * 7n),
        ...(node.tells_times ? { blockTimestamp: hex(made.ts / 1_000) } : {}),
        ...transfer.as,
      }));
      blocks.push(made);
      return number;
    },
    pass(count) {
      for (let turn = 0; turn < count; turn++) node.mine();
    },
    reorganise(count) {
      forks++;
      blocks.splice(blocks.length - count);
    },
    answer(body) {
      const { id, method, params } = JSON.parse(body) as { id: number; method: string; params: unknown[] };
      node.asked.push({ method, params });
      const none = () => ({ error: { code: -32601, message: 'the method does not exist' } });
      return JSON.stringify({ jsonrpc: '2.0', id, ...(node.intercept?.(method, params) ?? (methods[method] ?? none)(params)) });
    },
    get head() {
      return head();
    },
  };
  return node;
};

const asLog = ({ contract, from, to, amount }: EvmTransfer, at: { index: number; number: number; hash: string }) => ({
  address: contract ?? TOKEN,
  topics: [TRANSFER, topic(from), topic(to)],
  data: word(amount),
  ...{ blockNumber: hex(at.number), blockHash: at.hash, transactionIndex: '0x0', logIndex: hex(at.index), removed: false },
});

interface Log {
  address: string;
  topics: string[];
}
const isAsked = (log: Log, { address, topics }: { address: string; topics: readonly unknown[] }): boolean =>
  log.address === address &&
  topics.every((one, at) => one === null || one === log.topics[at] || (Array.isArray(one) && one.includes(log.topics[at])));
