import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../log.js';
import type { NetworkCall } from '../network.js';
import { check } from '../schema.js';
import { createRecordedHttp, type RecordedExchange } from '../testing/http.js';
import dimo from './dimo.js';
import { type DimoConfig, dimoConfig } from './lib/dimo-config.js';
import { SIGNALS, TELEMETRY_QUERY } from './lib/dimo-health.js';
import { IDENTITY_QUERY } from './lib/dimo-rewards.js';
import { levelOf, missedWeeks, nextRewardsDue, weekOf, weekStart } from './lib/dimo-weeks.js';

const NOW = Date.UTC(2026, 10, 18, 12);
const NODE = 'http://127.0.0.1:8545/v2/key-of-a-rented-node';
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (name: string, expires: number) => `${base64({})}.${base64({ name, exp: Math.floor(expires / 1_000) })}.c2ln`;

/** A source that is asked again and again, with what it kept; answers may change between the questions. */
const createSource = (settings: unknown, memory?: unknown) => {
  const config: DimoConfig = check(dimoConfig, settings, 'the settings');
  let kept = memory;
  const asked: { url: string; body: string; headers: Record<string, string> }[] = [];
  const ask = async (answers: RecordedExchange[] | ((body: string, url: string) => RecordedExchange['reply']), now = NOW) => {
    const recorded = Array.isArray(answers) ? createRecordedHttp(answers) : null;
    const call: NetworkCall<DimoConfig> = {
      config,
      http: {
        request: async (request) => {
          const { url, body = '', headers = {}, method = 'GET' } = request;
          asked.push({ url, body, headers });
          if (recorded) return recorded.request(request);
          const reply = (answers as (body: string, url: string) => RecordedExchange['reply'])(body, url) ?? {};
          return createRecordedHttp([{ url, method, reply }]).request(request);
        },
      },
      grpc: { unary: async () => new Uint8Array() },
      host: null,
      memory: {
        get: () => kept,
        put(value) {
          kept = JSON.parse(JSON.stringify(value));
        },
      },
      now,
      log: silentLog,
      signal: new AbortController().signal,
    };
    return (await dimo.onDevice?.(call)) ?? {};
  };
  return { ask, asked, kept: () => JSON.stringify(kept) };
};

const CAR = { token_id: 39_718 };
const seen = { json: { data: { signalsLatest: { lastSeen: '2026-11-18T11:00:00Z' } } } };

describe('tokens', () => {
  const settings = { vehicles: [CAR], developer: { jwt: jwt('developer', NOW + 9_000_000) }, identity_url: null };
  const HALF_HOUR = 1_800_000;

  it('of a vehicle are used until they expire, and never kept on the disk', async () => {
    const source = createSource(settings);
    const answer = (body: string) => (body.includes('"asset"') ? { json: { token: jwt('vehicle', NOW + 2 * HALF_HOUR) } } : seen);
    await source.ask(answer);
    await source.ask(answer, NOW + HALF_HOUR);
    expect(source.asked.filter(({ body }) => body.includes('"asset"'))).toHaveLength(1);
    await source.ask(
      (body) => (body.includes('"asset"') ? { json: { token: jwt('next', NOW + 9 * HALF_HOUR) } } : seen),
      NOW + 2 * HALF_HOUR,
    );
    expect(source.asked.filter(({ body }) => body.includes('"asset"'))).toHaveLength(2);
    expect(source.kept()).toContain('39718');
    expect(source.kept()).not.toContain('c2ln');
  });

  it('that are refused before their time are exchanged once more', async () => {
    const source = createSource(settings);
    let exchanged = 0;
    let refused = 0;
    const reply = await source.ask((body) => {
      if (body.includes('"asset"')) return { json: { token: jwt(`vehicle ${exchanged++}`, NOW + HALF_HOUR) } };
      return refused++ === 0 ? { status: 401, text: '' } : seen;
    });
    expect([exchanged, refused]).toEqual([2, 2]);
    expect(reply.samples).toContainEqual({ metric: 'last_seen.age', labels: { vehicle: '39718' }, value: 3_600 });
  });

  it('of the developer are asked for once for many vehicles, also when the sign-in fails', async () => {
    const developer = { client_id: `0x${'1'.repeat(40)}`, domain: 'http://localhost', api_key: '1'.repeat(64) };
    const source = createSource({ vehicles: [CAR, { token_id: 1 }, { token_id: 2 }], developer, identity_url: null });
    await expect(source.ask(() => ({ status: 403, text: '' }))).rejects.toThrow(/sign-in of DIMO answered with status 403/);
    expect(source.asked).toHaveLength(1);
  });

  it('with a line break, and files on the hub, are refused with a sentence', async () => {
    const broken = createSource({ ...settings, developer: { jwt: 'a\r\nb' } });
    await expect(broken.ask([])).rejects.toThrow(/no token/);
    const onHub = createSource({ ...settings, developer: { jwt_file: '/run/dimo.jwt' } });
    await expect(onHub.ask([])).rejects.toThrow(/on a device only/);
  });
});

describe('costs', () => {
  it('of telemetry are one question per half an hour, and ten minutes after one that failed', async () => {
    const source = createSource({ vehicles: [CAR, { token_id: 1 }], developer: { jwt: jwt('d', NOW * 2) }, identity_url: null });
    const answer = (body: string) => {
      if (body.includes(':1"')) return { status: 403, text: '' };
      return body.includes('"asset"') ? { json: { token: jwt('v', NOW * 2) } } : seen;
    };
    const questions = () => source.asked.filter(({ url }) => url.includes('telemetry-api')).length;
    const exchanges = () => source.asked.filter(({ body }) => body.includes(':1"')).length;
    for (const minute of [0, 1, 5, 9, 10, 20, 29]) await source.ask(answer, NOW + minute * 60_000);
    expect([questions(), exchanges()]).toEqual([1, 3]);
    await source.ask(answer, NOW + 30 * 60_000);
    expect(questions()).toBe(2);
  });

  it('of the most vehicles that one source may have fit what a source may keep', async () => {
    const vehicles = Array.from({ length: 150 }, (_, at) => ({ token_id: 10_000_000 + at, unit_token_id: 20_000_000 + at }));
    const source = createSource({ vehicles, developer: { jwt: jwt('d', NOW * 2) } });
    const long = { timestamp: '2026-11-18T11:00:00Z', value: 12_345.678901234567 };
    const signalsLatest = Object.fromEntries(SIGNALS.map(({ field }) => [field, long]));
    const { samples, readings } = await source.ask((body, url) => {
      if (url.includes('aftermarket')) return { json: { weeks: [] } };
      if (url.includes('identity')) {
        const earnings = { totalTokens: '1.00', history: { nodes: [{ week: 249, connectionStreak: 100 }] } };
        return { json: { data: { vehicle: { tokenId: 1, earnings } } } };
      }
      if (body.includes('"asset"')) return { json: { token: jwt('v', NOW * 2) } };
      return { json: { data: { signalsLatest: { ...signalsLatest, lastSeen: '2026-11-18T11:00:00Z' } } } };
    });
    expect(samples).toHaveLength(150 * 16);
    expect(readings).toHaveLength(300);
    expect(source.kept().length).toBeLessThan(60_000);
  });

  it('respect Retry-After, and values that are too old are unknown', async () => {
    const source = createSource({
      vehicles: [{ ...CAR, unit_token_id: 7 }],
      developer: { jwt: jwt('d', NOW * 2) },
      identity_url: null,
    });
    const good = (body: string, url: string) => {
      if (url.includes('aftermarket')) return { json: { weeks: [] } };
      return body.includes('"asset"') ? { json: { token: jwt('v', NOW * 2) } } : seen;
    };
    const limited = (body: string, url: string) =>
      url.includes('telemetry-api') ? { status: 429, headers: { 'retry-after': '7200' }, text: '' } : good(body, url);
    await source.ask(good);
    const names = async (minute: number) => {
      const { samples = [] } = await source.ask(limited, NOW + minute * 60_000);
      return samples.map(({ metric }) => metric);
    };
    expect(await names(31)).toContain('last_seen.age');
    const before = source.asked.length;
    expect(await names(100)).not.toContain('last_seen.age');
    expect(source.asked).toHaveLength(before);
  });
});

describe('issuance weeks', () => {
  it('begin on Monday at 05:00 UTC; week 250 on 2026-11-16', () => {
    expect(weekOf(Date.UTC(2026, 10, 16, 5))).toBe(250);
    expect(weekOf(Date.UTC(2026, 10, 16, 5) - 1)).toBe(249);
    expect(weekStart(250)).toBe(Date.UTC(2026, 10, 16, 5));
  });

  it('that are missed are whole ones, and the levels are those of the code', () => {
    expect(missedWeeks(weekStart(249), weekStart(250))).toBe(0);
    expect(missedWeeks(weekStart(246) + 1, weekStart(250))).toBe(3);
    expect([0, 3, 4, 20, 21, 35, 36].map(levelOf)).toEqual([1, 1, 2, 2, 3, 3, 4]);
  });

  it('are asked for hourly on payday, else daily, and at the next payday at the latest', () => {
    expect(nextRewardsDue(weekStart(250) + 1, 0)).toBe(weekStart(250) + 3_600_001);
    expect(nextRewardsDue(NOW, 0)).toBe(NOW + 86_400_000);
    expect(nextRewardsDue(weekStart(251) - 3_600_000, 1)).toBe(weekStart(251) + 61_000);
  });
});

describe('logs of the issuance contract', () => {
  const word = (value: bigint | number) => BigInt(value).toString(16).padStart(64, '0');
  const TOPIC = {
    device: '0x3ab5458e0b305f1e637781c67c5be0f43b7ee1a4427584e3b229524929184bc4',
    older: '0x57e1000ba5ba7b6ab6670639de9fc3db34d05ef2bbce4a09d60dda560387b0ea',
    not_qualified: '0xf667cbbd740351d2f58b68dc6a8ee1b1f3a853c609d7ce7eee4a3bdc94d62774',
  };
  const older = (block: number, amount: bigint, extra: object = {}) => ({
    address: '0x8129F3cD3EBA82136Caf5aB87E2321c958Da5B63',
    topics: [TOPIC.older, `0x${word(5)}`, `0x${word(39_718)}`],
    data: `0x${word(amount)}`,
    blockNumber: `0x${block.toString(16)}`,
    transactionHash: `0x${block.toString(16).padStart(64, 'a')}`,
    logIndex: '0x1',
    blockTimestamp: `0x${(1_790_000_000 + block).toString(16)}`,
    removed: false,
    ...extra,
  });
  const settings = (extra: object = {}) => ({
    vehicles: [CAR],
    identity_url: null,
    logs: { url: NODE, from_block: 1_000, ...extra },
  });
  interface Asked {
    method: string;
    params: { fromBlock: string; toBlock: string; topics: unknown[] }[];
  }
  /** A node with these logs; `refuse` may answer an error to a range. */
  const node =
    (logs: object[], head: number, refuse: (from: number, to: number) => unknown = () => null) =>
    (body: string): RecordedExchange['reply'] => {
      const { method, params } = JSON.parse(body) as Asked;
      const answer = (result: unknown) => ({ json: { jsonrpc: '2.0', id: 1, result } });
      if (method === 'eth_chainId') return answer('0x89');
      if (method === 'eth_blockNumber') return answer(`0x${head.toString(16)}`);
      const [from, to] = [Number(params[0]?.fromBlock), Number(params[0]?.toBlock)];
      const error = refuse(from, to);
      if (error) return { json: { jsonrpc: '2.0', id: 1, error } };
      return answer(
        (logs as { blockNumber: string }[]).filter((log) => Number(log.blockNumber) >= from && Number(log.blockNumber) <= to),
      );
    };
  const entriesOf = ({ readings = [] }: Awaited<ReturnType<ReturnType<typeof createSource>['ask']>>) =>
    readings.flatMap((reading) => (reading.kind === 'ledger' ? reading.entries : []));
  const ranges = (asked: { body: string }[]) =>
    asked.flatMap(({ body }) => {
      const { method, params } = JSON.parse(body) as Asked;
      return method === 'eth_getLogs' ? [[Number(params[0]?.fromBlock), Number(params[0]?.toBlock)]] : [];
    });

  it('are paid amounts to the wei, up to 2^255, dated by their block', async () => {
    const source = createSource(settings());
    const reply = await source.ask(node([older(1_500, 2n ** 255n)], 3_000));
    const id = `137-0x${(1_500).toString(16).padStart(64, 'a')}-0`;
    expect(entriesOf(reply)).toEqual([{ id, ts: 1_790_001_500_000, amount: `${2n ** 255n}` }]);
    expect(reply.readings).toMatchObject([{ source: 'dimo-logs', account: '39718', exact: true, decimals: 18 }]);
  });

  it('of one transaction keep their ids in every reading, also after it was put into another block', async () => {
    const [one, two] = [older(1_500, 1n), older(1_500, 2n, { logIndex: '0x2' })];
    const moved = [one, two].map((log, index) => ({ ...log, blockNumber: '0x5de', logIndex: `0x${index + 20}` }));
    const first = entriesOf(await createSource(settings()).ask(node([two, one, one], 3_000)));
    const again = entriesOf(await createSource(settings()).ask(node(moved, 3_000)));
    expect(first.map(({ id, amount }) => [id, amount])).toEqual(again.map(({ id, amount }) => [id, amount]));
    expect(first.map(({ amount }) => amount)).toEqual(['1', '2']);
  });

  it('that were taken back, are of another contract, vehicle or wallet, or are NFT transfers, do not count', async () => {
    const strangers = [
      older(1_500, 1n, { removed: true }),
      older(1_501, 1n, { address: `0x${'9'.repeat(40)}` }),
      older(1_502, 1n, { topics: [TOPIC.older, `0x${word(5)}`, `0x${word(1)}`] }),
      older(1_503, 1n, { topics: [TOPIC.older, `0x${word(6)}`, `0x${word(39_718)}`] }),
      older(1_504, 1n, { topics: [`0x${'dd'.repeat(32)}`, `0x${word(5)}`, `0x${word(5)}`, `0x${word(5)}`], data: '0x' }),
    ];
    const source = createSource(settings({ wallets: [`0x${'5'.padStart(40, '0')}`] }));
    expect(entriesOf(await source.ask(node(strangers, 3_000)))).toEqual([]);
  });

  it('are never asked for beyond what is confirmed, and the last confirmed blocks are read again', async () => {
    const source = createSource(settings());
    await source.ask(node([], 3_000));
    await source.ask(node([older(2_900, 7n)], 3_000 + 400), NOW + 15 * 60_000);
    expect(ranges(source.asked)).toEqual([
      [1_000, 2_872],
      [2_745, 3_272],
    ]);
  });

  it('without from_block begin now', async () => {
    const source = createSource({ vehicles: [CAR], identity_url: null, logs: { url: NODE } });
    await source.ask(node([older(1_500, 1n)], 3_000));
    await source.ask(node([older(1_500, 1n), older(2_950, 9n)], 3_200), NOW + 15 * 60_000);
    expect(ranges(source.asked)).toEqual([
      [2_745, 2_872],
      [2_745, 3_072],
    ]);
  });

  it.each([
    ['halved', (span: number) => ({ code: -32_603, message: `block range of ${span} is too large` })],
    ['as suggested in the text', () => ({ code: -32_602, message: 'this range should work: [0x3e8, 0x44b]' })],
    [
      'as suggested in the data',
      () => ({ code: -32_005, message: 'returned more than 10000 results', data: { from: '0x3e8', to: '0x44b', limit: 10_000 } }),
    ],
  ])('in ranges that the node refuses are asked for in smaller ones, %s', async (_how, error) => {
    const source = createSource(settings());
    const reply = await source.ask(node([older(1_500, 3n)], 2_000, (from, to) => (to - from >= 200 ? error(to - from) : null)));
    expect(entriesOf(reply).map(({ amount }) => amount)).toEqual(['3']);
  });

  it('that were read before a failure hold, and the rest is read later', async () => {
    const source = createSource(settings({ max_blocks: 500 }));
    const logs = [older(1_100, 1n), older(1_700, 2n)];
    const down = () => ({ code: -32_000, message: 'header not found' });
    const first = await source.ask(node(logs, 2_128, (from) => (from >= 1_500 ? down() : null)));
    expect(entriesOf(first).map(({ amount }) => amount)).toEqual(['1']);
    const second = await source.ask(node(logs, 2_128), NOW + 600_000);
    expect(entriesOf(second).map(({ amount }) => amount)).toEqual(['2']);
    expect(second.samples).toContainEqual({ metric: 'answers', labels: { part: 'logs', vehicle: '39718' }, value: 1 });
  });

  it('of a week that was refused are no income; its age is shown', async () => {
    const refused = older(1_500, 5n, { topics: [TOPIC.not_qualified, `0x${word(5)}`, `0x${word(39_718)}`] });
    const reply = await createSource(settings()).ask(node([refused], 3_000), 1_790_001_560_000);
    expect(entriesOf(reply)).toEqual([]);
    expect(reply.samples).toContainEqual({ metric: 'not_qualified.age', labels: { vehicle: '39718' }, value: 60 });
  });

  it('of a node on another chain, or one that is far behind, are an error and no zero', async () => {
    const source = createSource(settings());
    const elsewhere = () => ({ json: { jsonrpc: '2.0', id: 1, result: '0x1' } });
    await expect(source.ask(elsewhere)).rejects.toThrow(/on chain 1;.*chain 137/);
    await source.ask(node([], 9_000));
    await expect(source.ask(node([], 5_000), NOW + 15 * 60_000)).rejects.toThrow(/blocks behind/);
  });

  it('that are not whole are an error, and no error shows the key in the address of the node', async () => {
    const source = createSource(settings());
    await expect(source.ask(node([older(1_500, 1n, { data: '0x12' })], 3_000))).rejects.toThrow(/not whole/);
    const limited = source.ask(() => ({ status: 403, text: '' }));
    await expect(limited).rejects.toThrow(/The Polygon node/);
    await expect(source.ask([{ url: NODE, method: 'POST', fails: 'timeout' }])).rejects.not.toThrow(/key-of-a-rented/);
  });

  it('of a vehicle that is new in the settings are read from the beginning', async () => {
    const source = createSource(settings());
    await source.ask(node([], 3_000));
    const more = createSource({ ...settings(), vehicles: [CAR, { token_id: 7 }] }, JSON.parse(source.kept()));
    await more.ask(node([], 3_000), NOW + 15 * 60_000);
    expect(ranges(more.asked)).toEqual([[1_000, 2_872]]);
  });
});

describe('what is asked exists in the services', () => {
  const specs = new URL('../../../../shared/data/', import.meta.url);
  const sdl = (name: string) => new URL(name, specs);
  const typeOf = (text: string, type: string) =>
    [...text.matchAll(new RegExp(`(?:extend )?type ${type} (?:implements \\w+ )?\\{([\\s\\S]*?)\\n\\}`, 'g'))]
      .map((match) => match[1])
      .join('\n');
  const has = (body: string, field: string, type: string) => new RegExp(`\\b${field}(\\([\\s\\S]*?\\))?: ${type}`).test(body);

  it.skipIf(!existsSync(sdl('dimo-telemetry-api.graphql')))('in the schema of the telemetry API', () => {
    const text = readFileSync(sdl('dimo-telemetry-api.graphql'), 'utf8');
    const fields = [...TELEMETRY_QUERY.matchAll(/(\w+)\{timestamp value\}/g)].map((match) => match[1] ?? '');
    expect(fields).toHaveLength(7);
    const signals = typeOf(text, 'SignalCollection');
    expect(fields.filter((field) => !has(signals, field, 'SignalFloat'))).toEqual([]);
    expect(has(signals, 'lastSeen', 'Time')).toBe(true);
    expect(text).toContain('signalsLatest(tokenId: Int!, filter: SignalFilter): SignalCollection');
  });

  it.skipIf(!existsSync(sdl('dimo-identity-api.graphql')))('in the schema of the identity API', () => {
    const text = readFileSync(sdl('dimo-identity-api.graphql'), 'utf8');
    expect(IDENTITY_QUERY).toContain(
      'vehicle(tokenId:$t){tokenId earnings{totalTokens history(first:4){nodes{week connectionStreak}}}}',
    );
    expect(has(typeOf(text, 'Vehicle'), 'earnings', 'VehicleEarnings')).toBe(true);
    expect(has(typeOf(text, 'VehicleEarnings'), 'totalTokens', 'BigDecimal')).toBe(true);
    expect(has(typeOf(text, 'VehicleEarnings'), 'history', 'EarningsConnection')).toBe(true);
    expect(has(typeOf(text, 'EarningsConnection'), 'nodes', '\\[Earning')).toBe(true);
    expect(has(typeOf(text, 'Earning'), 'connectionStreak', 'Int')).toBe(true);
  });
});
