import { describe, expect, it } from 'vitest';
import { asAppError } from '../errors.js';
import type { HttpRequest } from '../http.js';
import { silentLog } from '../log.js';
import type { NetworkReply } from '../network.js';
import { check } from '../schema.js';
import { createSolanaNode, type SolanaNode } from '../testing/solana-node.js';
import { movesOf, transaction } from './lib/spl-transfers.js';
import spl from './spl.js';

const MINT = 'rndrizKT3MK1iimdxRdWabcF7Zg7AR5T4nud4EkHBof';
const name = (text: string) => text.padEnd(40, '1');
const [W, A, A2, P, PA, X, XA] = ['Wa', 'Aa', 'Ab', 'Pa', 'Pb', 'Xa', 'Xb'].map(name) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
];
const URL = 'http://127.0.0.1:8899/key';

/** A wallet with two token accounts, a payer and a stranger; the source is asked as an agent asks it. */
const rig = (settings: object = {}, nodes: Record<string, SolanaNode> = {}) => {
  const node = createSolanaNode();
  node.open(PA, P, MINT, 1_500_000_000_000n);
  node.open(XA, X, MINT, 10_000_000_000n);
  node.open(A, W, MINT);
  const all: Record<string, SolanaNode> = { [URL]: node, ...nodes };
  const config = check(
    spl.config,
    { mint: MINT, token: 'RENDER', decimals: 8, wallets: [W], urls: Object.keys(all), ...settings },
    'config',
  );
  let memory: unknown;
  const bodies: HttpRequest[] = [];
  const read = async (): Promise<NetworkReply> => {
    const reply = await spl.onDevice?.({
      config,
      http: {
        request: async (request) => {
          bodies.push(request);
          return { status: 200, headers: {}, text: all[request.url]?.answer(request.body ?? '') ?? '' };
        },
      },
      grpc: { unary: () => Promise.reject(new Error('no gRPC here')) },
      host: null,
      memory: { get: () => memory, put: (value) => (memory = JSON.parse(JSON.stringify(value))) },
      now: Date.UTC(2025, 10, 1),
      log: silentLog,
      signal: new AbortController().signal,
    });
    return reply ?? {};
  };
  return { node, read, bodies };
};

const entriesOf = (reply: NetworkReply) => (reply.readings ?? []).flatMap((one) => (one.kind === 'ledger' ? one.entries : []));
const amounts = (reply: NetworkReply) => entriesOf(reply).map(({ amount }) => amount);
const value = (reply: NetworkReply, metric: string) => reply.samples?.find((one) => one.metric === metric)?.value;
/** As the hub sums: per id the newest amount. */
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

/** The seven transactions of the reference: income, withdrawal, failure, a stranger, a self transfer, one base unit. */
const play = (node: SolanaNode) => {
  node.transact({ [PA]: -1_250_000_000n, [A]: 1_250_000_000n });
  node.transact({ [PA]: -1_886_954_854n, [A]: 1_886_954_854n });
  node.transact({ [A]: -3_100_000_000n, [XA]: 3_100_000_000n });
  node.transact({ [PA]: -5n, [A]: 5n }, { failed: true });
  node.transact({ [XA]: -100_000_000n, [A]: 100_000_000n });
  node.open(A2, W, MINT, 0n);
  node.transact({ [PA]: -900_000_000n, [A2]: 900_000_000n });
  node.transact({ [A2]: -900_000_000n, [A]: 900_000_000n });
  return node.transact({ [PA]: -1n, [A]: 1n });
};

describe('income of a Solana wallet', () => {
  it('counts what came in, to the base unit; withdrawals, failures and own transfers change nothing', async () => {
    const { node, read } = rig();
    const last = play(node);
    const reply = await read();
    expect(sumOf([reply])).toBe(1_250_000_000n + 1_886_954_854n + 100_000_000n + 900_000_000n + 1n);
    expect(entriesOf(reply).at(-1)).toEqual({ id: `${last}:2`, ts: 1_761_783_300_000, amount: '1' });
    expect(value(reply, 'history_gaps')).toBe(0);
    expect(value(reply, 'behind')).toBe(0);
    expect(reply.readings?.map((one) => [one.kind, one.network, one.account, one.exact])).toEqual([['ledger', 'spl', W, true]]);
  });

  it('counts payers only where they are named, and tells how often others sent something', async () => {
    const { node, read } = rig({ payers: [P] });
    play(node);
    const reply = await read();
    expect(sumOf([reply])).toBe(1_250_000_000n + 1_886_954_854n + 900_000_000n + 1n);
    expect(value(reply, 'transfers_other')).toBe(1);
  });

  it('counts no transfer from a wallet that is called its own', async () => {
    const { node, read } = rig({ own: [X] });
    play(node);
    expect(sumOf([await read()])).toBe(1_250_000_000n + 1_886_954_854n + 900_000_000n + 1n);
  });

  it('asks only for what is new, and says nothing twice', async () => {
    const { node, read } = rig();
    play(node);
    await read();
    node.asked.length = 0;
    expect(entriesOf(await read())).toEqual([]);
    expect(node.asked).toEqual(['getTokenAccountsByOwner', 'getSignaturesForAddress', 'getSignaturesForAddress']);
    node.transact({ [PA]: -7n, [A]: 7n });
    node.asked.length = 0;
    expect(amounts(await read())).toEqual(['7']);
    expect(node.asked.filter((method) => method === 'getTransaction')).toHaveLength(1);
  });

  it('reads a long history over several reads, newest first, and keeps up with what comes meanwhile', async () => {
    const { node, read } = rig({ transactions_per_read: 4 });
    for (let turn = 0; turn < 10; turn++) node.transact({ [PA]: -1_000n, [A]: 1_000n });
    const replies = [await read()];
    expect(value(replies[0] ?? {}, 'behind')).toBe(1);
    node.transact({ [PA]: -3n, [A]: 3n });
    for (let turn = 0; turn < 4; turn++) replies.push(await read());
    expect(sumOf(replies)).toBe(10_003n);
    expect(value(replies.at(-1) ?? {}, 'behind')).toBe(0);
    expect(value(replies.at(-1) ?? {}, 'history_gaps')).toBe(0);
  });

  it('keeps what it read before a node refuses, and goes on there', async () => {
    const { node, read } = rig();
    for (let turn = 0; turn < 6; turn++) node.transact({ [PA]: -1_000n, [A]: 1_000n });
    let left = 2;
    const too_many = { error: { code: 429, message: 'Too many requests for a specific RPC call' } };
    node.intercept = (method) => (method === 'getTransaction' && left-- <= 0 ? too_many : undefined);
    const first = await read();
    expect(amounts(first)).toHaveLength(2);
    expect((await failure(read())).code).toBe('too_many');
    node.intercept = null;
    expect(sumOf([first, await read()])).toBe(6_000n);
  });

  it('keeps the income of an account that was closed since', async () => {
    const { node, read } = rig();
    node.transact({ [PA]: -5n, [A]: 5n });
    const first = await read();
    node.transact({ [A]: -5n, [XA]: 5n });
    node.close(A);
    const second = await read();
    expect(sumOf([first, second])).toBe(5n);
    expect(value(second, 'history_gaps')).toBe(0);
  });

  it('asks the block for its time where the transaction does not tell it', async () => {
    const { node, read } = rig();
    node.transact({ [PA]: -5n, [A]: 5n }, { blockTime: null });
    expect(entriesOf(await read())[0]?.ts).toBe((1_761_782_400 + 200) * 1_000);
  });

  it('reads from a day on where it is told to', async () => {
    const { node, read } = rig({ since: '2025-10-30' });
    node.transact({ [PA]: -5n, [A]: 5n }, { at: Date.UTC(2025, 9, 29) });
    node.transact({ [PA]: -6n, [A]: 6n }, { at: Date.UTC(2025, 9, 31) });
    const reply = await read();
    expect(amounts(reply)).toEqual(['6']);
    expect(value(reply, 'history_gaps')).toBe(0);
  });

  it('asks finalised transactions of every version only', async () => {
    const { node, read, bodies } = rig();
    play(node);
    await read();
    const asked = bodies.map(
      ({ body }) => JSON.parse(body ?? '') as { method: string; params: [string, Record<string, unknown>] },
    );
    for (const { method, params } of asked) expect(JSON.stringify(params), method).toContain('"commitment":"finalized"');
    const one = asked.find(({ method }) => method === 'getTransaction');
    expect(one?.params[1]).toMatchObject({ maxSupportedTransactionVersion: 0, encoding: 'jsonParsed' });
  });

  it('refuses decimals that the chain contradicts', async () => {
    const { node, read } = rig({ decimals: 9 });
    node.transact({ [PA]: -5n, [A]: 5n });
    expect(await failure(read())).toMatchObject({ code: 'bad_settings', message: expect.stringContaining('8 decimals') });
  });

  it('reads a single token account, whoever owns it', async () => {
    const { node, read } = rig({ wallets: [], token_accounts: [A] });
    node.transact({ [PA]: -5n, [A]: 5n });
    expect((await read()).readings).toMatchObject([{ account: A, entries: [{ amount: '5' }] }]);
  });
});

describe('a Solana node that does not tell everything', () => {
  it('is found out when it answers nothing for an account that holds something', async () => {
    const { node, read } = rig();
    node.transact({ [PA]: -5n, [A]: 5n });
    node.pruneBelow(10_000);
    expect((await failure(read())).message).toContain('long-term storage');
  });

  it('is asked again without alarm when it forgot everything and nothing changed', async () => {
    const { node, read } = rig();
    node.transact({ [PA]: -5n, [A]: 5n });
    await read();
    node.pruneBelow(10_000);
    expect(amounts(await read())).toEqual([]);
    node.open(A, W, MINT, 6n);
    expect((await failure(read())).code).toBe('bad_reply');
  });

  it('may forget what was read before: balances that join prove that nothing is missing', async () => {
    const { node, read } = rig();
    node.transact({ [PA]: -5n, [A]: 5n });
    const first = await read();
    node.transact({ [PA]: -6n, [A]: 6n });
    node.pruneBelow(node.slot);
    const second = await read();
    expect(sumOf([first, second])).toBe(11n);
    expect(value(second, 'history_gaps')).toBe(0);
  });

  it.each(['error', 'empty'] as const)(
    'is told as a gap after three reads when income lies in what it forgot (%s)',
    async (unknown) => {
      const { node, read } = rig();
      node.unknown = unknown;
      node.transact({ [PA]: -5n, [A]: 5n });
      await read();
      node.transact({ [PA]: -6n, [A]: 6n });
      node.transact({ [PA]: -7n, [A]: 7n });
      node.pruneBelow(node.slot);
      const replies = [await read(), await read(), await read(), await read()];
      expect(sumOf(replies)).toBe(7n);
      expect(replies.map((reply) => value(reply, 'history_gaps'))).toEqual([0, 0, 1, 1]);
      expect(replies.map((reply) => value(reply, 'behind'))).toEqual([1, 1, 0, 0]);
    },
  );

  it('is helped by a second node that has the rest', async () => {
    const archive = createSolanaNode();
    const { node, read } = rig({}, { 'http://127.0.0.1:8900/': archive });
    for (const one of [node, archive]) {
      if (one === archive) {
        one.open(PA, P, MINT, 1_500_000_000_000n);
        one.open(A, W, MINT);
      }
      one.transact({ [PA]: -6n, [A]: 6n });
      one.transact({ [PA]: -7n, [A]: 7n });
    }
    node.pruneBelow(node.slot);
    const reply = await read();
    expect(sumOf([reply])).toBe(13n);
    expect(value(reply, 'history_gaps')).toBe(0);
  });

  it('is found out when it leaves one out of the middle', async () => {
    const { node, read } = rig();
    node.transact({ [PA]: -5n, [A]: 5n });
    node.hidden.add(node.transact({ [PA]: -6n, [A]: 6n }));
    node.transact({ [PA]: -7n, [A]: 7n });
    const reply = await read();
    expect(sumOf([reply])).toBe(12n);
    expect(value(reply, 'history_gaps')).toBe(1);
  });

  it('is not believed when it is behind what was read', async () => {
    const { node, read } = rig();
    const first = node.transact({ [PA]: -5n, [A]: 5n });
    const second = node.transact({ [PA]: -6n, [A]: 6n });
    await read();
    node.hidden.add(second);
    expect((await failure(read())).code).toBe('busy');
    node.hidden.add(first);
    expect(['busy', 'bad_reply', 'internal']).toContain((await failure(read())).code);
  });

  it('is asked later for a transaction that it lists but does not have', async () => {
    const { node, read } = rig();
    node.transact({ [PA]: -5n, [A]: 5n });
    node.intercept = (method) => (method === 'getTransaction' ? { result: null } : undefined);
    expect((await failure(read())).code).toBe('bad_reply');
    node.intercept = null;
    expect(amounts(await read())).toEqual(['5']);
  });

  it('never shows its key in a sentence', async () => {
    const { node, read } = rig();
    node.intercept = () => ({ error: { code: -32019, message: 'long-term storage' } });
    expect((await failure(read())).message).not.toContain('key');
  });
});

describe('token balances of a transaction', () => {
  const balance = (accountIndex: number, amount: string) => ({
    accountIndex,
    mint: MINT,
    uiTokenAmount: { amount, decimals: 8 },
  });

  it('join lookup tables in plain JSON, and an account that was opened or closed counts from or to nothing', () => {
    const meta = { err: null, preTokenBalances: [balance(3, '9')], postTokenBalances: [balance(2, '5')] };
    const loadedAddresses = { writable: ['A'], readonly: ['B'] };
    const message = { accountKeys: ['P', 'Q'] };
    const parsed = check(transaction, { slot: 1, meta: { ...meta, loadedAddresses }, transaction: { message } }, 'transaction');
    expect(movesOf(parsed, MINT)?.map(({ account, before, after }) => [account, before, after])).toEqual([
      ['A', 0n, 5n],
      ['B', 9n, 0n],
    ]);
  });
});
