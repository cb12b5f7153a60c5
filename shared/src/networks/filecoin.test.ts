import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.js';
import type { Grpc } from '../grpc.js';
import type { Http, HttpReply } from '../http.js';
import { silentLog } from '../log.js';
import type { NetworkReply } from '../network.js';
import { check } from '../schema.js';
import { createFakeNode, type FakeNode, GENESIS_S, rpcFailure } from '../testing/filecoin.js';
import filecoin from './filecoin.js';

/** The Filecoin source against a chain that is moved by hand; memory goes through JSON as on a device. */
const MINER = 'f01234';
const START = 6_567_870;
const HUGE = '46913578024691357800001';

const grpc: Grpc = {
  async unary() {
    throw new AppError('unreachable', 'no gRPC here');
  },
};

const createDesk = (node: FakeNode, config: Record<string, unknown> = {}) => {
  const settings = { miner: MINER, ask: ['node'], fees: false, ...config };
  const desk = {
    kept: undefined as unknown,
    now: (GENESIS_S + (START + 60) * 30) * 1_000,
    filfox: (): HttpReply => ({ status: 404, headers: {}, text: '{"statusCode":404}' }),
    other: null as HttpReply | null,
    requests: [] as { url: string; headers: Record<string, string> }[],
    call() {
      const http: Http = {
        async request({ url, body = '', headers = {} }) {
          desk.requests.push({ url, headers });
          if (url.includes('filfox')) return desk.filfox();
          return desk.other ?? { status: 200, headers: {}, text: node.answer(body) };
        },
      };
      const memory = {
        get: () => desk.kept,
        put(value: unknown) {
          desk.kept = JSON.parse(JSON.stringify(value));
        },
      };
      const signal = new AbortController().signal;
      return {
        config: check(filecoin.config, settings, 'config'),
        http,
        grpc,
        host: null,
        memory,
        now: desk.now,
        log: silentLog,
        signal,
      };
    },
    ask: async (): Promise<NetworkReply> => (await filecoin.onDevice?.(desk.call())) ?? {},
  };
  return desk;
};

const entriesOf = (reply: NetworkReply, source?: string) =>
  (reply.readings ?? []).flatMap((one) =>
    one.kind === 'ledger' && one.source === source
      ? one.entries.map(({ id, amount }) => ({ id: id.replace(/bafy2bzace/, ''), amount, exact: one.exact }))
      : [],
  );
const sampleOf = (reply: NetworkReply, metric: string, label = '') =>
  reply.samples?.find((one) => one.metric === metric && (label === '' || Object.values(one.labels ?? {}).includes(label)))?.value;

/** A chain of `count` epochs without own blocks, all final. */
const chainOf = (count: number) => {
  const node = createFakeNode(START);
  for (let index = 0; index < count; index++) node.add({ blocks: {} });
  node.finalised = node.head();
  return node;
};
const win = (node: FakeNode, paid: string, more: object = {}) => {
  node.add({ blocks: { [MINER]: 1 }, paid: { [MINER]: paid }, ...more });
  node.finalised = node.head();
};

describe('rewards of own blocks', () => {
  it('are exact beyond 2^63, from the first finalised height on, each once', async () => {
    const node = chainOf(3);
    const desk = createDesk(node);
    expect(entriesOf(await desk.ask())).toEqual([]);
    win(node, HUGE);
    win(node, '1');
    const first = await desk.ask();
    expect(entriesOf(first)).toEqual([
      { id: `${START + 3}/a${START + 3}${MINER}`, amount: HUGE, exact: true },
      { id: `${START + 4}/a${START + 4}${MINER}`, amount: '1', exact: true },
    ]);
    const [reading] = first.readings ?? [];
    expect(reading).toMatchObject({ kind: 'ledger', account: MINER, token: 'FIL', decimals: 18 });
    expect(reading?.kind === 'ledger' && reading.entries[0]?.ts).toBe((GENESIS_S + (START + 3) * 30) * 1_000);
    expect(entriesOf(await desk.ask())).toEqual([]);
  });

  it('stand behind a null round and are not read before they are final', async () => {
    const node = chainOf(2);
    const desk = createDesk(node);
    await desk.ask();
    node.add({ blocks: null });
    node.add({ blocks: { [MINER]: 2 }, paid: { [MINER]: '777' } });
    expect(entriesOf(await desk.ask())).toEqual([]);
    node.finalised = START + 2;
    expect(entriesOf(await desk.ask())).toEqual([]);
    node.finalised = START + 3;
    expect(entriesOf(await desk.ask()).map((one) => one.amount)).toEqual(['777']);
  });

  it('are none where the payment failed and was burnt', async () => {
    const node = chainOf(2);
    const desk = createDesk(node);
    await desk.ask();
    win(node, '4691357802469135780', { failed: true });
    expect(entriesOf(await desk.ask())).toEqual([]);
    expect(sampleOf(await desk.ask(), 'reward_lag')).toBe(0);
  });

  it('come with what was burnt as a negative entry', async () => {
    const node = chainOf(2);
    const desk = createDesk(node);
    await desk.ask();
    win(node, '100', { burnt: { [MINER]: '9223372036854775808999', f05555: '7' } });
    expect(entriesOf(await desk.ask())).toEqual([
      { id: expect.stringContaining(MINER), amount: '100', exact: true },
      { id: expect.stringContaining('burnt'), amount: '-9223372036854775808999', exact: true },
    ]);
  });

  it('are read from where it stood after days without an answer, in bounded steps', async () => {
    const node = chainOf(2);
    const desk = createDesk(node);
    await desk.ask();
    for (let index = 0; index < 300; index++)
      node.add(index % 50 === 0 ? { blocks: { [MINER]: 1 }, paid: { [MINER]: '5' } } : { blocks: {} });
    node.finalised = node.head();
    const amounts: string[] = [];
    for (let round = 0; round < 5; round++) {
      node.calls.length = 0;
      amounts.push(...entriesOf(await desk.ask()).map((one) => one.amount));
      expect(node.calls.filter((name) => name === 'ChainGetTipSetByHeight').length).toBeLessThanOrEqual(120);
      expect(node.calls.filter((name) => name === 'StateCompute').length).toBeLessThanOrEqual(4);
    }
    expect(amounts).toEqual(['5', '5', '5', '5', '5', '5']);
    expect(JSON.stringify(desk.kept).length).toBeLessThan(64_000);
  });

  it('are withdrawn and counted anew when even the finalised chain changes', async () => {
    const node = chainOf(2);
    const desk = createDesk(node);
    await desk.ask();
    win(node, '100');
    win(node, '200');
    await desk.ask();
    node.fork(START + 3, 'b');
    node.add({ blocks: {} });
    win(node, '300');
    expect(entriesOf(await desk.ask())).toEqual([]);
    expect(entriesOf(await desk.ask())).toEqual([
      { id: `${START + 2}/a${START + 2}${MINER}`, amount: '100', exact: true },
      { id: `${START + 3}/a${START + 3}${MINER}`, amount: '0', exact: true },
      { id: `${START + 4}/b${START + 4}${MINER}`, amount: '300', exact: true },
    ]);
  });

  it('wait for a trace that is whole, and are estimated after the third try', async () => {
    const node = chainOf(2);
    const desk = createDesk(node);
    await desk.ask();
    win(node, '500');
    node.override['StateCompute'] = () => ({ Root: { '/': 'bafy' }, Trace: [] });
    expect(entriesOf(await desk.ask())).toEqual([]);
    expect(entriesOf(await desk.ask())).toEqual([]);
    expect(sampleOf(await desk.ask(), 'rewards_estimated')).toBe(1);
    node.override = {};
    expect(entriesOf(await desk.ask())).toEqual([]);
  });

  it('are found in an answer of megabytes', async () => {
    const node = chainOf(2);
    const desk = createDesk(node);
    await desk.ask();
    win(node, HUGE);
    const { Trace: real } = JSON.parse(node.answer(`{"id":1,"method":"Filecoin.StateCompute","params":[${START + 2}]}`)).result;
    const [noise] = real;
    node.override['StateCompute'] = () => ({ Root: {}, Trace: [...Array.from({ length: 5_000 }, () => noise), ...real, noise] });
    expect(entriesOf(await desk.ask()).map((one) => one.amount)).toEqual([HUGE]);
  });

  it('begin as far back as the settings say', async () => {
    const node = chainOf(2);
    win(node, '11');
    win(node, '22');
    const desk = createDesk(node, { history_epochs: 2 });
    expect(entriesOf(await desk.ask()).map((one) => one.amount)).toEqual(['11', '22']);
  });

  it('are read once more when what was kept is damaged, by the same ids', async () => {
    const node = chainOf(2);
    win(node, '11');
    const desk = createDesk(node, { history_epochs: 1 });
    const before = entriesOf(await desk.ask());
    desk.kept = { walk: 'broken' };
    expect(entriesOf(await desk.ask())).toEqual(before);
  });

  it('wait 900 epochs on a node that does not say what is final (rpc/v0)', async () => {
    const node = chainOf(905);
    node.lacks.add('ChainGetFinalizedTipSet');
    const desk = createDesk(node);
    await desk.ask();
    expect(desk.kept).toMatchObject({ walk: { height: START + 4 } });
  });
});

describe('daily fees', () => {
  it('are read at the epoch before a deadline closes, also when that is a null round', async () => {
    const node = chainOf(60);
    const desk = createDesk(node, { fees: true });
    await desk.ask();
    // A deadline closes at 6567940, which is START + 70.
    for (let height = START + 60; height < START + 69; height++) node.add({ blocks: {} });
    node.add({ blocks: null });
    node.add({ blocks: {}, burnt: { [MINER]: '1234567890' } });
    node.finalised = node.head();
    expect(entriesOf(await desk.ask())).toEqual([
      { id: `${START + 70}/a${START + 70}f099999/burnt`, amount: '-1234567890', exact: true },
    ]);
    expect(node.calls.filter((name) => name === 'StateCompute')).toHaveLength(1);
  });
});

describe('light mode on a gateway', () => {
  const gateway = (node: FakeNode) => {
    const lacking = ['StateCompute', 'NodeStatus', 'StateMinerAvailableBalance', 'StateMinerPartitions', 'StateMinerRecoveries'];
    for (const method of lacking) node.lacks.add(method);
    return node;
  };
  const tip = (GasPremium: string, GasFeeCap: string) => ({ GasPremium, GasFeeCap, GasLimit: 1_000 });

  it('adds the share of the epoch by wins and the tips of fresh messages, as an estimate', async () => {
    const node = gateway(chainOf(2));
    const desk = createDesk(node);
    await desk.ask();
    node.add({ blocks: { [MINER]: 3 } });
    node.finalised = node.head();
    node.override['ChainGetBlockMessages'] = ([block]) => {
      const own = JSON.stringify(block).includes(MINER);
      const bls = own ? [tip('5', '20592040'), tip('900', '20592137')] : [tip('5', '20592040')];
      return { BlsMessages: bls, SecpkMessages: null, Cids: bls.map((_, index) => ({ '/': `m${index}` })) };
    };
    const reply = await desk.ask();
    // floor(23456789012345678903 × 3 / 5) + 101 × 1000: the first message was in another block already.
    expect(entriesOf(reply)).toEqual([
      { id: `${START + 2}/a${START + 2}${MINER}`, amount: '14074073407407508341', exact: false },
    ]);
    expect(sampleOf(reply, 'deadline_unproven')).toBeUndefined();
    expect(sampleOf(reply, 'deadline_closes_in')).toBe(1_200);
    expect(sampleOf(reply, 'sync_lag_epochs')).toBe(58);
  });

  it('takes the difference of what was paid after a null round', async () => {
    const node = gateway(chainOf(2));
    const desk = createDesk(node, { rewards: 'light' });
    await desk.ask();
    node.add({ blocks: null });
    node.add({ blocks: { [MINER]: 2 } });
    node.add({ blocks: {} });
    node.finalised = node.head();
    node.override['StateReadState'] = ([actor, key]) => ({
      State: {
        TotalStoragePowerReward: JSON.stringify(key).includes(`${START + 4}`) ? '3000000000000000000010' : '10',
        ThisEpochReward: '1',
        actor,
      },
    });
    expect(entriesOf(await desk.ask()).map((one) => one.amount)).toEqual(['2000000000000000000000']);
  });

  it('does not stop for ever at a state that is gone', async () => {
    const node = gateway(chainOf(2));
    const desk = createDesk(node);
    await desk.ask();
    node.add({ blocks: { [MINER]: 5 } });
    node.add({ blocks: {} });
    node.finalised = node.head();
    node.override['StateReadState'] = ([, key]) => {
      if (!JSON.stringify(key).includes(`${START + 3}`)) throw rpcFailure(-32002, 'state not available');
      return { State: { ThisEpochReward: '40' } };
    };
    const amounts: string[] = [];
    for (let round = 0; round < 8; round++) amounts.push(...entriesOf(await desk.ask()).map((one) => one.amount));
    expect(amounts).toEqual(['40']);
  });
});

describe('health', () => {
  it('tells power, sectors, balances, wallets and the clock of a missing WindowPoSt', async () => {
    const reply = await createDesk(chainOf(3)).ask();
    const expected: [string, string, number][] = [
      ['head_epoch', '', START + 2],
      ['sync_lag', '', 58 * 30],
      ['peers', '', 123],
      ['base_fee', '', 20_592_036],
      ['power', 'raw', 54_802_717_545_070_592],
      ['sectors', 'faulty', 4],
      ['sectors', 'recovering', 1],
      ['balance', 'available', 12_345.678901234567],
      ['balance', 'pledge', 800_000],
      ['wallet_balance', 'worker', 4.2],
      ['eligible_to_mine', '', 0],
      ['consensus_fault', '', 0],
      ['deadline', '', 40],
      ['deadline_partitions', '', 2],
      ['deadline_unproven', '', 1],
      ['window_post_missed_in', '', 1_200],
      ['window_post_late', '', 0],
      ['window_post_missed', '', 0],
    ];
    for (const [metric, label, value] of expected)
      expect([metric, label, sampleOf(reply, metric, label)]).toEqual([metric, label, value]);
    expect(sampleOf(reply, 'power_share')).toBeCloseTo(0.0629, 4);
    const undeclared = reply.samples?.filter((one) => !(one.metric in filecoin.metrics));
    expect(undeclared).toEqual([]);
  });

  it('counts a proof as missed when the deadline closed without it and its sectors are faulty', async () => {
    const node = chainOf(3);
    const desk = createDesk(node);
    await desk.ask();
    const deadline = { CurrentEpoch: START + 71, Index: 41, Open: START + 70, Close: START + 130 };
    node.override['StateMinerProvingDeadline'] = () => deadline;
    const live = { LiveSectors: [0, 500], RecoveringSectors: [0] };
    node.override['StateMinerPartitions'] = ([, index]) => [{ ...live, FaultySectors: index === 40 ? [0, 500] : [0] }];
    expect(sampleOf(await desk.ask(), 'window_post_missed')).toBe(1);
    expect(sampleOf(await desk.ask(), 'window_post_missed')).toBe(1);
  });

  it('is silent about the clock once everything is proven', async () => {
    const node = chainOf(3);
    node.override['StateMinerDeadlines'] = () => Array.from({ length: 48 }, () => ({ PostSubmissions: [0, 2] }));
    const reply = await createDesk(node).ask();
    expect(sampleOf(reply, 'deadline_unproven')).toBe(0);
    expect(sampleOf(reply, 'window_post_missed_in')).toBeUndefined();
  });

  it('asks one call at a time where a node refuses batches', async () => {
    const node = chainOf(3);
    const answer = node.answer;
    node.answer = (body) =>
      body.startsWith('[') ? '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}' : answer(body);
    expect(sampleOf(await createDesk(node).ask(), 'sectors', 'live')).toBe(1_000);
  });
});

describe('a node that fails', () => {
  const reply = (status: number, text: string, headers: Record<string, string> = {}): HttpReply => ({ status, headers, text });
  it.each<[string, HttpReply, string]>([
    ['a bad token', reply(401, ''), 'unauthorized'],
    ['a gateway at its limit', reply(429, 'slow down', { 'retry-after': '30' }), 'too_many'],
    ['a web page', reply(200, '<html>hello</html>'), 'bad_reply'],
    ['a moved address', reply(301, ''), 'bad_reply'],
    ['half an answer', reply(200, '[{"jsonrpc":"2.0","id":1,"result":{"Cids":[{"/"'), 'bad_reply'],
    ['an answer without the head', reply(200, '[]'), 'bad_reply'],
    ['half a tipset', reply(200, '[{"jsonrpc":"2.0","id":1,"result":{"Cids":null,"Blocks":null,"Height":0}}]'), 'bad_reply'],
    [
      'an error of the method with status 500',
      reply(
        500,
        '[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"missing permission to invoke \'ChainHead\' (need \'read\')"}}]',
      ),
      'forbidden',
    ],
  ])('says so: %s', async (_name, other, code) => {
    const desk = createDesk(chainOf(1), { node_token: 'a-secret-token' });
    desk.other = other;
    const error = await desk.ask().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain('a-secret-token');
    expect(desk.requests[0]?.headers['authorization']).toBe('Bearer a-secret-token');
    expect(desk.kept).toBeUndefined();
    if (code === 'too_many') expect(error).toMatchObject({ details: { retry_after_ms: 30_000 } });
  });

  it('keeps health while only the walk fails', async () => {
    const node = chainOf(3);
    node.override['ChainGetFinalizedTipSet'] = () => {
      throw rpcFailure(1, 'no finalised tipset yet');
    };
    const answer = await createDesk(node).ask();
    expect(sampleOf(answer, 'head_epoch')).toBe(START + 2);
    expect(answer.readings).toEqual([]);
  });
});

describe('Filfox', () => {
  const filfox = (totalRewards: string, height: number): HttpReply => ({
    status: 200,
    headers: {},
    text: JSON.stringify({ id: MINER, timestamp: GENESIS_S + height * 30, createTimestamp: GENESIS_S, miner: { totalRewards } }),
  });

  it('is a source of its own, asked every quarter of an hour', async () => {
    const desk = createDesk(chainOf(3), { ask: ['node', 'filfox'] });
    desk.filfox = () => filfox('73454194072750329562945', START);
    const { readings } = await desk.ask();
    expect(readings?.map((one) => [one.kind, one.source, one.exact])).toEqual([
      ['ledger', undefined, true],
      ['lifetime', 'filfox', false],
    ]);
    expect(readings?.[1]).toMatchObject({ amount: '73454194072750329562945' });
    await desk.ask();
    expect(desk.requests.filter(({ url }) => url.includes('filfox'))).toHaveLength(1);
  });

  it('waits as long as it is told and takes nothing else down', async () => {
    const desk = createDesk(chainOf(3), { ask: ['node', 'filfox'] });
    desk.filfox = () => ({ status: 429, headers: { 'retry-after': '7200' }, text: '<html>' });
    const reply = await desk.ask();
    expect([sampleOf(reply, 'endpoint_up', 'filfox'), sampleOf(reply, 'endpoint_up', 'node')]).toEqual([0, 1]);
    desk.now += 7_100_000;
    await desk.ask();
    desk.now += 200_000;
    await desk.ask();
    expect(desk.requests.filter(({ url }) => url.includes('filfox'))).toHaveLength(2);
  });

  it('seeds what was earned before, less what the walk counts itself', async () => {
    const node = chainOf(3);
    win(node, '100');
    node.add({ blocks: {} });
    node.finalised = START + 2;
    const desk = createDesk(node, { ask: ['node', 'filfox'], seed: true });
    expect((await desk.ask()).readings).toEqual([]);
    desk.now += 3_600_000;
    desk.filfox = () => filfox('20000000000000000000100', START + 4);
    expect(entriesOf(await desk.ask())).toEqual([]);
    node.finalised = START + 4;
    expect(entriesOf(await desk.ask()).map(({ id, amount, exact }) => [id, amount, exact])).toEqual([
      [`${START + 3}/a${START + 3}${MINER}`, '100', true],
      ['seed', '20000000000000000000000', false],
    ]);
    win(node, '7');
    expect(entriesOf(await desk.ask()).map(({ amount }) => amount)).toEqual(['7']);
  });
});

describe('on the hub', () => {
  it('walks once for all miners and gives each device its own', async () => {
    const node = chainOf(2);
    const miners = [{ miner: MINER, device: 'shed' }, { miner: 'f05555', device: 'barn' }, { miner: 'f06666' }];
    const desk = createDesk(node, { miner: undefined, miners });
    const ask = async () => filecoin.onHub?.({ ...desk.call(), devices: ['shed', 'barn'] });
    await ask();
    node.add({ blocks: { [MINER]: 1, f05555: 1, f06666: 1 }, paid: { [MINER]: HUGE, f05555: '2', f06666: '3' } });
    node.finalised = node.head();
    node.calls.length = 0;
    const reply = await ask();
    const amounts = (device: string) => entriesOf(reply?.devices.get(device) ?? {}).map(({ amount }) => amount);
    expect([amounts('shed'), amounts('barn')]).toEqual([[HUGE], ['2']]);
    expect(entriesOf({ readings: reply?.accounts ?? [] }).map(({ amount }) => amount)).toEqual(['3']);
    expect(node.calls.filter((name) => name === 'StateCompute')).toHaveLength(1);
    expect(sampleOf(reply?.devices.get('barn') ?? {}, 'sectors', 'f05555')).toBe(1_000);
  });
});

const SPECS = process.env['MUSTER_FILECOIN_SPECS'] ?? '';
describe('the published methods', () => {
  it.skipIf(!existsSync(`${SPECS}/filecoin-lotus-openrpc-full.json`))(
    'hold every call and as many parameters (MUSTER_FILECOIN_SPECS)',
    async () => {
      const { methods } = JSON.parse(readFileSync(`${SPECS}/filecoin-lotus-openrpc-full.json`, 'utf8'));
      const counts = new Map<string, number>(
        methods.map((one: { name: string; params: unknown[] }) => [one.name, one.params.length]),
      );
      const node = chainOf(3);
      const asked: [string, number][] = [];
      const answer = node.answer;
      node.answer = (body) => {
        for (const { method, params } of [JSON.parse(body)].flat()) asked.push([method, params.length]);
        return answer(body);
      };
      const desk = createDesk(node, { rewards: 'exact' });
      await desk.ask();
      win(node, '1');
      node.lacks.add('StateCompute');
      await desk.ask();
      expect(asked.length).toBeGreaterThan(20);
      for (const [method, count] of asked) expect([method, counts.get(method)]).toEqual([method, count]);
    },
  );
});
