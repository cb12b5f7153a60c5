/** A Lotus full node for tests: a chain that grows by hand, and the state of one miner. Answers JSON-RPC texts as the real one does. */
export interface FakeEpoch {
  /** Blocks by miner and win count; null: a null round. */
  blocks: Record<string, number> | null;
  /** Told by the trace of `StateCompute`: what the reward actor paid, whether that failed, what was burnt. */
  paid?: Record<string, string>;
  failed?: boolean;
  burnt?: Record<string, string>;
}

export interface FakeNode {
  /** Adds an epoch on top. */
  add(epoch: FakeEpoch): void;
  /** Replaces all epochs from `height` on: another chain. */
  fork(height: number, name: string): void;
  head(): number;
  finalised: number;
  /** Method → its answer in place of the usual one. */
  override: Record<string, (params: unknown[]) => unknown>;
  /** Methods that the node does not have. */
  lacks: Set<string>;
  /** Methods called, in order. */
  calls: string[];
  answer(body: string): string;
}

export const GENESIS_S = 1_598_306_400;
const EPOCH_S = 30;
const OTHER_MINER = 'f099999';
const cid = (name: string) => ({ '/': `bafy2bzace${name}` });

class RpcFailure extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const createFakeNode = (start: number): FakeNode => {
  const epochs = new Map<number, FakeEpoch & { chain: string }>();
  let top = start - 1;
  let chain = 'a';
  const keyOf = (height: number) => {
    const epoch = epochs.get(height);
    return Object.keys(epoch?.blocks ?? {}).map((miner) => cid(`${epoch?.chain}${height}${miner}`));
  };
  const below = (height: number): number => {
    let found = Math.min(height, top);
    while (found > start && !epochs.get(found)?.blocks) found--;
    return found;
  };
  const tipset = (height: number) => {
    const at = below(height);
    const blocks = Object.entries(epochs.get(at)?.blocks ?? {}).map(([Miner, WinCount]) => ({
      ...{ Miner, ElectionProof: { WinCount, VRFProof: 'c2hhcGU=' }, Height: at, ParentBaseFee: '20592036', ForkSignaling: 0 },
      Parents: at > start ? keyOf(below(at - 1)) : [cid('genesis')],
      Timestamp: GENESIS_S + at * EPOCH_S,
    }));
    return { Cids: keyOf(at), Blocks: blocks, Height: at };
  };
  const node: FakeNode = {
    add(epoch) {
      top++;
      epochs.set(top, { ...epoch, blocks: epoch.blocks && { [OTHER_MINER]: 1, ...epoch.blocks }, chain });
    },
    fork(height, name) {
      chain = name;
      for (let at = height; at <= top; at++) epochs.delete(at);
      top = height - 1;
    },
    head: () => top,
    finalised: start,
    override: {},
    lacks: new Set(),
    calls: [],
    answer(body) {
      const request = JSON.parse(body) as RpcRequest | RpcRequest[];
      return JSON.stringify(Array.isArray(request) ? request.map(reply) : reply(request));
    },
  };
  const methods: Record<string, (params: unknown[]) => unknown> = {
    ChainHead: () => tipset(top),
    ChainGetFinalizedTipSet: () => tipset(node.finalised),
    ChainGetTipSetByHeight: ([height]) => tipset(Number(height)),
    ChainGetTipSetAfterHeight([height]) {
      let at = Number(height);
      while (at < top && !epochs.get(at)?.blocks) at++;
      return tipset(at);
    },
    StateCompute: ([height]) => ({ Root: cid('root'), Trace: traceOf(epochs.get(Number(height))) }),
    ...MINER_STATE,
  };
  const reply = ({ id, method, params }: RpcRequest) => {
    const name = method.replace('Filecoin.', '');
    node.calls.push(name);
    try {
      const answer = node.lacks.has(name) ? undefined : (node.override[name] ?? methods[name]);
      if (!answer) throw new RpcFailure(-32601, `method '${method}' not found`);
      return { jsonrpc: '2.0', result: answer(params), id };
    } catch (error) {
      const { code = 1, message } = error as RpcFailure;
      return { jsonrpc: '2.0', id, error: { code, message } };
    }
  };
  return node;
};

/** An error as a method of the node gives it. */
export const rpcFailure = (code: number, message: string): Error => new RpcFailure(code, message);

interface RpcRequest {
  id: number;
  method: string;
  params: unknown[];
}

const traceOf = (epoch: FakeEpoch | undefined) => {
  const awards = Object.entries(epoch?.paid ?? {}).map(([miner, value]) => {
    const applied = call('f02', miner, { Method: 14, Value: value, ExitCode: epoch?.failed ? 16 : 0, Subcalls: null });
    return entry('f00', 'f02', 2, [applied, ...(epoch?.failed ? [call('f02', 'f099', { Method: 0, Value: value })] : [])]);
  });
  const burns = Object.entries(epoch?.burnt ?? {}).map(([miner, value]) =>
    call('f04', miner, { Method: 12, Value: '0', Subcalls: [call(miner, 'f099', { Method: 0, Value: value })] }),
  );
  const stranger = entry('f07', 'f08', 0, []);
  return [stranger, ...awards, entry('f00', 'f03', 2, [call('f03', 'f04', { Method: 5, Value: '0', Subcalls: burns })])];
};

const entry = (From: string, To: string, Method: number, Subcalls: unknown[]) => ({
  MsgCid: cid('message'),
  Msg: {
    Version: 0,
    To,
    From,
    Nonce: 0,
    Value: '0',
    GasLimit: 0,
    GasFeeCap: '0',
    GasPremium: '0',
    Method,
    Params: 'hEMA0glAQAE=',
  },
  MsgRct: { ExitCode: 0, Return: null, GasUsed: 0 },
  ExecutionTrace: call(From, To, { Method, Value: '0', Subcalls }),
  Error: '',
  Duration: 1,
});

interface CallOptions {
  Method: number;
  Value: string;
  ExitCode?: number;
  Subcalls?: unknown[] | null;
}

const call = (From: string, To: string, { Method, Value, ExitCode = 0, Subcalls = null }: CallOptions) => ({
  Msg: { From, To, Value, Method, Params: 'gkkAQRsNEMJuFaRA' },
  MsgRct: { ExitCode, Return: '' },
  Subcalls,
});

/** The shapes of the reference; the open deadline 40 has two partitions of which one is proven. */
const MINER_STATE: Record<string, (params: unknown[]) => unknown> = {
  NodeStatus: () => ({
    SyncStatus: { Epoch: 6_567_880, Behind: 2 },
    PeerStatus: { PeersToPublishMsgs: 123, PeersToPublishBlocks: 120 },
    ChainStatus: { BlocksPerTipsetLast100: 4.87, BlocksPerTipsetLastFinality: 0 },
  }),
  StateMinerPower: () => ({
    MinerPower: { RawBytePower: '54802717545070592', QualityAdjPower: '548027175450705920' },
    TotalPower: { RawBytePower: '871958213119967232', QualityAdjPower: '8713531381273067520' },
    HasMinPower: true,
  }),
  StateMinerSectorCount: () => ({ Live: 1000, Active: 996, Faulty: 4 }),
  StateMinerRecoveries: () => [5, 1],
  StateMinerProvingDeadline: () => ({
    ...{ CurrentEpoch: 6_567_900, PeriodStart: 6_565_480, Index: 40, Open: 6_567_880, Close: 6_567_940, Challenge: 6_567_860 },
    ...{ WPoStPeriodDeadlines: 48, WPoStProvingPeriod: 2880, WPoStChallengeWindow: 60, FaultCutoff: 6_567_810 },
  }),
  StateMinerDeadlines: () =>
    Array.from({ length: 48 }, (_, index) => ({
      PostSubmissions: index === 40 ? [0, 1] : [0],
      DisputableProofCount: 0,
      DailyFee: '1234567890',
    })),
  StateMinerPartitions: () => [
    { AllSectors: [0, 500], FaultySectors: [0, 3, 2, 1], RecoveringSectors: [0], LiveSectors: [0, 500], ActiveSectors: [0, 496] },
    { AllSectors: [500, 500], FaultySectors: [0], RecoveringSectors: [5, 1], LiveSectors: [500, 500], ActiveSectors: [500, 500] },
  ],
  StateMinerInfo: () => ({
    ...{ Owner: 'f01001', Worker: 'f01002', NewWorker: '<empty>', ControlAddresses: ['f01003'], WorkerChangeEpoch: -1 },
    ...{ SectorSize: 34_359_738_368, ConsensusFaultElapsed: -1, PendingOwnerAddress: null, Beneficiary: 'f01001' },
  }),
  StateMinerAvailableBalance: () => '12345678901234567890123',
  StateReadState: () => ({
    Balance: '912345678901234567890123',
    Code: cid('code'),
    State: {
      ...{
        PreCommitDeposits: '0',
        LockedFunds: '41234567890123456789012',
        FeeDebt: '0',
        InitialPledge: '800000000000000000000000',
      },
      ...{
        VestingFunds: null,
        ProvingPeriodStart: 6_565_480,
        CurrentDeadline: 40,
        DeadlineCronActive: true,
        EarlyTerminations: [],
      },
      ...{ ThisEpochReward: '23456789012345678903', TotalStoragePowerReward: '600000000000000000000000000' },
    },
  }),
  WalletBalance: ([address]) => (address === 'f01002' ? '4200000000000000000' : '0'),
  MinerGetBaseInfo: () => null,
  ChainGetBlockMessages: () => ({ BlsMessages: [], SecpkMessages: [], Cids: null }),
};
