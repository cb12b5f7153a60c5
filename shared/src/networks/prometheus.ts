import * as v from 'valibot';
import { AppError } from '../errors.js';
import { safeAddress } from '../http.js';
import { defineNetwork, type NetworkCall, type NetworkReply } from '../network.js';
import { refuseStatus } from '../refuse-status.js';
import { secret, url } from '../schema.js';
import { asHubReply } from './lib/hub-reply.js';
import { declarationsOf, networkName } from './lib/json-pick.js';
import { amountPick, epochPick, metricPick, pickAmount, pickMetrics, tokenSettings, wantedNames } from './lib/prometheus-pick.js';
import { readPage } from './lib/prometheus-text.js';

/** Any page of metrics in the Prometheus text format: series by name and labels become metrics, one of them perhaps an amount. */
const config = v.pipe(
  v.object({
    name: networkName('prometheus'),
    url: url(),
    headers: v.optional(v.record(v.string(), secret()), {}),
    max_bytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(16_000_000)), 4_000_000),
    metrics: v.optional(v.pipe(v.array(metricPick), v.maxLength(200)), []),
    amount: v.optional(amountPick),
    ...tokenSettings,
    epoch: v.optional(epochPick),
  }),
  v.check((c) => c.metrics.length > 0 || c.amount !== undefined, 'needs "metrics" or "amount"'),
  v.check(
    (c) => c.amount === undefined || (c.token !== undefined && c.decimals !== undefined && c.account !== undefined),
    '"amount" needs "token", "decimals" and "account" beside it',
  ),
  v.check(
    (c) => c.resets === 'never' || c.epoch !== undefined,
    '"resets": "at_restart" needs "epoch": the series with the start time, or "drops" where the page has none',
  ),
);
type Config = v.InferOutput<typeof config>;

export default defineNetwork({
  id: 'prometheus',
  title: 'Prometheus metrics page',
  docs: 'https://prometheus.io/docs/instrumenting/exposition_formats/',
  tokens: {},
  config,
  metrics: {},
  configured: (c) => ({ network: c.name, metrics: declarationsOf(c.metrics) }),
  every: 60_000,
  expects: { cadence: 86_400_000, silence_is_normal_for: 86_400_000 },
  onDevice: (call) => ask(call),
  onHub: async (call) => asHubReply(await ask(call), call.devices),
});

const ask = async ({ config: c, http, memory, now, signal }: NetworkCall<Config>): Promise<NetworkReply> => {
  const headers = { accept: 'text/plain;version=0.0.4', ...c.headers };
  const reply = await http.request({ url: c.url, headers, max_bytes: c.max_bytes, signal });
  refuseStatus(reply, now, safeAddress(c.url));
  const wanted = wantedNames(c);
  const { series, odd } = readPage(reply.text, (name) => wanted.has(name));
  if (odd > 0) throw new AppError('bad_reply', `${safeAddress(c.url)} answered no page of metrics; check "url"`);
  const reading = pickAmount(series, c, memory);
  return { samples: c.metrics.flatMap((pick) => pickMetrics(series, pick)), readings: reading ? [reading] : [] };
};
