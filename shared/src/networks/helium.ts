import * as v from 'valibot';
import { type AppError, asAppError } from '../errors.js';
import { counter, gauge, type Sample } from '../metrics.js';
import { defineNetwork, type NetworkCall, type ReadingDraft } from '../network.js';
import { secret, url } from '../schema.js';
import { HELIUM_TOKENS } from './lib/helium-chain.js';
import {
  type GatewayState,
  isHotspotKey,
  type MultiGateway,
  REGION_UNKNOWN,
  readGateway,
  readMultiGateway,
} from './lib/helium-gateway.js';
import { type Kept, readKept, tagOf } from './lib/helium-memory.js';
import { oracleRound, type RewardsAnswer, readRewards } from './lib/helium-rewards.js';

/** Helium hotspots: health from gateway-rs or helium/multi-gateway on the machine, lifetime rewards from oracle and chain. */
const MOST_HOTSPOTS = 1_000;
/** Gateways told one by one: five series each, of the 2,000 of a device. */
const MOST_GATEWAYS = 300;
const MINUTE = 60_000;
const DAY = 86_400_000;

const hotspot = v.object({
  key: v.pipe(v.string(), v.check(isHotspotKey, 'must be a hotspot key such as 13GAPer3q5D4…, as the wallet app shows it')),
  /** The device that it is. */
  device: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be the id of a device'))),
});
const areUnique = (list: readonly { key: string }[]) => new Set(list.map(({ key }) => key)).size === list.length;
const addresses = (...defaults: string[]) => v.optional(v.pipe(v.array(url()), v.maxLength(5)), defaults);
const pace = (usual: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(7 * DAY)), usual);

const config = v.object({
  /** gRPC of gateway-rs; null: none on this machine. */
  gateway: v.optional(v.nullable(url()), 'http://127.0.0.1:4467'),
  /** REST of helium/multi-gateway. */
  multi_gateway: v.optional(v.object({ url: v.optional(url(), 'http://127.0.0.1:4468'), api_key: v.optional(secret()) })),
  /** The key that the gateway must have; without it, the one that it had first. */
  key: v.optional(hotspot.entries.key),
  /** Where Nebra's packet forwarder says whether it works. */
  pktfwd_file: v.optional(v.string(), '/var/pktfwd/diagnostics'),
  /** Hotspots whose rewards are read beside those of the gateway; on the hub all of them. */
  hotspots: v.optional(
    v.pipe(
      v.array(hotspot),
      v.maxLength(MOST_HOTSPOTS),
      v.check((list) => areUnique(list), 'must name each key once'),
    ),
    [],
  ),
  /** Whether rewards are read at all. */
  rewards: v.optional(v.boolean(), true),
  oracles: v.optional(
    v.object({
      HNT: addresses('https://hnt-rewards.oracle.helium.io'),
      IOT: addresses('https://iot-rewards.oracle.helium.io'),
      MOBILE: addresses('https://mobile-rewards.oracle.helium.io'),
    }),
    {},
  ),
  oracle_api_key: v.optional(secret()),
  oracle_every_ms: pace(60 * MINUTE),
  /** Solana nodes, asked in this order; none: no floor from the chain. Addresses of providers may hold a key. */
  rpc: v.optional(v.pipe(v.array(v.pipe(url(), v.metadata({ secret: true }))), v.maxLength(5)), [
    'https://api.mainnet-beta.solana.com',
  ]),
  chain_every_ms: pace(DAY),
  frozen: v.optional(v.boolean(), true),
});
type Config = v.InferOutput<typeof config>;

export default defineNetwork({
  id: 'helium',
  title: 'Helium',
  docs: 'https://docs.helium.com/network-iot/hotspots-iot/',
  tokens: HELIUM_TOKENS,
  config,
  metrics: {
    up: gauge('1', 'Gateway answers'),
    router_connected: gauge('1', 'Gateway has a session with the packet router'),
    region_known: gauge('1', 'Gateway knows its region'),
    region: gauge('1', 'Region code of the gateway'),
    key_changed: gauge('1', 'Gateway has another key than before: rewards go elsewhere'),
    pktfwd_ok: gauge('1', 'Packet forwarder works'),
    multi_gateway_up: gauge('1', 'Multi-gateway answers'),
    gateways: gauge('{gateway}', 'Gateways of the multi-gateway'),
    gateways_connected: gauge('{gateway}', 'Gateways connected'),
    'gateway.connected': gauge('1', 'Gateway connected'),
    'gateway.connected_time': gauge('s', 'Time since a gateway connected', { resolution: 1 }),
    'gateway.last_uplink': gauge('s', 'Time since the last uplink of a gateway', { resolution: 1 }),
    'gateway.uplinks': counter('{packet}', 'Uplinks of a gateway'),
    'gateway.downlinks': counter('{packet}', 'Downlinks of a gateway'),
    rewards_up: gauge('1', 'Rewards oracle answers'),
    rewards_suspect: gauge('{hotspot}', 'Hotspots whose lifetime rewards fell or are missing at their source'),
    chain_up: gauge('1', 'Solana node answers'),
  },
  // Status requests share a queue of 20 with the radio packets: not below 15 s.
  every: 30_000,
  // Rewards are for data alone since July 2026: a healthy hotspot without traffic earns nothing for days.
  expects: { cadence: DAY, silence_is_normal_for: 14 * DAY },
  faults: [
    { metric: 'up', when: 'equals', value: 0, title: 'the gateway does not answer' },
    { metric: 'router_connected', when: 'equals', value: 0, severity: 'critical', title: 'not connected to the packet router' },
    { metric: 'gateway.connected', when: 'equals', value: 0, title: 'a gateway is not connected to the packet router' },
    { metric: 'region_known', when: 'equals', value: 0, for: 900_000, title: 'the region is unknown, so nothing is sent' },
    { metric: 'key_changed', when: 'equals', value: 1, for: 0, severity: 'critical', title: 'another key: rewards go elsewhere' },
    { metric: 'pktfwd_ok', when: 'equals', value: 0, title: 'the packet forwarder does not work' },
  ],
  async onDevice(call) {
    const kept = readKept(call.memory.get());
    const [gateway, multi] = await Promise.all([askGateway(call), askMulti(call)]);
    const next = noteState(call, kept, { gateway, multi });
    const answer = await askRewards(call, keysOf(call.config, next, { gateway, multi }), next);
    // What the machine itself says must not be lost with the oracle.
    if (call.config.gateway === null && !call.config.multi_gateway) refuseFailure(call.config, answer);
    putIfChanged(call, kept, answer.kept);
    const devices = new Map(call.config.hotspots.map((one) => [one.key, one.device]));
    const readings = answer.readings.map(({ key: of, draft }) => withDevice(draft, devices.get(of)));
    const machine = [...gatewaySamples(gateway, call.config.key ?? next.key), ...multiSamples(multi), ...pktfwdSamples(call)];
    return { samples: [...machine, ...rewardSamples(call.config, answer.kept)], readings };
  },
  async onHub(call) {
    const kept = readKept(call.memory.get());
    const { hotspots } = call.config;
    const keys = hotspots.map((one) => one.key);
    const answer = await askRewards(call, keys, kept);
    refuseFailure(call.config, answer);
    putIfChanged(call, kept, answer.kept);
    const owners = ownersOf(hotspots, call.devices);
    const devices = new Map<string, { samples: Sample[]; readings: ReadingDraft[] }>();
    for (const device of new Set(owners.values())) {
      const own = keys.filter((key) => owners.get(key) === device);
      devices.set(device, { samples: rewardSamples(call.config, answer.kept, own), readings: [] });
    }
    const accounts: ReadingDraft[] = [];
    for (const { key, draft } of answer.readings) (devices.get(owners.get(key) ?? '')?.readings ?? accounts).push(draft);
    return { devices, accounts };
  },
});

/** Hotspot key → device that the hub knows. */
const ownersOf = (hotspots: Config['hotspots'], devices: readonly string[]): Map<string, string> => {
  const known = new Set(devices);
  return new Map(hotspots.flatMap(({ key, device }) => (device !== undefined && known.has(device) ? [[key, device]] : [])));
};

type Call = NetworkCall<Config>;
type Gateway = GatewayState | AppError | null;
type Multi = MultiGateway[] | AppError | null;
interface Machine {
  gateway: Gateway;
  multi: Multi;
}

const isState = (gateway: Gateway): gateway is GatewayState => gateway !== null && 'key' in gateway;

const askGateway = async ({ config: { gateway }, grpc, signal }: Call): Promise<Gateway> =>
  gateway === null ? null : readGateway({ grpc, url: gateway, signal }).catch(asAppError);

const askMulti = async ({ config: { multi_gateway }, http, now, signal }: Call): Promise<Multi> =>
  multi_gateway ? readMultiGateway({ http, now, signal, ...multi_gateway }).catch(asAppError) : null;

/** The gateway's own hotspot first; while it is down, the one that it was. */
const keysOf = (settings: Config, { key }: Kept, { gateway, multi }: Machine): string[] => {
  const own = isState(gateway) ? gateway.key : gateway === null ? undefined : (settings.key ?? key);
  const served = Array.isArray(multi) ? multi.map((one) => one.public_key).filter(isHotspotKey) : [];
  const all = [...(own === undefined ? [] : [own]), ...settings.hotspots.map((one) => one.key), ...served];
  return [...new Set(all)].slice(0, MOST_HOTSPOTS);
};

const askRewards = async (call: Call, keys: readonly string[], kept: Kept): Promise<RewardsAnswer> => {
  const { config: settings, http, now, log, signal } = call;
  if (!settings.rewards) return { readings: [], kept, failures: new Map() };
  return readRewards({ settings, http, keys, now, log, signal }, kept);
};

/** Where nothing else is known, a failure is one of the whole source: asked again soon, and shown. */
const refuseFailure = ({ oracles }: Config, { failures, readings }: RewardsAnswer): void => {
  const failure = failures.get(oracles.HNT.length > 0 ? oracleRound('HNT') : 'chain');
  if (failure && readings.length === 0) throw failure;
};

/** Remembers the first key and what does not answer; logs the change, not every repetition. */
const noteState = ({ log }: Call, kept: Kept, { gateway, multi }: Machine): Kept => {
  const failed = Object.entries({ gateway, multi_gateway: multi }).flatMap(([name, state]) =>
    state instanceof Error ? [{ name, error: state }] : [],
  );
  for (const { name, error } of failed)
    if (!kept.down.includes(name)) log.warn('A Helium gateway does not answer', { name, error: error.message });
  const down = failed.map(({ name }) => name);
  for (const name of kept.down) if (!down.includes(name)) log.info('A Helium gateway answers again', { name });
  return { ...kept, ...(kept.key === undefined && isState(gateway) ? { key: gateway.key } : {}), down };
};

/** Each put is written to the disk of the machine. */
const putIfChanged = ({ memory }: Call, before: Kept, after: Kept): void => {
  if (JSON.stringify(before) !== JSON.stringify(after)) memory.put(after);
};

const withDevice = (draft: ReadingDraft, device: string | undefined): ReadingDraft =>
  device === undefined ? draft : { ...draft, device };

const flag = (metric: string, on: boolean): Sample => ({ metric, value: on ? 1 : 0 });
const known = (metric: string, value: number | null | undefined): Sample[] =>
  value === null || value === undefined ? [] : [{ metric, value }];

const gatewaySamples = (gateway: Gateway, key: string | undefined): Sample[] => {
  if (gateway === null) return [];
  if (!isState(gateway)) return [flag('up', false)];
  const { router_connected, region } = gateway;
  return [
    flag('up', true),
    ...(router_connected === null ? [] : [flag('router_connected', router_connected)]),
    ...(region === null ? [] : [flag('region_known', region !== REGION_UNKNOWN)]),
    ...known('region', region),
    flag('key_changed', key !== undefined && key !== gateway.key),
  ];
};

const multiSamples = (multi: Multi): Sample[] => {
  if (multi === null) return [];
  if (!Array.isArray(multi)) return [flag('multi_gateway_up', false)];
  const connected = multi.filter((one) => one.connected).length;
  return [
    flag('multi_gateway_up', true),
    { metric: 'gateways', value: multi.length },
    { metric: 'gateways_connected', value: connected },
    ...multi.slice(0, MOST_GATEWAYS).flatMap(oneGateway),
  ];
};

const oneGateway = (one: MultiGateway): Sample[] => {
  const samples = [
    flag('gateway.connected', one.connected),
    ...known('gateway.connected_time', one.connected_seconds),
    ...known('gateway.last_uplink', one.last_uplink_seconds_ago),
    ...known('gateway.uplinks', one.uplink_count),
    ...known('gateway.downlinks', one.downlink_count),
  ];
  return samples.map((sample) => ({ ...sample, labels: { gateway: one.mac.toLowerCase() } }));
};

const pktfwdSamples = ({ host, config: { pktfwd_file } }: Call): Sample[] => {
  const text = host?.read(pktfwd_file)?.trim();
  return text === 'true' || text === 'false' ? [flag('pktfwd_ok', text === 'true')] : [];
};

/** As they were the last time: the oracle is asked once an hour. */
const rewardSamples = (settings: Config, { rounds, suspect }: Kept, keys?: readonly string[]): Sample[] => {
  if (!settings.rewards) return [];
  const oracle = rounds[oracleRound('HNT')];
  const { chain } = rounds;
  const tags = keys && new Set(keys.map(tagOf));
  const count = tags ? suspect.filter((tag) => tags.has(tag)).length : suspect.length;
  return [
    ...(oracle ? [flag('rewards_up', oracle.failures === 0), { metric: 'rewards_suspect', value: count }] : []),
    ...(chain ? [flag('chain_up', chain.failures === 0)] : []),
  ];
};
