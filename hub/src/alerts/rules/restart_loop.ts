import * as v from 'valibot';
import { defineRule, type FactSample, type Facts, type Firing, type LookBack, type Verdict } from '../rule.js';
import { growth, HOUR, isCurrent, isKnown, isThere, MINUTE, partText, spanText, verdictOf } from './lib/facts.js';
import { duration } from './lib/fields.js';

const UPTIME = 'system.uptime';
const RESTARTS = ['container.restarts', 'systemd.service.restarts'];

const config = v.object({
  /** So many restarts … */
  restarts: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(30)), 4),
  /** … within this time. */
  within_ms: duration(HOUR, 5 * MINUTE),
});
type Config = v.InferOutput<typeof config>;

const ANY = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** A machine, its agent or a watched program that starts again and again: each time looks like a short outage. */
export default defineRule({
  id: 'restart_loop',
  title: 'Restarts again and again',
  severity: 'warning',
  config,
  default_config: { restarts: 4, within_ms: HOUR },
  needs: () => [UPTIME, ...RESTARTS],
  delay: () => 0,
  looks_back: (c): LookBack[] => [
    { metric: UPTIME, keep: 'falls', window_ms: c.within_ms },
    ...RESTARTS.map((metric) => ({ metric, keep: 'changes' as const, window_ms: c.within_ms })),
  ],
  calm: () => ANY,
  unseen: 'When an agent alone was started is not kept: only restarts of machines and of watched programs are shown.',
  judge: (c, facts) => [
    ofAgent(c, facts),
    ...facts.samples
      .filter((one) => isThere(one, facts))
      .map((one) => (one.metric === UPTIME ? ofMachine : ofProgram)(c, one, facts)),
  ],
});

const firingOf = (c: Config, count: number, known: boolean): Firing => (count >= c.restarts ? 'yes' : known ? 'no' : 'keep');

const ofAgent = (c: Config, facts: Facts): Verdict => {
  const { device, starts = [], starts_since = 0, now, presence, samples } = facts;
  const count = starts.filter((at) => at > now - c.within_ms).length;
  // A machine that restarts takes its agent along: that is one trouble, not two.
  const told = samples.find(({ metric }) => metric === UPTIME);
  const uptime = told ? (isCurrent(told, facts) ? told.value : 0) : Number.POSITIVE_INFINITY;
  const known = presence.state === 'online' && starts_since <= now - c.within_ms;
  const alone = presence.state === 'online' && uptime * 1_000 > now - (starts.at(-1) ?? now) + 5 * MINUTE;
  return {
    subject: 'agent',
    firing: count >= c.restarts ? (alone ? 'yes' : 'keep') : known ? 'no' : 'keep',
    value: count,
    get why() {
      return `${device.name}: its agent has started ${count} times within ${spanText(c.within_ms)}.`;
    },
  };
};

const ofMachine = (c: Config, sample: FactSample, facts: Facts): Verdict => {
  const trace = facts.history?.(sample.series);
  const from = facts.now - c.within_ms;
  // The first point is where the watch began, not a restart.
  const count = trace ? trace.times.filter((at, index) => index > 0 && at > from).length : 0;
  const why = () => `${facts.device.name} has restarted ${count} times within ${spanText(c.within_ms)}.`;
  const verdict = verdictOf(sample, facts, { firing: firingOf(c, count, isKnown(trace, from)), why });
  verdict.value = count;
  return verdict;
};

const ofProgram = (c: Config, sample: FactSample, facts: Facts): Verdict => {
  const trace = facts.history?.(sample.series);
  const from = facts.now - c.within_ms;
  const count = growth(trace, from) ?? 0;
  const why = () =>
    `${facts.device.name}: ${partText(sample.labels, 'container', 'unit', 'name')} was restarted ${count} times within ${spanText(c.within_ms)}.`;
  return verdictOf(sample, facts, { firing: firingOf(c, count, isKnown(trace, from)), why });
};
