import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFakeNode, type FakeNode } from '@muster/shared/testing/filecoin';
import { startHttpServer } from '@muster/shared/testing/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amountsBothWays } from '../../testing/earning.js';
import { makeFolder, type Program, type RunningHub, startAgent, startHub, until } from '../../testing/processes.js';

/** A Lotus node, Curio and Filfox over HTTP → agent → hub → ledger → API, to the last attoFIL. */
const MINER = 'f01234';
const DEVICE = 'miner-1';
const FIRST = 9_223_372_036_854_775_809n;
const SECOND = 46_913_578_024_691_357_800_001n;
const BURNT = 18_446_744_073_709_551_617n;
/** Heights of today, so that the income falls into the default period. */
const HEAD = Math.floor((Date.now() / 1_000 - 1_598_306_400) / 30);
const START = HEAD - 20;
const CURIO = 'curio_mining_wins_total{miner="f01234"} 3\r\ncurio_harmonytask_tasks_failed{task_name="WdPost"} 1\r\n# EOF\r\n';

/** As large as a real trace may be; the agent's heap has 32 MB. */
const NOISE = `{"MsgCid":{"/":"bafy"},"Msg":{"To":"f08","Method":0},"Error":"${'x'.repeat(20_000)}"},`.repeat(2_000);

const folders = [makeFolder(), makeFolder()];
let node: FakeNode;
let server: { url: string; close: () => Promise<void> };
let is_down = false;
let is_large = false;
let hub: RunningHub;
let agent: Program;

beforeAll(async () => {
  node = createFakeNode(START);
  for (let index = 0; index < 3; index++) node.add({ blocks: {} });
  node.finalised = node.head();
  server = await startHttpServer(({ url = '' }, body) => {
    if (is_down) return { status: 500, text: '<html>Internal Server Error</html>' };
    if (url === '/debug/metrics') return { text: CURIO, headers: { 'content-type': 'text/plain; version=0.0.4' } };
    if (url.startsWith('/filfox/'))
      return {
        text: JSON.stringify({ id: MINER, timestamp: 1_795_342_800, miner: { totalRewards: '73454194072750329562945' } }),
      };
    const answer = node.answer(body);
    return { text: is_large ? answer.replace('"Trace":[', () => `"Trace":[${NOISE}`) : answer };
  });
  hub = await startHub(folders[0]?.path ?? '', { MUSTER_STORE_COMMIT_MS: '100' });
  agent = await startAgentWithSource();
}, 60_000);

afterAll(async () => {
  await agent?.stop();
  await hub?.stop();
  await server?.close();
  for (const folder of folders) folder.remove();
});

const startAgentWithSource = () => {
  const data = folders[1]?.path ?? '';
  const config = {
    ...{ miner: MINER, ask: ['node', 'curio', 'filfox'], node: `${server.url}/rpc/v1`, node_token: 'read-only-token' },
    ...{ curio: [`${server.url}/debug/metrics`], filfox: `${server.url}/filfox` },
  };
  mkdirSync(join(data, 'agent'), { recursive: true });
  writeFileSync(
    join(data, 'agent', 'settings.json'),
    JSON.stringify({ networks: [{ network: 'filecoin', config, every: 5_000 }] }),
  );
  return startAgent(hub, data, DEVICE);
};

const latest = async (metric: string, label = '') => {
  const { values } = await hub.api.get<{ values: { metric: string; labels: Record<string, string>; value: number }[] }>(
    `/devices/${DEVICE}/latest`,
  );
  return values.find((one) => one.metric === metric && (label === '' || Object.values(one.labels).includes(label)))?.value;
};
const earned = async () => {
  const { items } = await hub.api.get<{
    items: { key: string; streams: { token: string; amount: string; estimated: boolean }[] }[];
  }>('/earnings?by=device');
  return items.find((one) => one.key === DEVICE)?.streams;
};
const states = async () =>
  (await hub.api.get<{ items: { source: string; booked: boolean; state: string; last_error: string | null }[] }>('/networks'))
    .items;

const win = (paid: bigint, burnt = 0n) => {
  node.add({
    ...{ blocks: { [MINER]: 1 }, paid: { [MINER]: `${paid}` } },
    ...(burnt > 0n ? { burnt: { [MINER]: `${burnt}` } } : {}),
  });
  node.add({ blocks: null });
  node.add({ blocks: {} });
  node.finalised = node.head();
};

describe('a Filecoin miner', () => {
  it('shows its health on the device', async () => {
    await until('the power to show', () => latest('filecoin.power', 'raw'));
    expect(await latest('filecoin.deadline_unproven')).toBe(1);
    expect(await latest('filecoin.window_post_missed_in')).toBe(1_200);
    expect(await latest('filecoin.balance', 'pledge')).toBe(800_000);
    expect(await latest('filecoin.sectors', 'faulty')).toBe(4);
    expect(await latest('filecoin.curio.wins')).toBe(3);
    expect(await latest('filecoin.endpoint_up', 'filfox')).toBe(1);
  });

  it('books the walk, not the cross-check beside it', async () => {
    const known = await until('both sources', async () => {
      const items = await states();
      return items.length >= 2 && items;
    });
    expect(known.map(({ source, booked }) => [source, booked]).sort()).toEqual([
      ['filecoin', true],
      ['filfox', false],
    ]);
    expect(await earned()).toBeUndefined();
  });

  it('earns exact rewards less what was burnt, beyond 2^63', async () => {
    win(FIRST);
    await until('the first reward', earned);
    win(SECOND, BURNT);
    const streams = await until('the second reward', async () => {
      const found = await earned();
      return found?.[0]?.amount === `${FIRST}` ? null : found;
    });
    expect(streams).toMatchObject([{ token: 'FIL', amount: `${FIRST + SECOND - BURNT}`, estimated: false }]);
  });

  it('finds its reward in forty megabytes and lives on', async () => {
    is_large = true;
    win(2n);
    await until('the large trace to be read', async () => (await earned())?.[0]?.amount === `${FIRST + SECOND - BURNT + 2n}`);
    is_large = false;
    expect(agent.child.exitCode).toBeNull();
  });

  it('counts nothing twice over a restart of the agent and an hour of errors of the node', async () => {
    is_down = true;
    await until('the failure to show', async () => (await states()).some((one) => one.state === 'failed' && one.last_error));
    is_down = false;
    await agent.stop();
    win(1n);
    agent = await startAgentWithSource();
    const total = `${FIRST + SECOND - BURNT + 3n}`;
    await until('the third reward', async () => (await earned())?.[0]?.amount === total);
    expect(JSON.stringify(await hub.api.get(`/devices/${DEVICE}`))).not.toContain('read-only-token');
    expect(hub.output() + agent.output()).not.toContain('read-only-token');
  });

  it('is compared by the same amounts, to the last base unit', async () => {
    const { earnings, comparison } = await amountsBothWays(hub);
    expect(Object.values(earnings).flat().length).toBeGreaterThan(0);
    expect(comparison).toEqual(earnings);
  });
});
