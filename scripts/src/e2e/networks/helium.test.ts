import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { frame } from '@muster/shared/grpc';
import { startHttpServer } from '@muster/shared/testing/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amountsBothWays } from '../../testing/earning.js';
import { makeFolder, type Program, type RunningHub, startAgent, startHub, until } from '../../testing/processes.js';

/** A hotspot from its gateway's gRPC, the rewards oracle and a Solana node to the hub's ledger, all as real servers. */
const KEY = '13GAPer3q5D4X4xFDeSaDtqq1mYji4tCjbMcQN7fL3YVvvgXyer';
const KEY_HEX = '0129d1b40b2f208c36a62a0d441235946ce94b8f30241fe49618043a54d79fb69d';
const URI_FIELD = '0a25687474703a2f2f6d61696e6e65742d726f757465722e68656c69756d2e696f3a383038302f';
const KEY_ACCOUNT = '8FEHGWi8Z9mhLuQauHkXMvP93uk7BW34YnyVHiLfmZUX';
const RECIPIENT = 'DmofgZ363fGgK2YHn93w6Lfye866mcpfQ64jPEooFRfs';
/** The 32 bytes of asset BcJzP2hEYgzjUwpHEtS6RhuqGfEJVx8Rq3MejujAAWrR, as the key's account holds them. */
const ASSET = Buffer.from('naCJxJBPzjQwRjwXlm1S9Rw+9mj8v9KYVLpHgXK8KH4=', 'base64');
const OWNERS = { key: 'hemjuPXBpNvggtaUnN1MwT3wrdhttKEfosTcc2P9Pg8', recipient: '1azyuavdMyvsivtNxPoz6SucD18eDHeXzFCUPq5XU7w' };
const DEVICE = 'hotspot';

type Reply = { status?: number; headers?: Record<string, string>; text: string };
const told = (amount: string): Reply => ({ text: `{"currentRewards":{"${KEY}":"${amount}"}}` });

/** What the world says at this moment. */
const world = {
  region: '0801',
  connected: true,
  hnt: told('345678901234567890'),
  iot: told('5000000001'),
  claimed: 300_000_000_000n,
  hnt_asked: 0,
};

const folders = [makeFolder(), makeFolder()];
let gateway: Http2Server;
let servers: { url: string; close: () => Promise<void> }[];
let hub: RunningHub;
let agent: Program;

/** gateway-rs: h2c, answers in frames, its status in trailers. */
const startGateway = async (): Promise<Http2Server> => {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const answers: Record<string, string> = {
      '/helium.local.api/pubkey': `0a21${KEY_HEX}1221${KEY_HEX}`,
      '/helium.local.api/router': `${URI_FIELD}${world.connected ? `10011a21${KEY_HEX}` : ''}`,
      '/helium.local.api/region': world.region,
    };
    const answer = answers[headers[':path'] ?? ''];
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': answer === undefined ? '12' : '0' }));
    stream.end(answer === undefined ? '' : frame(Buffer.from(answer, 'hex')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};

const accountOf = (address: string) => {
  const total = Buffer.alloc(8);
  total.writeBigUInt64LE(world.claimed);
  if (address === KEY_ACCOUNT) return { data: [ASSET.toString('base64'), 'base64'], owner: OWNERS.key };
  return address === RECIPIENT ? { data: [total.toString('base64'), 'base64'], owner: OWNERS.recipient } : null;
};

const solana = (_request: unknown, body: string): Reply => {
  const { id, method, params } = JSON.parse(body) as { id: number; method: string; params: [string[], { commitment: string }] };
  if (method !== 'getMultipleAccounts' || params[1].commitment !== 'finalized') return { status: 400, text: 'unexpected' };
  return { text: JSON.stringify({ jsonrpc: '2.0', id, result: { context: { slot: 1 }, value: params[0].map(accountOf) } }) };
};

beforeAll(async () => {
  gateway = await startGateway();
  const oracle = () => {
    world.hnt_asked++;
    return world.hnt;
  };
  servers = await Promise.all([startHttpServer(oracle), startHttpServer(() => world.iot), startHttpServer(solana)]);
  const [hnt, iot, rpc] = servers.map(({ url }) => url);
  const config = {
    gateway: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`,
    oracles: { HNT: [hnt], IOT: [iot], MOBILE: [] },
    oracle_every_ms: 1_000,
    rpc: [rpc],
    chain_every_ms: 1_000,
  };
  const [hub_folder, agent_folder] = folders.map(({ path }) => path);
  const place = join(agent_folder ?? '', 'agent');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'settings.json'), JSON.stringify({ networks: [{ network: 'helium', config, every: 5_000 }] }));
  hub = await startHub(hub_folder ?? '', { MUSTER_STORE_COMMIT_MS: '100' });
  agent = await startAgent(hub, agent_folder ?? '', DEVICE);
}, 60_000);

afterAll(async () => {
  await agent?.stop();
  await hub?.stop();
  gateway?.close();
  await Promise.all((servers ?? []).map((server) => server.close()));
  for (const folder of folders) folder.remove();
});

interface Amount {
  network: string;
  token: string;
  decimals: number;
  amount: string;
  estimated: boolean;
}
const lifetimes = async () => (await hub.api.get<{ earnings_lifetime: Amount[] }>(`/devices/${DEVICE}`)).earnings_lifetime ?? [];
const lifetime = async (token: string) => (await lifetimes()).find((one) => one.token === token)?.amount;
const income = async () => (await hub.api.get<{ items: { key: string; streams: Amount[] }[] }>('/earnings')).items;
/** Waits for it: totals show before the entry is on the disk. */
const booked = (amount: string) =>
  until(`an income of ${amount}`, async () => {
    const [row, ...others] = await income();
    expect(others).toEqual([]);
    return row?.streams[0]?.amount === amount && row;
  });
const metrics = async () => {
  const { values } = await hub.api.get<{ values: { metric: string; value: number }[] }>(`/devices/${DEVICE}/latest`);
  return new Map(values.map(({ metric, value }) => [metric, value]));
};
const metric = (name: string, value: number) =>
  until(`helium.${name} = ${value}`, async () => (await metrics()).get(`helium.${name}`) === value);
const askedAgain = (times: number) => {
  const before = world.hnt_asked;
  return until('the oracle to be asked', () => world.hnt_asked >= before + times);
};

describe('a Helium hotspot', { timeout: 120_000 }, () => {
  it('shows its health on the device', async () => {
    await metric('up', 1);
    for (const [name, value] of Object.entries({ router_connected: 1, region_known: 1, region: 1, key_changed: 0, chain_up: 1 }))
      await metric(name, value);
  });

  it('opens with what it earned before, per token, which is no income', async () => {
    await until('both tokens', async () => (await lifetimes()).length === 2);
    const opened = { network: 'helium', estimated: false };
    expect(await lifetimes()).toEqual(
      expect.arrayContaining([
        { ...opened, token: 'HNT', decimals: 8, amount: '345678901234567890' },
        { ...opened, token: 'IOT', decimals: 6, amount: '5000000001' },
      ]),
    );
    expect((await income()).flatMap(({ streams }) => streams)).toEqual([]);
    const { items } = await hub.api.get<{ items: { account: string; state: string; booked: boolean }[] }>('/networks');
    expect(items).toHaveLength(2);
    for (const item of items) expect(item).toMatchObject({ account: KEY, state: 'ok', booked: true });
  });

  it('books what the oracle adds, to the last base unit', async () => {
    world.hnt = told('345678901234567897');
    expect(await booked('7')).toMatchObject({
      key: DEVICE,
      streams: [{ network: 'helium', token: 'HNT', decimals: 8, amount: '7', estimated: false }],
    });
    expect(await lifetime('HNT')).toBe('345678901234567897');
  });

  it('neither loses nor doubles anything over a false zero, 429, HTML and a hotspot left out', async () => {
    world.hnt = told('0');
    await metric('rewards_suspect', 1);
    for (const trouble of [
      { status: 429, headers: { 'retry-after': '1' }, text: 'slow down' },
      { text: '<html>502</html>' },
      { status: 500, text: '{"statusCode":500}' },
    ]) {
      world.hnt = trouble;
      await metric('rewards_up', 0);
      await askedAgain(1);
      expect((await metrics()).get('helium.up')).toBe(1);
    }
    world.hnt = { text: '{"currentRewards":{}}' };
    await metric('rewards_up', 1);
    expect((await income())[0]?.streams[0]?.amount).toBe('7');
    world.hnt = told('345678901234567900');
    await booked('10');
    await metric('rewards_suspect', 0);
    expect(await lifetime('HNT')).toBe('345678901234567900');
  });

  it('raises the figure by a claim while the oracle is down, and counts it once', async () => {
    world.hnt = { status: 503, text: '' };
    world.claimed = 345_678_901_234_567_905n;
    await booked('15');
    expect(await lifetime('HNT')).toBe('345678901234567905');
    world.hnt = told('345678901234567905');
    await metric('rewards_up', 1);
    await askedAgain(1);
    expect((await income())[0]?.streams).toMatchObject([{ token: 'HNT', amount: '15' }]);
  });

  it('tells an unknown region, a router that is gone, and a gateway that is down', async () => {
    world.region = '0863';
    world.connected = false;
    await metric('region_known', 0);
    await metric('router_connected', 0);
    await new Promise<void>((resolve) => gateway.close(() => resolve()));
    await metric('up', 0);
    world.hnt = told('345678901234567906');
    await booked('16');
    expect(await lifetime('IOT')).toBe('5000000001');
  });

  it('is compared by the same amounts, to the last base unit', async () => {
    const { earnings, comparison } = await amountsBothWays(hub);
    expect(Object.values(earnings).flat().length).toBeGreaterThan(0);
    expect(comparison).toEqual(earnings);
  });
});
