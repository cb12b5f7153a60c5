import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { HttpReply } from '../../http.js';
import { GENESIS_S, rpcFailure } from '../../testing/filecoin.js';
import { chainOf, createDesk, entriesOf, MINER, START, sampleOf, win } from '../../testing/filecoin-desk.js';
import filecoin from '../filecoin.js';

/** Health of the Filecoin source, nodes that fail, the cross-check, and the published method list. */
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

  it('does not count a proof that came after the last look', async () => {
    const node = chainOf(3);
    const desk = createDesk(node);
    await desk.ask();
    node.override['StateMinerProvingDeadline'] = () => ({
      CurrentEpoch: START + 71,
      Index: 41,
      Open: START + 70,
      Close: START + 130,
    });
    expect(sampleOf(await desk.ask(), 'window_post_missed')).toBe(0);
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
