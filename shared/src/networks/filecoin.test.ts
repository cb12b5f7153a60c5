import { describe, expect, it } from 'vitest';
import { type FakeNode, GENESIS_S, rpcFailure } from '../testing/filecoin.js';
import { chainOf, createDesk, entriesOf, HUGE, MINER, START, sampleOf, win } from '../testing/filecoin-desk.js';
import filecoin from './filecoin.js';

/** Rewards of the Filecoin source: exact, light, fees, several miners on the hub. */
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
      const bls = own ? [tip('5', '20592040'), tip('900', '20592137'), tip('3', '100')] : [tip('5', '20592040')];
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
