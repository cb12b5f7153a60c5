/** One source that the hub asks: what the operator set, what follows from it, and how it fares. */
import { AppError } from '@muster/shared/errors';
import type { MetricDeclaration } from '@muster/shared/metrics';
import type { NetworkDeclaration } from '@muster/shared/network';
import { check } from '@muster/shared/schema';
import { SOURCE_LIMITS } from '@muster/shared/source-run';
import { DEVICE_ID } from '@muster/shared/wire/topics';
import type { HubSourceSetting, HubSourceView } from '../parts.js';
import { type Config, createScrubber, masked, secretsIn } from '../secrets.js';
import type { Turn } from './turns.js';

/** As it is kept; `config` with its secrets. */
export interface SourceRecord {
  id: string;
  network: string;
  config: Config;
  every: number | null;
  devices: string[];
  enabled: boolean;
}

export interface Source extends Turn {
  record: SourceRecord;
  network: NetworkDeclaration;
  /** As the network's schema gives it. */
  config: unknown;
  /** Of its streams and metrics. */
  prefix: string;
  metrics: Record<string, MetricDeclaration>;
  every: number;
  scrub(text: string): string;
  /** Ends what is under way when it is changed or removed. */
  ended: AbortController;
  memory: unknown;
  failures: number;
  last_error: string | null;
  last_ok: number | null;
  readings: number;
  samples: number;
  /** Of which it spoke last, beside those that it names. */
  spoke_of: ReadonlySet<string>;
}

const LONGEST_EVERY_MS = 30 * 86_400_000;
export const MOST_DEVICES = 5_000;
const CONFIG_BYTES = 64_000;
/** Only on devices, in the agent's own settings file: whoever reaches the hub's API must not run programs. */
const NEVER_ON_HUB = new Set(['command']);

export const canAsk = (network: NetworkDeclaration): boolean => network.onHub !== undefined && !NEVER_ON_HUB.has(network.id);

export const networkOf = (networks: ReadonlyMap<string, NetworkDeclaration>, id: string): NetworkDeclaration => {
  const network = networks.get(id);
  if (network && canAsk(network)) return network;
  const known = [...networks.values()].filter(canAsk).map((one) => one.id);
  const why = network ? 'is asked by agents on their devices only' : 'is not known';
  throw new AppError('bad_request', `The network "${id.slice(0, 40)}" ${why}; the hub can ask ${known.join(', ')}`, {
    path: 'network',
  });
};

/** Throws what is wrong with it, before anything is changed. */
export const recordOf = (id: string, setting: HubSourceSetting, config: Config): SourceRecord => {
  const { network, every = null, devices = [], enabled = true } = setting;
  const refuse = (path: string, sentence: string) => {
    throw new AppError('bad_request', sentence, { path });
  };
  const wrong = devices.find((device) => !DEVICE_ID.test(device));
  if (wrong !== undefined) refuse('devices', `"${wrong.slice(0, 80)}" is not a device id; use 1-63 of a-z, 0-9 and -`);
  if (devices.length > MOST_DEVICES) refuse('devices', `A source speaks of at most ${MOST_DEVICES} devices; make several`);
  if (every !== null && (every < SOURCE_LIMITS.shortest_every_ms || every > LONGEST_EVERY_MS))
    refuse('every', `every must be ${SOURCE_LIMITS.shortest_every_ms} to ${LONGEST_EVERY_MS} milliseconds`);
  if (JSON.stringify(config).length > CONFIG_BYTES) refuse('config', `The configuration is larger than ${CONFIG_BYTES} bytes`);
  return { id, network, config, every, devices: [...new Set(devices)], enabled };
};

export const createSource = (network: NetworkDeclaration, record: SourceRecord, memory: unknown): Source => {
  const config = check(network.config, record.config, `config of ${record.id} (${network.id})`);
  const { network: prefix, metrics } = network.configured?.(config) ?? { network: network.id, metrics: network.metrics };
  return {
    ...{ record, network, config, prefix, metrics, memory },
    every: record.every ?? Math.max(SOURCE_LIMITS.shortest_every_ms, network.every),
    scrub: createScrubber([...secretsIn(network.config, record.config), ...secretsIn(network.config, config)]),
    ended: new AbortController(),
    ...{ failures: 0, last_error: null, last_ok: null, readings: 0, samples: 0, spoke_of: new Set() },
    ...{ due: record.enabled ? 0 : Number.POSITIVE_INFINITY, busy: false },
  };
};

export const viewOf = ({ record, network, ...source }: Source, next_at: number | null): HubSourceView => {
  const { last_error, last_ok, failures, readings, samples } = source;
  const state = failures > 0 ? 'failed' : last_ok === null ? 'waiting' : 'ok';
  return { ...record, config: masked(network.config, record.config), state, last_error, last_ok, next_at, readings, samples };
};
