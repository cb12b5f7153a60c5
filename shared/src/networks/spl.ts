import * as v from 'valibot';
import type { NetworkCall, NetworkReply } from '../network.js';
import { defineNetwork } from '../network.js';
import { incomeMetrics, mintSetting, readSolanaIncome, type SolanaConfig, solanaSettings } from './lib/spl-income.js';

/** Any Solana token: transfers into wallets or token accounts, as a ledger of `signature:index`. */
const config = v.pipe(
  v.object({
    /** The network of the stream and the prefix of its metrics. */
    name: v.optional(
      v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must start with a-z and hold a-z, 0-9, _ and -')),
      'spl',
    ),
    mint: mintSetting(),
    token: v.pipe(v.string(), v.minLength(1), v.maxLength(20)),
    decimals: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(18)),
    ...solanaSettings,
  }),
  v.check((c) => c.wallets.length + c.token_accounts.length > 0, 'needs "wallets" or "token_accounts"'),
);

export default defineNetwork({
  id: 'spl',
  title: 'Solana token',
  docs: 'https://solana.com/docs/rpc/http/getsignaturesforaddress',
  tokens: {},
  config,
  metrics: {},
  configured: (c) => ({ network: c.name, metrics: incomeMetrics }),
  every: 900_000,
  expects: { cadence: 7 * 86_400_000, silence_is_normal_for: 10 * 86_400_000 },
  onDevice: (call) => read(call),
  async onHub(call) {
    const { readings = [] } = await read(call);
    return { devices: new Map(), accounts: readings };
  },
});

const read = async (call: NetworkCall<SolanaConfig & { name: string }>): Promise<NetworkReply> => {
  const { readings, samples, memory } = await readSolanaIncome({ ...call, memory: call.memory.get() });
  call.memory.put(memory);
  return { samples, readings: readings.map((reading) => ({ network: call.config.name, ...reading })) };
};
