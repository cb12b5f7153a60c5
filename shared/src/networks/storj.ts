import * as v from 'valibot';
import { AppError } from '../errors.js';
import { type Http, type HttpReply, safeAddress } from '../http.js';
import { textOf } from '../json-path.js';
import { type LosslessJson, parseLossless } from '../lossless.js';
import type { Sample } from '../metrics.js';
import { defineNetwork, type FullReply, type NetworkCall, type ReadingDraft } from '../network.js';
import { refuseStatus } from '../refuse-status.js';
import { url } from '../schema.js';
import { field } from './lib/json-field.js';
import { dashboardSamples, reputationSamples, STORJ_METRICS } from './lib/storj-health.js';
import { type Estimate, estimateReading, monthOf, payReadings, readEstimate, readPaystubs, USD } from './lib/storj-pay.js';

/** Storj storage node: its dashboard API on the machine itself. Pay is in micro-USD, the token that is paid out is another matter. */
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const milliseconds = (otherwise: number) =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(7 * DAY_MS)), otherwise);

const config = v.object({
  url: v.optional(url(), 'http://127.0.0.1:14002'),
  /** Scores and the estimate: the node adds them up from its database, which takes a slow disk a while. */
  scores_every_ms: milliseconds(10 * MINUTE_MS),
  /** Paystubs: they change a few times a month. */
  paystubs_every_ms: milliseconds(6 * 60 * MINUTE_MS),
});
type Call = NetworkCall<v.InferOutput<typeof config>>;

/** First month with nodes of today's kind. */
const FIRST_MONTH = '2019-01';
/** Of the 15 s that a source has. */
const TIMEOUT_MS = 10_000;

const sampleSchema = v.object({
  metric: v.string(),
  labels: v.exactOptional(v.record(v.string(), v.string())),
  value: v.number(),
});
const memorySchema = v.object({
  scores_at: v.number(),
  /** Shown until the scores are read again. */
  scores: v.array(sampleSchema),
  paystubs_at: v.number(),
  pay: v.array(sampleSchema),
});
type Memory = v.InferOutput<typeof memorySchema>;
const NOTHING: Memory = { scores_at: 0, scores: [], paystubs_at: 0, pay: [] };

export default defineNetwork({
  id: 'storj',
  title: 'Storj',
  docs: 'https://storj.dev/node',
  tokens: { [USD.token]: USD.decimals },
  config,
  metrics: STORJ_METRICS,
  per: { metric: 'space_used', unit: 'TB' },
  every: MINUTE_MS,
  expects: { cadence: 31 * DAY_MS, silence_is_normal_for: 45 * DAY_MS },
  faults: [
    {
      metric: 'disqualified',
      when: 'equals',
      value: 1,
      for: 0,
      severity: 'critical',
      title: 'a satellite has disqualified the node',
    },
    { metric: 'suspended', when: 'equals', value: 1, for: 0, severity: 'critical', title: 'a satellite has suspended the node' },
    // Below 0.96 a satellite disqualifies; below 0.6 of the other two it suspends.
    { metric: 'audit_score', when: 'below', value: 0.98, resolves: 0.99, title: 'the audit score falls' },
    { metric: 'audit_score', when: 'below', value: 0.965, severity: 'critical', title: 'the audit score nears disqualification' },
    { metric: 'suspension_score', when: 'below', value: 0.9, resolves: 0.95, title: 'the suspension score falls' },
    { metric: 'online_score', when: 'below', value: 0.8, resolves: 0.85, title: 'the online score falls' },
    { metric: 'last_ping_age', when: 'above', value: 7_200, resolves: 3_600, title: 'no satellite reaches the node' },
    { metric: 'up_to_date', when: 'equals', value: 0, for: DAY_MS, title: 'the version is too old for the satellites' },
  ],
  async onDevice(call) {
    const dashboard = await ask(call, '/api/sno/');
    const node = textOf(field(dashboard ?? null, 'nodeID'));
    if (!node) throw new AppError('bad_reply', `${safeAddress(call.config.url)} is no Storj node: its answer has no nodeID`);
    const kept = v.safeParse(memorySchema, call.memory.get());
    const before = kept.success ? kept.output : NOTHING;
    const [scores, pay] = await Promise.all([readScores(call, before, node), readPay(call, before, node)]);
    const memory = { scores_at: scores.at, scores: scores.samples, paystubs_at: pay.at, pay: pay.samples };
    if (memory.scores_at !== before.scores_at || memory.paystubs_at !== before.paystubs_at) call.memory.put(memory);
    return {
      samples: [...dashboardSamples(dashboard ?? null, call.now), ...scores.samples, ...pay.samples],
      // Exact before estimated, so that the exact source of an account is the first that the hub hears of.
      readings: [...pay.readings, ...scores.readings],
    };
  },
});

interface Part extends FullReply {
  at: number;
}

/** A clock that was set back must not keep the old values for ever. */
const isDue = (now: number, at: number, every: number): boolean => now - at >= every || now < at;

const readScores = async (call: Call, before: Memory, node: string): Promise<Part> => {
  const { now, config: c } = call;
  if (!isDue(now, before.scores_at, c.scores_every_ms)) return { at: before.scores_at, samples: before.scores, readings: [] };
  const [reputation, payout] = await Promise.all([ask(call, '/api/sno/satellites'), ask(call, '/api/sno/estimated-payout')]);
  const estimate = payout === null ? null : readEstimate(payout);
  const samples = [...(reputation === null ? [] : reputationSamples(reputation)), ...estimateSamples(estimate)];
  return { at: now, samples, readings: estimate ? [estimateReading(node, estimate, now)] : [] };
};

const estimateSamples = (estimate: Estimate | null): Sample[] =>
  estimate ? [{ metric: 'payout_estimate', value: Number(estimate.current) / 10 ** USD.decimals }] : [];

const readPay = async (call: Call, before: Memory, node: string): Promise<Part> => {
  const { now, config: c } = call;
  if (!isDue(now, before.paystubs_at, c.paystubs_every_ms)) return { at: before.paystubs_at, samples: before.pay, readings: [] };
  const json = await ask(call, `/api/heldamount/paystubs/${FIRST_MONTH}/${monthOf(now)}`);
  const stubs = json === null ? [] : readPaystubs(json);
  const open = stubs.reduce((sum, { paid, distributed }) => sum + paid - distributed, 0n);
  const readings: ReadingDraft[] = payReadings(node, stubs);
  return { at: now, samples: [{ metric: 'payout_undistributed', value: Number(open) / 10 ** USD.decimals }], readings };
};

/** Null where this version of the node has no such page, or has nothing to say. */
const ask = async ({ config: c, http, now, signal }: Call, path: string): Promise<LosslessJson> => {
  const address = `${c.url.replace(/\/+$/, '')}${path}`;
  const reply = await getFollowing(http, address, signal);
  if (reply.status === 404 && path !== '/api/sno/') return null;
  refuseStatus(reply, now, safeAddress(address));
  return parseLossless(reply.text);
};

/** The node's router sends `/api/sno` on to `/api/sno/`, or the other way round: once, and only to itself. */
const getFollowing = async (http: Http, address: string, signal: AbortSignal): Promise<HttpReply> => {
  const get = (where: string) => http.request({ url: where, signal, timeout_ms: TIMEOUT_MS });
  const reply = await get(address);
  const to = reply.status >= 300 && reply.status < 400 ? reply.headers['location'] : undefined;
  const next = to !== undefined && URL.canParse(to, address) ? new URL(to, address) : null;
  return next && next.origin === new URL(address).origin ? get(next.href) : reply;
};
