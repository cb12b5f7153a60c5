import { AppError } from '../errors.js';
import { defineNetwork, type FullReply, type ReadingDraft } from '../network.js';
import { filecoinConfig } from './lib/filecoin-config.js';
import { FILECOIN_METRICS } from './lib/filecoin-metrics.js';
import { readRound } from './lib/filecoin-round.js';

/** Filecoin storage miners: Lotus, Curio and gateways; block rewards to the last attoFIL by walking the finalised chain. */
const DAY_MS = 86_400_000;

export default defineNetwork({
  id: 'filecoin',
  title: 'Filecoin',
  docs: 'https://lotus.filecoin.io/reference/basics/overview/',
  tokens: { FIL: 18 },
  config: filecoinConfig,
  metrics: FILECOIN_METRICS,
  // Both kinds of power are series of one metric: added up they would count the same sectors twice.
  per: { metric: 'power', unit: 'TiB', labels: { kind: 'raw' } },
  every: 60_000,
  // A miner with a thousandth of a percent of the power wins a block in a week.
  expects: { cadence: DAY_MS, silence_is_normal_for: 7 * DAY_MS },
  faults: [
    {
      metric: 'window_post_late',
      when: 'equals',
      value: 1,
      for: 0,
      severity: 'critical',
      title: 'a proving deadline is about to be missed',
    },
    {
      metric: 'sectors',
      labels: { state: 'faulty' },
      when: 'above',
      value: 0,
      severity: 'critical',
      title: 'sectors are faulty',
    },
    { metric: 'sync_lag', when: 'above', value: 300, resolves: 90, severity: 'critical', title: 'the node is behind the chain' },
    {
      metric: 'consensus_fault',
      when: 'equals',
      value: 1,
      for: 0,
      severity: 'critical',
      title: 'a consensus fault bars the miner',
    },
    { metric: 'peers', when: 'below', value: 1, for: 900_000, title: 'the node has no peers' },
  ],
  async onDevice(call) {
    const { miner, miners } = call.config;
    const named = miner === undefined ? miners.map((one) => one.miner) : [miner];
    const round = await readRound(call, named, named.length > 1);
    const replies = [...round.miners.values()];
    return {
      samples: [...round.samples, ...replies.flatMap((reply) => reply.samples)],
      readings: replies.flatMap((reply) => reply.readings),
    };
  },
  async onHub(call) {
    const { config, devices } = call;
    if (config.miners.length === 0)
      throw new AppError('bad_settings', 'On the hub "miners" says which miner belongs to which device');
    const round = await readRound(call, [...new Set(config.miners.map((one) => one.miner))], true);
    const replies = new Map<string, FullReply>();
    const accounts: ReadingDraft[] = [];
    for (const { miner, device } of config.miners) {
      const found = round.miners.get(miner);
      const known = device !== undefined && devices.includes(device);
      const reply = (known ? replies.get(device) : undefined) ?? { samples: [...round.samples], readings: [] };
      reply.samples.push(...(found?.samples ?? []));
      (known ? reply.readings : accounts).push(...(found?.readings ?? []));
      if (known) replies.set(device, reply);
    }
    return { devices: replies, accounts };
  },
});
