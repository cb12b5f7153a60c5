import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { startHttpServer } from '@muster/shared/testing/http';
import { createSolanaNode } from '@muster/shared/testing/solana-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amountsBothWays } from '../../testing/earning.js';
import { makeFolder, until } from '../../testing/processes.js';
import { type ChainRig, startChainRig, untilEarned } from './chain-rig.js';

/** A Render node: the log of its rendering client, its compute client at Docker's socket, and its wallet on Solana. */
const MINT = 'rndrizKT3MK1iimdxRdWabcF7Zg7AR5T4nud4EkHBof';
const name = (text: string) => text.padEnd(40, '1');
const [WALLET, ACCOUNT, PAYER, OWNER] = [name('Wa'), name('Aa'), name('Pa'), name('Pb')];
const folder = makeFolder();
const node = createSolanaNode();
let server: Awaited<ReturnType<typeof startHttpServer>>;
let docker: Server;
let rig: ChainRig;

const LOG = `2025-10-23 14:02:11 INFO: [4312] 2 usable gpus detected
2025-10-23 14:05:47 INFO: [4312] sent render finished, job completed successfully (render time 198.42 seconds)
2025-10-23 14:06:02 ERROR: [4312] job failed
`;
const CONTAINERS = [
  { Names: ['/dispersed'], Image: 'client', State: 'running' },
  { Names: ['/job-1'], Image: 'job', State: 'running' },
];

beforeAll(async () => {
  writeFileSync(join(folder.path, 'rndr_log.txt'), LOG);
  const socket = join(folder.path, 'docker.sock');
  docker = createServer((_request, response) => void response.end(JSON.stringify(CONTAINERS)));
  await new Promise<void>((resolve) => docker.listen(socket, resolve));
  node.open(PAYER, OWNER, MINT, 10n ** 15n);
  node.open(ACCOUNT, WALLET, MINT);
  const at = Date.now() - 3_600_000;
  node.transact({ [PAYER]: -1_250_000_000n, [ACCOUNT]: 1_250_000_000n }, { at });
  node.transact({ [PAYER]: -1_886_954_854n, [ACCOUNT]: 1_886_954_854n }, { at });
  node.transact({ [ACCOUNT]: -3_100_000_000n, [PAYER]: 3_100_000_000n }, { at });
  server = await startHttpServer((_request, body) => ({ text: node.answer(body) }));
  const config = {
    urls: [server.url],
    wallets: [WALLET],
    payers: [OWNER],
    folder: folder.path,
    docker: socket,
    income_every_ms: 0,
  };
  rig = await startChainRig('render', config);
}, 60_000);

afterAll(async () => {
  await rig?.stop();
  await server?.close();
  docker?.closeAllConnections();
  await new Promise((resolve) => docker?.close(resolve));
  folder.remove();
});

describe('a Render node, end to end', { timeout: 90_000 }, () => {
  it('has its income in the ledger to the base unit and its health on the device', async () => {
    await untilEarned(rig, { 'render RENDER 8': '3136954854' });
    await until('the health of the node', async () => (await rig.latest('render.frames_ok')) !== undefined);
    const health = await Promise.all(
      ['usable_gpus', 'frames_failed', 'render_time', 'log_error', 'compute_up', 'compute_containers', 'income_up'].map(
        (metric) => rig.latest(`render.${metric}`),
      ),
    );
    expect(health).toEqual([2, 1, 198.42, 1, 1, 1, 1]);
  });

  it('shows more frames and the next payout; what others send is no income', async () => {
    writeFileSync(join(folder.path, 'rndr_log.txt'), `${LOG}${LOG}`);
    const other = name('Xa');
    node.open(other, name('Xb'), MINT, 100n);
    node.transact({ [other]: -50n, [ACCOUNT]: 50n }, { at: Date.now() });
    node.transact({ [PAYER]: -1n, [ACCOUNT]: 1n }, { at: Date.now() });
    await untilEarned(rig, { 'render RENDER 8': '3136954855' });
    await until('the frames', async () => (await rig.latest('render.frames_ok')) === 2);
    await until('the other transfer', async () => (await rig.latest('render.transfers_other')) === 1);
  });

  it('is compared by the same amounts, to the last base unit', async () => {
    const { earnings, comparison } = await amountsBothWays(rig.hub);
    expect(Object.values(earnings).flat().length).toBeGreaterThan(0);
    expect(comparison).toEqual(earnings);
  });
});
