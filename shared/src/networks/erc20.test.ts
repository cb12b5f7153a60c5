import { describe, expect, it } from 'vitest';
import { asAppError } from '../errors.js';
import { silentLog } from '../log.js';
import type { NetworkReply } from '../network.js';
import { check } from '../schema.js';
import { createEvmNode, type EvmNode, TOKEN } from '../testing/evm-node.js';
import erc20 from './erc20.js';

const address = (digit: string) => `0x${digit.repeat(40)}`;
const [W, V, P, X] = ['a', 'b', 'c', 'd'].map(address) as [string, string, string, string];

const rig = (settings: object = {}, others: EvmNode[] = []) => {
  const node = createEvmNode();
  const first = node.mine();
  const nodes = new Map([node, ...others].map((one, index) => [`http://127.0.0.1:${8545 + index}/`, one]));
  const fixed = {
    contract: TOKEN,
    token: 'DIMO',
    decimals: 18,
    wallets: [W.toUpperCase().replace('0X', '0x')],
    from_block: first,
  };
  const config = check(erc20.config, { ...fixed, urls: [...nodes.keys()], ...settings }, 'config');
  const state: { memory: unknown } = { memory: undefined };
  const read = async (): Promise<NetworkReply> => {
    const reply = await erc20.onDevice?.({
      config,
      http: {
        request: async ({ url, body }) => ({ status: 200, headers: {}, text: nodes.get(url)?.answer(body ?? '') ?? '' }),
      },
      grpc: { unary: () => Promise.reject(new Error('no gRPC here')) },
      host: null,
      memory: { get: () => state.memory, put: (value) => (state.memory = JSON.parse(JSON.stringify(value))) },
      now: 0,
      log: silentLog,
      signal: new AbortController().signal,
    });
    return reply ?? {};
  };
  return { node, read, state };
};

const entriesOf = (reply: NetworkReply) => (reply.readings ?? []).flatMap((one) => (one.kind === 'ledger' ? one.entries : []));
const amounts = (reply: NetworkReply) => entriesOf(reply).map(({ amount }) => amount);
const value = (reply: NetworkReply, metric: string) => reply.samples?.find((one) => one.metric === metric)?.value;
const sumOf = (replies: readonly NetworkReply[]) => {
  const held = new Map(replies.flatMap(entriesOf).map(({ id, amount }) => [id, BigInt(amount)]));
  return [...held.values()].reduce((sum, one) => sum + one, 0n);
};
const failure = async (promise: Promise<unknown>) =>
  asAppError(
    await promise.then(
      () => null,
      (error) => error,
    ),
  );
const pay = (amount: bigint, as?: object) => ({ from: P, to: W, amount, ...(as ? { as } : {}) });
const ranges = (node: EvmNode) =>
  node.asked
    .filter(({ method }) => method === 'eth_getLogs')
    .map(({ params: [filter] }) => filter as { fromBlock: string; toBlock: string })
    .map(({ fromBlock, toBlock }) => Number(toBlock) - Number(fromBlock) + 1);

describe('income of a wallet in an ERC-20 token', () => {
  it('counts finalised transfers exactly, 2^255 too, dated by their block', async () => {
    const { node, read } = rig();
    node.mine([pay(59_147_051_345_528_509_681n), pay(2n ** 255n)], Date.UTC(2025, 11, 24));
    node.pass(4);
    node.mine([pay(1n)]);
    const reply = await read();
    expect(amounts(reply)).toEqual(['59147051345528509681', (2n ** 255n).toString()]);
    expect(entriesOf(reply)[0]).toMatchObject({
      id: expect.stringMatching(/^137:0x[0-9a-f]{64}:0$/),
      ts: Date.UTC(2025, 11, 24),
    });
    expect(reply.readings?.[0]).toMatchObject({
      kind: 'ledger',
      network: 'erc20',
      account: W,
      token: 'DIMO',
      decimals: 18,
      exact: true,
    });
    node.pass(4);
    expect(amounts(await read())).toEqual(['1']);
  });

  it('asks for all wallets at once and keeps their income apart', async () => {
    const { node, read } = rig({ wallets: [W, V] });
    node.mine([pay(5n), { from: P, to: V, amount: 6n }]);
    node.pass(4);
    expect((await read()).readings).toMatchObject([
      { account: W, entries: [{ amount: '5' }] },
      { account: V, entries: [{ amount: '6' }] },
    ]);
    expect(ranges(node)).toHaveLength(1);
  });

  it('takes no own transfers, no strangers where payers are named, no amounts of nothing, nothing that is not ERC-20', async () => {
    const { node, read } = rig({ wallets: [W, V], own: [address('e')], payers: [P, V, address('e')] });
    const nft = { topics: [`0x${'1'.repeat(64)}`], data: '0x' };
    node.mine([
      pay(5n),
      { from: W, to: W, amount: 1n },
      { from: V, to: W, amount: 1n },
      { from: address('e'), to: W, amount: 1n },
      { from: X, to: W, amount: 1n },
      { from: P, to: X, amount: 1n },
      { from: P, to: W, amount: 1n, contract: X },
      pay(0n),
      pay(1n, nft),
      pay(1n, { removed: true }),
      pay(1n, { blockNumber: null, blockHash: null, logIndex: null }),
    ]);
    node.pass(4);
    expect(amounts(await read())).toEqual(['5']);
  });

  it('trusts no node that ignores the filter', async () => {
    const { node, read } = rig();
    node.mine([pay(5n), { from: P, to: X, amount: 1n }, { from: P, to: W, amount: 1n, contract: X }]);
    node.pass(4);
    node.intercept = (method, params) => {
      if (method !== 'eth_getLogs') return undefined;
      node.intercept = null;
      const [all, contract] = [0, 1].map((at) => {
        const [filter] = params as [{ topics: unknown[]; address: string }];
        const wide = at === 0 ? { ...filter, topics: [] } : { ...filter, address: X };
        return JSON.parse(node.answer(JSON.stringify({ id: 1, method, params: [wide] }))).result as object[];
      });
      return { result: [...(all ?? []), ...(contract ?? [])] };
    };
    expect(amounts(await read())).toEqual(['5']);
  });

  it('begins now where no block is named', async () => {
    const { node, read } = rig({ from_block: undefined });
    node.mine([pay(5n)]);
    node.pass(10);
    expect(amounts(await read())).toEqual([]);
    node.mine([pay(6n)]);
    node.pass(4);
    expect(amounts(await read())).toEqual(['6']);
  });

  it('asks a block for its time once, where the log does not tell it', async () => {
    const { node, read } = rig();
    node.tells_times = false;
    node.mine([pay(5n), pay(6n)], 1_764_600_000_000);
    node.pass(4);
    expect(entriesOf(await read()).map(({ ts }) => ts)).toEqual([1_764_600_000_000, 1_764_600_000_000]);
    const numbered = node.asked.filter(({ method, params }) => method === 'eth_getBlockByNumber' && params[0] !== 'finalized');
    expect(numbered).toHaveLength(1);
  });

  it('stays behind the head by the depth where the node knows no tags', async () => {
    const { node, read } = rig({ reorg_depth: 10 });
    node.knows_tags = false;
    node.mine([pay(5n)]);
    node.pass(9);
    expect(amounts(await read())).toEqual([]);
    node.pass(1);
    expect(amounts(await read())).toEqual(['5']);
  });
});

describe('ranges of blocks', () => {
  it('are halved until the node answers, and grow again', async () => {
    const { node, read } = rig({ most_blocks: 64 });
    node.most_blocks = 5;
    for (let turn = 0; turn < 100; turn++) node.mine([pay(1n)]);
    node.pass(4);
    const reply = await read();
    expect(sumOf([reply])).toBe(100n);
    expect(ranges(node).slice(0, 6)).toEqual([64, 32, 16, 8, 4, 4]);
    expect(Math.max(...ranges(node).slice(14))).toBe(6);
  });

  it('are those that the node proposes', async () => {
    const { node, read } = rig();
    node.most_blocks = 300;
    node.refusal = (from) => ({
      code: -32602,
      message: `Log response size exceeded. this block range should work: [0x${from.toString(16)}, 0x${(from + 299).toString(16)}]`,
    });
    node.pass(1_000);
    await read();
    expect(ranges(node)).toEqual([997, 300, 300, 300, 97]);
  });

  it('are not halved when there were too many requests: what was read is kept', async () => {
    const { node, read, state } = rig({ most_blocks: 10 });
    for (let turn = 0; turn < 40; turn++) node.mine([pay(1n)]);
    node.pass(4);
    let left = 2;
    node.intercept = (method) =>
      method === 'eth_getLogs' && left-- <= 0
        ? { error: { code: -32005, message: 'daily request count exceeded, request rate limited' } }
        : undefined;
    const first = await read();
    expect(sumOf([first])).toBe(19n);
    expect(value(first, 'blocks_behind')).toBe(21);
    expect((await failure(read())).code).toBe('too_many');
    expect(state.memory).toMatchObject({ blocks: 10 });
    node.intercept = null;
    expect(sumOf([first, await read()])).toBe(40n);
  });

  it('never reach beyond the head of another node of the pool', async () => {
    const { node, read } = rig();
    node.pass(10);
    const ahead = `0x${(node.head + 50).toString(16)}`;
    node.intercept = (method, [at]) =>
      method === 'eth_getBlockByNumber' && at === 'finalized'
        ? { result: { number: ahead, hash: '0x1', timestamp: '0x1' } }
        : undefined;
    expect(await failure(read())).toMatchObject({ code: 'bad_reply', message: expect.stringContaining('beyond current head') });
  });
});

describe('a reorganisation', () => {
  it('withdraws what it took away and books what came in its place', async () => {
    const { node, read } = rig({ read_to: 'latest', reorg_depth: 20 });
    node.mine([pay(5n)]);
    node.mine([pay(7n)]);
    const first = await read();
    node.reorganise(1);
    node.mine([pay(8n)]);
    node.mine();
    const second = await read();
    expect(amounts(second).sort()).toEqual(['0', '8']);
    expect(sumOf([first, second])).toBe(13n);
    expect(value(second, 'withdrawn')).toBe(1);
    expect(amounts(await read())).toEqual([]);
  });

  it('that only moves a transaction to another block changes its date alone', async () => {
    const { node, read } = rig({ read_to: 'latest', reorg_depth: 20 });
    const transactionHash = `0x${'9'.repeat(64)}`;
    node.mine([pay(7n, { transactionHash })]);
    const first = await read();
    node.reorganise(1);
    node.mine();
    node.mine([pay(7n, { transactionHash })]);
    const second = await read();
    expect(entriesOf(second).map(({ id }) => id)).toEqual(entriesOf(first).map(({ id }) => id));
    expect(sumOf([first, second])).toBe(7n);
  });

  it('is not believed of a node that leaves logs out of blocks that are still there', async () => {
    const { node, read } = rig({ read_to: 'latest', reorg_depth: 20 });
    node.mine([pay(7n)]);
    await read();
    node.mine();
    node.intercept = (method) => (method === 'eth_getLogs' ? { result: [] } : undefined);
    expect((await failure(read())).message).toContain('leaves out');
    node.intercept = null;
    expect(amounts(await read())).toEqual([]);
  });
});

describe('an Ethereum node', () => {
  it('of another chain is refused', async () => {
    const { read } = rig({ chain_id: 1 });
    expect(await failure(read())).toMatchObject({ code: 'bad_settings', message: expect.stringContaining('chain 137') });
  });

  it('that is far behind what was read is not believed', async () => {
    const { node, read } = rig({ reorg_depth: 2 });
    node.pass(50);
    await read();
    node.reorganise(40);
    expect((await failure(read())).code).toBe('busy');
  });

  it('that fails is followed by the next', async () => {
    const second = createEvmNode();
    const { node, read } = rig({}, [second]);
    second.mine();
    second.mine([pay(5n)]);
    second.pass(4);
    node.intercept = () => ({ error: { code: -32000, message: 'header not found' } });
    expect(amounts(await read())).toEqual(['5']);
  });

  it('may hold more entries in its last blocks than are remembered', async () => {
    const { node, read, state } = rig({ reorg_depth: 1_000 });
    for (let turn = 0; turn < 300; turn++) node.mine([pay(1n)]);
    node.pass(4);
    const first = await read();
    expect(JSON.stringify(state.memory).length).toBeLessThan(65_536);
    expect(sumOf([first, await read()])).toBe(300n);
  });
});
