import * as v from 'valibot';
import { asAppError } from '../errors.js';
import { gauge, type Sample } from '../metrics.js';
import { defineNetwork, type NetworkCall, type NetworkHost, type ReadingDraft } from '../network.js';
import { computeMetrics, readCompute } from './lib/render-compute.js';
import { splitReading } from './lib/render-split.js';
import { readRendering, renderingMetrics } from './lib/render-windows.js';
import { type Income, incomeMetrics, readSolanaIncome, solanaSettings } from './lib/spl-income.js';

/** Render: rendering nodes (Windows), compute nodes (Linux), and the RENDER that a Solana wallet is paid for both. */
const weight = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000_000));

const config = v.object({
  ...solanaSettings,
  /** What of this machine is watched; `auto` reports what it finds. */
  node: v.optional(v.picklist(['auto', 'rendering', 'compute', 'none']), 'auto'),
  /** Folder of `rndr_log.txt` where it is not in the user's own application data. */
  folder: v.optional(v.pipe(v.string(), v.minLength(1))),
  docker: v.optional(v.string(), '/var/run/docker.sock'),
  /** Payouts are weekly; health is read every minute. */
  income_every_ms: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(86_400_000)), 900_000),
  /** On a device: this node's part of the wallet as an estimate, in place of the whole wallet. */
  share: v.optional(v.object({ node: v.pipe(v.string(), v.minLength(1), v.maxLength(80)), weight, of: weight })),
  /** On the hub: wallet → device → weight; such a wallet's income is shown by node as an estimate, in place of the wallet's. */
  split: v.optional(v.record(v.string(), v.record(v.string(), weight)), {}),
});
type Config = v.InferOutput<typeof config>;

const RENDER = { mint: 'rndrizKT3MK1iimdxRdWabcF7Zg7AR5T4nud4EkHBof', token: 'RENDER', decimals: 8 };
const DAY_MS = 86_400_000;

/** `at` and `samples` are of the last read: payouts are looked for seldom, samples must not age meanwhile. */
const memorySchema = v.object({
  at: v.number(),
  samples: v.array(v.object({ metric: v.string(), value: v.number() })),
  solana: v.unknown(),
});

export default defineNetwork({
  id: 'render',
  title: 'Render',
  docs: 'https://know.rendernetwork.com',
  tokens: { RENDER: RENDER.decimals },
  config,
  metrics: {
    ...renderingMetrics,
    ...computeMetrics,
    ...incomeMetrics,
    income_up: gauge('1', 'Whether the income of the wallet can be read'),
  },
  every: 60_000,
  expects: { cadence: 7 * DAY_MS, silence_is_normal_for: 10 * DAY_MS },
  faults: [
    { metric: 'client_up', when: 'equals', value: 0, severity: 'critical', title: 'the rendering client does not run' },
    { metric: 'wedged', when: 'equals', value: 1, severity: 'critical', title: 'a frame renders without a word for too long' },
    { metric: 'log_error', when: 'equals', value: 1, for: 900_000, title: 'the log ends in an error' },
    { metric: 'failing_streak', when: 'above', value: 2, resolves: 0, title: 'frames fail one after another' },
    {
      metric: 'wallet_matches',
      when: 'equals',
      value: 0,
      for: 0,
      severity: 'critical',
      title: 'the client is paid to another wallet',
    },
    { metric: 'compute_restarting', when: 'equals', value: 1, title: 'the compute client restarts again and again' },
  ],
  async onDevice(call) {
    const health = call.host ? await readHealth(call, call.host) : [];
    const income = await incomeOf(call, health.length > 0);
    return { samples: [...health, ...income.samples], readings: income.readings.flatMap((one) => shareOf(one, call.config)) };
  },
  async onHub(call) {
    const income = await readSolanaIncome({ ...call, config: { ...call.config, ...RENDER }, memory: call.memory.get() });
    call.memory.put(income.memory);
    const { split } = call.config;
    const devices = new Map<string, { readings: ReadingDraft[] }>();
    for (const reading of income.readings) {
      const weights = weightsOf(split, reading.account);
      if (reading.kind !== 'ledger' || !weights) continue;
      for (const [device, part] of splitReading(reading, weights)) {
        devices.set(device, { readings: [...(devices.get(device)?.readings ?? []), part] });
      }
    }
    return { devices, accounts: income.readings.filter(({ account }) => !weightsOf(split, account)) };
  },
});

const weightsOf = (split: Config['split'], wallet: string): Map<string, number> | null => {
  const weights = Object.entries((Object.hasOwn(split, wallet) ? split[wallet] : undefined) ?? {});
  return weights.length > 0 ? new Map(weights) : null;
};

const readHealth = async (call: NetworkCall<Config>, host: NetworkHost): Promise<Sample[]> => {
  const { http, signal, now } = call;
  const { node, folder = null, docker, wallets } = call.config;
  const isWatched = (kind: Config['node']) => node === 'auto' || node === kind;
  const rendering = isWatched('rendering')
    ? (await readRendering({ host, folder, wallets, now, is_expected: node === 'rendering' })).samples
    : [];
  const compute = isWatched('compute') ? await readCompute({ host, http, docker, signal, is_expected: node === 'compute' }) : [];
  return [...rendering, ...compute];
};

/** Income, where it is time for it. Where a node is watched too, a Solana node that fails must not hide the node's health. */
const incomeOf = async (call: NetworkCall<Config>, has_health: boolean): Promise<Pick<Income, 'readings' | 'samples'>> => {
  const { config, now, memory, log } = call;
  if (config.wallets.length + config.token_accounts.length === 0) return { readings: [], samples: [] };
  const parsed = v.safeParse(memorySchema, memory.get());
  const kept = parsed.success ? parsed.output : null;
  // A clock that was set back must not stop the reading.
  if (kept && now >= kept.at && now - kept.at < config.income_every_ms) return { readings: [], samples: kept.samples };
  const read = await readSolanaIncome({ ...call, config: { ...config, ...RENDER }, memory: kept?.solana }).catch(
    (error: unknown) => {
      if (!has_health) throw error;
      log.warn('The income of the wallet cannot be read', { error: asAppError(error).message });
      return null;
    },
  );
  const samples = [{ metric: 'income_up', value: read ? 1 : 0 }, ...(read?.samples ?? [])];
  memory.put({ at: now, samples, solana: read ? read.memory : kept?.solana });
  return { readings: read?.readings ?? [], samples };
};

const shareOf = (reading: ReadingDraft, { share }: Config): ReadingDraft[] => {
  if (!share || reading.kind !== 'ledger') return [reading];
  const { node, of } = share;
  const own = Math.min(share.weight, of);
  if (own === of) return [...splitReading(reading, new Map([[node, 1]])).values()];
  const part = splitReading(
    reading,
    new Map([
      [node, own],
      ['\u0000', of - own],
    ]),
  ).get(node);
  return part ? [part] : [];
};
