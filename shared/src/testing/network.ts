import { AppError } from '../errors.js';
import type { Grpc } from '../grpc.js';
import { silentLog } from '../log.js';
import type { NetworkCall, NetworkDeclaration, NetworkHost, NetworkReply } from '../network.js';
import { check } from '../schema.js';
import type { FixtureCase } from './cases.js';
import { createRecordedHttp, type RecordedExchange } from './http.js';

/** A case of a network's fixture: what its source answers, and what follows from that. */
export interface NetworkCase extends FixtureCase {
  config: unknown;
  http?: RecordedExchange[];
  /** Replies of gRPC calls, as hexadecimal protobuf. */
  grpc?: { path: string; reply?: string; fails?: 'timeout' | 'unreachable' | 'not_found' }[];
  /** The machine that the source runs on: files, and programs by `name argument argument`. */
  host?: { files?: Record<string, string>; programs?: Record<string, { code: number; text: string; stderr?: string }> };
  /** What it kept before. */
  memory?: unknown;
  now?: number;
  /** On the hub in place of a device: of which devices it speaks. */
  devices?: string[];
  /** What the device side answers; of the hub side `{devices: {id: reply}, accounts}`. */
  expect: NetworkReply | { devices: Record<string, NetworkReply>; accounts?: unknown[] } | { error: { code: string } };
  /** What it keeps then. */
  keeps?: unknown;
}

export const FIXTURE_NOW = Date.UTC(2026, 0, 1);

/** Asks the network once with what the case recorded. */
export const playCase = async (network: NetworkDeclaration, one: NetworkCase) => {
  const config = check(network.config, one.config, 'the config of the fixture');
  let kept = one.memory;
  const call: NetworkCall<unknown> = {
    config,
    http: createRecordedHttp(one.http ?? []),
    grpc: recordedGrpc(one),
    host: one.devices ? null : recordedHost(one),
    memory: {
      get: () => kept,
      put(value) {
        kept = JSON.parse(JSON.stringify(value));
      },
    },
    now: one.now ?? FIXTURE_NOW,
    log: silentLog,
    signal: new AbortController().signal,
  };
  if (!one.devices) return { reply: await network.onDevice?.(call), kept };
  const answer = await network.onHub?.({ ...call, devices: one.devices });
  return { reply: answer && { ...answer, devices: Object.fromEntries(answer.devices) }, kept };
};

const recordedGrpc = ({ grpc = [] }: NetworkCase): Grpc => ({
  async unary({ path }) {
    const found = grpc.find((one) => one.path === path);
    if (!found) throw new AppError('unreachable', `${path} is not recorded in this fixture`);
    if (found.fails) throw new AppError(found.fails, `${path}: ${found.fails}`);
    return Buffer.from(found.reply ?? '', 'hex');
  },
});

const recordedHost = ({ host: { files = {}, programs = {} } = {} }: NetworkCase): NetworkHost => ({
  read: (path) => files[path] ?? null,
  list: (folder) => {
    const inside = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(inside.map((path) => path.slice(folder.length + 1).replace(/\/.*/s, '')))].sort();
  },
  run: async (program, args) => programs[[program, ...args].join(' ')] ?? null,
});
