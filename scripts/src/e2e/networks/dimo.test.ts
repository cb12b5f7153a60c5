import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { startHttpServer } from '@muster/shared/testing/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amountsBothWays } from '../../testing/earning.js';
import {
  agent,
  makeFolder,
  type Program,
  type RunningHub,
  readText,
  runAgent,
  startHub,
  until,
} from '../../testing/processes.js';

/** DIMO's services on loopback in their real shapes → a real agent that carries a vehicle → hub → earnings to the wei. */
const WEEK_MS = 7 * 86_400_000;
const WEEK = Math.floor((Date.now() - Date.UTC(2022, 0, 31, 5)) / WEEK_MS);
const start = (week: number) => new Date(Date.UTC(2022, 0, 31, 5) + week * WEEK_MS).toISOString().replace('.000Z', 'Z');
const seconds = (ts: number) => Math.floor(ts / 1_000);

const CAR = 39_718;
const BORN_ABROAD = 40_001;
const UNIT = 1_234;
const CLIENT = '0x1111111111111111111111111111111111111111';
const API_KEY = '4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318';
const CHALLENGE = 'Some data';
/** What every wallet makes of that text with that key. */
const SIGNATURE =
  '0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c';

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (name: string, lives_s: number) =>
  `${base64({ alg: 'RS256' })}.${base64({ name, exp: seconds(Date.now()) + lives_s })}.c2ln`;
const DEVELOPER = jwt('developer', 1_209_600);
const VEHICLE = jwt(`vehicle ${CAR}`, 600);

const word = (value: bigint | number) => BigInt(value).toString(16).padStart(64, '0');
const HEAD = 80_000_000;
const PAID_AT = Date.now() - 2 * 3_600_000;
const log = (topic: string, data: string, index: number) => ({
  address: '0x8129f3cd3eba82136caf5ab87e2321c958da5b63',
  topics: [topic, `0x${word(1)}`, `0x${word(BORN_ABROAD)}`],
  data,
  blockNumber: `0x${(HEAD - 5_000).toString(16)}`,
  transactionHash: `0x${'5b'.repeat(32)}`,
  transactionIndex: '0x2',
  blockHash: `0x${'b4'.repeat(32)}`,
  logIndex: `0x${index.toString(16)}`,
  removed: false,
});
const HUGE = 2n ** 255n;
const STREAK = log(
  '0x4608830ab3ec9e091c65f293254fe1aef6fcd37ed152914a665e6ad38de6a992',
  `0x${word(WEEK - 1)}${word(59147051345528509682n)}${word(36)}`,
  11,
);
const DEVICE = {
  ...log(
    '0x3ab5458e0b305f1e637781c67c5be0f43b7ee1a4427584e3b229524929184bc4',
    `0x${word(WEEK - 1)}${word(HUGE)}${word(BigInt('0x4804e8D1661cd1a1e5dDdE1ff458A7f878c0aC6D'))}`,
    10,
  ),
  topics: [
    '0x3ab5458e0b305f1e637781c67c5be0f43b7ee1a4427584e3b229524929184bc4',
    `0x${word(1)}`,
    `0x${word(BORN_ABROAD)}`,
    `0x${word(77)}`,
  ],
};

const counts = new Map<string, number>();
const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

const rpc = (body: string) => {
  const { id, method, params } = JSON.parse(body) as {
    id: number;
    method: string;
    params: { fromBlock: string; toBlock: string }[];
  };
  const [from, to] = [Number(params[0]?.fromBlock), Number(params[0]?.toBlock)];
  const answer = (result: unknown) => ({ text: JSON.stringify({ jsonrpc: '2.0', id, result }) });
  if (method === 'eth_chainId') return answer('0x89');
  if (method === 'eth_blockNumber') return answer(`0x${HEAD.toString(16)}`);
  if (method === 'eth_getBlockByNumber') return answer({ timestamp: `0x${seconds(PAID_AT).toString(16)}` });
  if (to - from >= 1_000) {
    const error = { code: -32602, message: 'Maximum allowed number of requested blocks is 1000' };
    return { text: JSON.stringify({ jsonrpc: '2.0', id, error }) };
  }
  return answer([DEVICE, STREAK].filter(({ blockNumber }) => Number(blockNumber) >= from && Number(blockNumber) <= to));
};

const graphql = (request: IncomingMessage, body: string) => {
  const { variables } = JSON.parse(body) as { variables: { t: number } };
  if (request.url === '/identity') {
    const nodes = [{ week: WEEK - 1, connectionStreak: 21 }];
    const earnings = { totalTokens: '177.44', history: { nodes } };
    return { text: JSON.stringify({ data: { vehicle: { tokenId: variables.t, earnings } } }) };
  }
  count('telemetry');
  if (request.headers.authorization !== `Bearer ${VEHICLE}` || variables.t !== CAR) {
    const errors = [{ message: 'unauthorized: token id does not match', path: ['signalsLatest'] }];
    return { text: JSON.stringify({ errors, data: null }) };
  }
  const timestamp = new Date(Date.now() - 3_600_000).toISOString();
  const signal = (value: number) => ({ timestamp, value });
  const signalsLatest = {
    ...{ lastSeen: timestamp, lowVoltageBatteryCurrentVoltage: signal(12.4), obdIsPluggedIn: signal(1) },
    powertrainTransmissionTravelledDistance: signal(48_211),
  };
  return { text: JSON.stringify({ data: { signalsLatest } }) };
};

const auth = (request: IncomingMessage, body: string) => {
  const form = Object.fromEntries(new URLSearchParams(body));
  if (request.url?.endsWith('/generate_challenge')) {
    const isRight = form['client_id'] === CLIENT && form['address'] === CLIENT && form['response_type'] === 'code';
    return isRight ? { text: JSON.stringify({ state: 'state-1', challenge: CHALLENGE }) } : { status: 400, text: '{}' };
  }
  count('sign-in');
  const isRight = form['signature'] === SIGNATURE && form['state'] === 'state-1' && form['grant_type'] === 'authorization_code';
  return isRight ? { text: JSON.stringify({ access_token: DEVELOPER, token_type: 'bearer' }) } : { status: 401, text: '{}' };
};

const exchange = (request: IncomingMessage, body: string) => {
  const { asset, permissions } = JSON.parse(body) as { asset: string; permissions: string[] };
  const isRight =
    request.headers.authorization === `Bearer ${DEVELOPER}` && permissions.join() === 'privilege:GetNonLocationHistory';
  if (!isRight) return { status: 401, text: '{"message":"unauthorized"}' };
  if (!asset.endsWith(`:${CAR}`)) return { status: 403, text: '{"message":"missing permissions"}' };
  return { text: JSON.stringify({ token: VEHICLE }) };
};

const weeks = () => {
  const week = (n: number, tokens: string) =>
    `{"start":"${start(n)}","end":"${start(n + 1)}","tokens":${tokens},"vehicleId":${CAR}}`;
  return {
    text: `{"weeks":[${week(WEEK, '1')},${week(WEEK - 1, '177441154036585529047')},${week(WEEK - 2, '59147051345528509681')}]}`,
  };
};

const handle = (request: IncomingMessage, body: string) => {
  const { url = '' } = request;
  if (url.startsWith('/auth/web3/')) return auth(request, body);
  if (url === '/v1/tokens/exchange') return exchange(request, body);
  if (url === '/telemetry' || url === '/identity') return graphql(request, body);
  if (url === `/v1/aftermarket/device/${UNIT}`) return weeks();
  return url === '/rpc/a-key-of-the-node' ? rpc(body) : { status: 404, text: '{}' };
};

const folder = makeFolder();
const garage = makeFolder();
let dimo: Awaited<ReturnType<typeof startHttpServer>>;
let hub: RunningHub;
let running: Program;

const settings = () => ({
  networks: [
    {
      network: 'dimo',
      every: 5_000,
      config: {
        vehicles: [
          { token_id: CAR, unit_token_id: UNIT, device: 'car' },
          { token_id: BORN_ABROAD, device: 'tesla' },
        ],
        developer: { client_id: CLIENT, domain: 'http://127.0.0.1:10000', api_key: API_KEY },
        logs: { url: `${dimo.url}/rpc/a-key-of-the-node`, from_block: HEAD - 8_000 },
        auth_url: dimo.url,
        exchange_url: dimo.url,
        telemetry_url: `${dimo.url}/telemetry`,
        rewards_url: dimo.url,
        identity_url: `${dimo.url}/identity`,
      },
    },
  ],
});

beforeAll(async () => {
  dimo = await startHttpServer(handle);
  hub = await startHub(folder.path);
  const invite = { device: 'garage', carries: ['car', 'tesla'] };
  const { token } = await hub.api.post<{ token: string }>('/invites', invite);
  const words = ['join', '--hub', hub.addresses.http, '--token', token, '--device', 'garage'];
  const joined = agent(words, { MUSTER_DATA: garage.path });
  expect(await joined.ended, joined.output()).toBe(0);
  mkdirSync(join(garage.path, 'agent'), { recursive: true });
  writeFileSync(join(garage.path, 'agent', 'settings.json'), JSON.stringify(settings()));
  running = runAgent(garage.path);
}, 60_000);

afterAll(async () => {
  await running?.stop();
  await hub?.stop();
  await dimo?.close();
  folder.remove();
  garage.remove();
});

interface Row {
  key: string;
  streams: { network: string; token: string; decimals: number; amount: string; estimated: boolean }[];
}
const earningsOf = async (key: string) => {
  const { items } = await hub.api.get<{ items: Row[] }>(`/earnings?from=${Date.now() - 60 * 86_400_000}`);
  return items.find((row) => row.key === key)?.streams;
};

describe('DIMO', { timeout: 90_000 }, () => {
  it('earns to the wei on the carried vehicles: by week from the rewards API, by log from the contract', async () => {
    const stream = { network: 'dimo', token: 'DIMO', decimals: 18, estimated: false };
    const car = await until('the income of the car', () => earningsOf('car'));
    expect(car).toMatchObject([{ ...stream, amount: '236588205382114038728' }]);
    const tesla = await until('the income of the synthetic vehicle', () => earningsOf('tesla'));
    expect(tesla).toMatchObject([{ ...stream, amount: `${HUGE + 59147051345528509682n}` }]);
  });

  it('shows the rounded total of the identity API beside it, and never books it', async () => {
    interface State {
      network: string;
      account: string;
      source: string;
      booked: boolean;
    }
    const states = await until('every source', async () => {
      const { items } = await hub.api.get<{ items: State[] }>('/networks');
      const car = items.filter(({ network, account }) => network === 'dimo' && account === `${CAR}`);
      return car.some(({ source }) => source === 'dimo-identity-api') && car;
    });
    expect(states.find(({ source }) => source === 'dimo-identity-api')).toMatchObject({ booked: false });
    expect(states.filter(({ booked }) => booked)).toHaveLength(1);
  });

  it('shows the health of the vehicle, labelled, on the device that asks', async () => {
    interface Value {
      metric: string;
      labels: Record<string, string>;
      value: number;
    }
    const shown = async (metric: string, vehicle: number, part?: string) => {
      const { values } = await hub.api.get<{ values: Value[] }>('/devices/garage/latest');
      const fits = ({ labels }: Value) => labels['vehicle'] === `${vehicle}` && labels['part'] === part;
      return values.find((one) => one.metric === `dimo.${metric}` && fits(one))?.value;
    };
    const age = await until('the age', () => shown('last_seen.age', CAR));
    expect(age).toBeGreaterThanOrEqual(3_600);
    expect(age).toBeLessThan(3_700);
    expect(await shown('battery.voltage', CAR)).toBe(12.4);
    expect(await shown('odometer', CAR)).toBe(48_211);
    expect(await shown('plugged_in', CAR)).toBe(1);
    expect(await shown('streak.level', CAR)).toBe(3);
    expect(await shown('streak.level', BORN_ABROAD)).toBe(4);
    expect(await shown('reward.weeks_behind', CAR)).toBe(0);
    expect(await shown('answers', CAR, 'telemetry')).toBe(1);
    expect(await shown('answers', BORN_ABROAD, 'telemetry')).toBe(0);
  });

  it('signs in and asks for telemetry once, however often it looks, and keeps no secret on the disk or in its log', async () => {
    const kept = await until('what the source keeps', () => keptText().includes(`${CAR}`) && keptText());
    const secrets = [API_KEY, DEVELOPER, VEHICLE, 'a-key-of-the-node'];
    for (const secret of secrets) {
      expect(kept).not.toContain(secret);
      expect(running.output() + hub.output()).not.toContain(secret);
    }
    expect(counts.get('sign-in')).toBe(1);
    expect(counts.get('telemetry')).toBe(1);
  });

  it('asks for no telemetry and books nothing twice after the agent was started anew', async () => {
    await running.stop();
    running = runAgent(garage.path);
    await until('the agent to be back', async () => (await hub.api.get<{ state: string }>('/devices/garage')).state === 'online');
    const spoken = await until('the age', async () => {
      const { values } = await hub.api.get<{ values: { metric: string; ts: number }[] }>('/devices/garage/latest');
      return values.some(({ metric, ts }) => metric === 'dimo.last_seen.age' && ts > Date.now() - 3_000);
    });
    expect(spoken).toBe(true);
    expect(counts.get('telemetry')).toBe(1);
    expect((await earningsOf('car'))?.[0]?.amount).toBe('236588205382114038728');
    expect((await earningsOf('tesla'))?.[0]?.amount).toBe(`${HUGE + 59147051345528509682n}`);
  });

  it('is compared by the same amounts, to the last base unit', async () => {
    const { earnings, comparison } = await amountsBothWays(hub);
    expect(Object.values(earnings).flat().length).toBeGreaterThan(0);
    expect(comparison).toEqual(earnings);
  });
});

const keptText = (): string => {
  try {
    return readText(join(garage.path, 'agent', 'sources', 'dimo.json'));
  } catch {
    return '';
  }
};
