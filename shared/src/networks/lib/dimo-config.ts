import * as v from 'valibot';
import { secret, url } from '../../schema.js';
import { deviceId } from '../../wire/messages.js';

/** Settings of the DIMO source; every address is a setting with the real one as default. */
const address = v.pipe(v.string(), v.regex(/^0x[0-9a-f]{40}$/i, 'must be an address: 0x and 40 hex digits'));
const tokenId = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

const vehicle = v.object({
  /** Of the vehicle's NFT. */
  token_id: tokenId,
  /** The device that it is in Muster; on an agent its own device if left out. */
  device: v.optional(deviceId),
  /** Of the aftermarket unit's NFT (AutoPi, Macaron, Ruptela): the rewards API counts by it. */
  unit_token_id: v.optional(tokenId),
  /** Only signals of this source, as `did:ethr:137:0x…`. */
  source: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
});

/** How the developer JWT comes about: one of these. */
const developer = v.union(
  [
    v.strictObject({ client_id: address, domain: v.pipe(v.string(), v.minLength(1)), api_key: secret() }),
    v.strictObject({ jwt: secret() }),
    v.strictObject({ jwt_file: v.pipe(v.string(), v.minLength(1)) }),
    v.strictObject({ jwt_command: v.pipe(v.array(v.string()), v.minLength(1)) }),
  ],
  'must hold client_id, domain and api_key; or one of jwt, jwt_file and jwt_command',
);

const logs = v.object({
  /** A Polygon node. Addresses of rented ones often hold a key. */
  url: v.pipe(url(), v.metadata({ secret: true })),
  headers: v.optional(v.record(v.string(), secret()), {}),
  chain_id: v.optional(whole(1, Number.MAX_SAFE_INTEGER), 137),
  contract: v.optional(address, '0x8129f3cD3EBA82136Caf5aB87E2321c958Da5B63'),
  /** Where to begin; without it only what is paid from now on is seen. */
  from_block: v.optional(whole(0, Number.MAX_SAFE_INTEGER)),
  /** Only what these received: a vehicle that was bought has a history that is not yours. */
  wallets: v.optional(v.pipe(v.array(address), v.maxLength(100)), []),
  confirmations: v.optional(whole(1, 100_000), 128),
  max_blocks: v.optional(whole(1, 1_000_000), 10_000),
});

const config = v.object({
  // What is kept of a vehicle must fit the 64 KB of a source's memory.
  vehicles: v.pipe(
    v.array(vehicle),
    v.minLength(1),
    v.maxLength(150, 'must hold at most 150; put the others into a second source'),
    v.check((list) => new Set(list.map((one) => one.token_id)).size === list.length, 'must name each token_id once'),
  ),
  /** Without it there is no telemetry, only rewards. */
  developer: v.optional(developer),
  logs: v.optional(logs),
  /** Each question costs a credit per vehicle. */
  telemetry_every_s: v.optional(whole(300, 86_400), 1_800),
  auth_url: v.optional(url(), 'https://auth.dimo.zone'),
  exchange_url: v.optional(url(), 'https://token-exchange-api.dimo.zone'),
  telemetry_url: v.optional(url(), 'https://telemetry-api.dimo.zone/query'),
  rewards_url: v.optional(url(), 'https://rewards-api.dimo.zone'),
  /** Streak and cross-check; null turns both off. */
  identity_url: v.optional(v.nullable(url()), 'https://identity-api.dimo.zone/query'),
});

export const dimoConfig = v.pipe(
  config,
  v.check(
    (c) => !!(c.developer || c.logs || c.identity_url || c.vehicles.some((one) => one.unit_token_id !== undefined)),
    'asks for nothing: set "developer" for telemetry, and "unit_token_id" of the vehicles or "logs" for rewards',
  ),
);

export type DimoConfig = v.InferOutput<typeof dimoConfig>;
export type DimoVehicle = DimoConfig['vehicles'][number];
export type DimoLogs = v.InferOutput<typeof logs>;

export type Part = 'telemetry' | 'rewards' | 'identity' | 'logs';

/** The parts of a vehicle that its settings ask for. */
export const partsOf = (config: DimoConfig, vehicle: DimoVehicle): Part[] => [
  ...(config.developer ? (['telemetry'] as const) : []),
  ...(vehicle.unit_token_id === undefined ? [] : (['rewards'] as const)),
  ...(config.identity_url === null ? [] : (['identity'] as const)),
  ...(config.logs ? (['logs'] as const) : []),
];
