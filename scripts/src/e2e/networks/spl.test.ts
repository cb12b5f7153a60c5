import { startHttpServer } from '@muster/shared/testing/http';
import { createSolanaNode } from '@muster/shared/testing/solana-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../testing/processes.js';
import { type ChainRig, startChainRig, untilEarned } from './chain-rig.js';

/** A Solana wallet from its node's JSON-RPC to the ledger of the hub. */
const MINT = 'nosXBVoaCTtYdLvKY6Csb4AC8JCdQKKAaWYtx2ZMoo7';
const name = (text: string) => text.padEnd(40, '1');
const [WALLET, ACCOUNT, PAYER] = [name('Wa'), name('Aa'), name('Pa')];
const node = createSolanaNode();
let busy = false;
let server: Awaited<ReturnType<typeof startHttpServer>>;
let rig: ChainRig;

beforeAll(async () => {
  node.open(PAYER, name('Pb'), MINT, 10n ** 19n);
  node.open(ACCOUNT, WALLET, MINT);
  const at = Date.now() - 3_600_000;
  node.transact({ [PAYER]: -9_007_199_254_740_993n, [ACCOUNT]: 9_007_199_254_740_993n }, { at });
  node.transact({ [ACCOUNT]: -9_007_199_254_740_000n, [PAYER]: 9_007_199_254_740_000n }, { at });
  node.transact({ [PAYER]: -5n, [ACCOUNT]: 5n }, { at, failed: true });
  server = await startHttpServer((_request, body) =>
    busy ? { status: 429, headers: { 'retry-after': '1' }, text: 'Too many requests' } : { text: node.answer(body) },
  );
  const config = { name: 'nosana', urls: [server.url], mint: MINT, token: 'NOS', decimals: 8, wallets: [WALLET] };
  rig = await startChainRig('spl', config);
}, 60_000);

afterAll(async () => {
  await rig?.stop();
  await server?.close();
});

describe('a Solana token, end to end', { timeout: 90_000 }, () => {
  it('is in the ledger to the base unit; a withdrawal and a failed transfer take nothing away', async () => {
    await untilEarned(rig, { 'nosana NOS 8': '9007199254740993' });
    expect(await until('the metric', async () => (await rig.latest('nosana.transfers')) === 1)).toBe(true);
    expect(await rig.latest('nosana.history_gaps')).toBe(0);
    expect(await rig.networks()).toMatchObject([
      { network: 'nosana', account: WALLET, source: 'spl', booked: true, state: 'ok' },
    ]);
  });

  it('books what comes after a time of refusals once', async () => {
    busy = true;
    await until('the source to fail', async () => (await rig.latest('muster.agent.source.up')) === 0);
    const [state] = await until('the failure to show', async () => {
      const failed = (await rig.networks()).filter((one) => one.last_error !== null);
      return failed.length > 0 && failed;
    });
    expect(state?.last_error).toContain('no more requests');
    node.transact({ [PAYER]: -7n, [ACCOUNT]: 7n }, { at: Date.now() - 60_000 });
    busy = false;
    await untilEarned(rig, { 'nosana NOS 8': '9007199254741000' });
    expect(await until('two transfers', async () => (await rig.latest('nosana.transfers')) === 2)).toBe(true);
  });
});
