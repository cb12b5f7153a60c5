import { AppError } from '../errors.js';
import type { Grpc } from '../grpc.js';
import type { Http, HttpReply } from '../http.js';
import { silentLog } from '../log.js';
import type { NetworkCall, NetworkReply } from '../network.js';
import filecoin from '../networks/filecoin.js';
import type { FilecoinConfig } from '../networks/lib/filecoin-config.js';
import { check } from '../schema.js';
import { createFakeNode, type FakeNode, GENESIS_S } from './filecoin.js';

/** The Filecoin source at a chain that is moved by hand; its memory goes through JSON as on a device. */
export const MINER = 'f01234';
export const START = 6_567_870;
/** Beyond 2^63. */
export const HUGE = '46913578024691357800001';

const grpc: Grpc = {
  async unary() {
    throw new AppError('unreachable', 'no gRPC here');
  },
};

export const createDesk = (node: FakeNode, config: Record<string, unknown> = {}) => {
  const settings = { miner: MINER, ask: ['node'], fees: false, ...config };
  const desk = {
    kept: undefined as unknown,
    now: (GENESIS_S + (START + 60) * 30) * 1_000,
    filfox: (): HttpReply => ({ status: 404, headers: {}, text: '{"statusCode":404}' }),
    other: null as HttpReply | null,
    requests: [] as { url: string; headers: Record<string, string> }[],
    call(): NetworkCall<FilecoinConfig> {
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

export const entriesOf = (reply: NetworkReply, source?: string) =>
  (reply.readings ?? []).flatMap((one) =>
    one.kind === 'ledger' && one.source === source
      ? one.entries.map(({ id, amount }) => ({ id: id.replace(/bafy2bzace/, ''), amount, exact: one.exact }))
      : [],
  );
export const sampleOf = (reply: NetworkReply, metric: string, label = '') =>
  reply.samples?.find((one) => one.metric === metric && (label === '' || Object.values(one.labels ?? {}).includes(label)))?.value;

/** A chain of `count` epochs without own blocks, all final. */
export const chainOf = (count: number) => {
  const node = createFakeNode(START);
  for (let index = 0; index < count; index++) node.add({ blocks: {} });
  node.finalised = node.head();
  return node;
};
export const win = (node: FakeNode, paid: string, more: object = {}) => {
  node.add({ blocks: { [MINER]: 1 }, paid: { [MINER]: paid }, ...more });
  node.finalised = node.head();
};
