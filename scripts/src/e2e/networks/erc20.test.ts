import { createEvmNode, TOKEN } from '@muster/shared/testing/evm-node';
import { startHttpServer } from '@muster/shared/testing/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../testing/processes.js';
import { type ChainRig, startChainRig, untilEarned } from './chain-rig.js';

/** ERC-20 transfers from a node's JSON-RPC to the ledger of the hub. */
const WALLET = `0x${'a'.repeat(40)}`;
const PAYER = `0x${'b'.repeat(40)}`;
const node = createEvmNode();
const now = Math.floor(Date.now() / 1_000) * 1_000;
const pay = (amount: bigint, as?: object) => [{ from: PAYER, to: WALLET, amount, ...(as ? { as } : {}) }];
let server: Awaited<ReturnType<typeof startHttpServer>>;
let rig: ChainRig;

beforeAll(async () => {
  node.most_blocks = 100;
  const first = node.mine([], now - 3_600_000);
  node.mine(pay(59_147_051_345_528_509_681n), now - 3_600_000);
  node.mine(pay(1n, { removed: true }), now - 3_600_000);
  node.pass(300);
  node.mine(pay(2n ** 200n), now - 60_000);
  server = await startHttpServer((_request, body) => ({ text: node.answer(body) }));
  const config = { name: 'dimo_wallet', urls: [server.url], chain_id: 137, contract: TOKEN, token: 'DIMO', decimals: 18 };
  rig = await startChainRig('erc20', { ...config, wallets: [WALLET], from_block: first, read_to: 'latest', reorg_depth: 20 });
}, 60_000);

afterAll(async () => {
  await rig?.stop();
  await server?.close();
});

describe('an ERC-20 token, end to end', { timeout: 90_000 }, () => {
  it('is in the ledger to the base unit, far beyond 2^63, through ranges that the node allows', async () => {
    await untilEarned(rig, { 'dimo_wallet DIMO 18': (59_147_051_345_528_509_681n + 2n ** 200n).toString() });
    expect(await until('the metric', async () => (await rig.latest('dimo_wallet.transfers')) === 2)).toBe(true);
    expect(await rig.latest('dimo_wallet.blocks_behind')).toBe(0);
    expect(await rig.networks()).toMatchObject([{ network: 'dimo_wallet', account: WALLET, source: 'erc20', booked: true }]);
  });

  it('loses what a reorganisation took away and keeps the rest', async () => {
    node.reorganise(1);
    node.mine(pay(7n), now - 60_000);
    node.mine();
    await untilEarned(rig, { 'dimo_wallet DIMO 18': '59147051345528509688' });
    expect(await until('the metric', async () => (await rig.latest('dimo_wallet.withdrawn')) === 1)).toBe(true);
  });
});
