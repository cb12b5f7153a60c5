import { type Change, changeOf, DAY_MS, type Pace, paceOf, perDay } from '@muster/shared/earning-pace';
import { stakeText } from '@muster/shared/stake-text';
import * as v from 'valibot';
import { defineRule, type EarningFacts, type Facts, type Firing, type Verdict } from '../rule.js';

/** Of the weeks that are compared, as a share: beyond it they say nothing about income. */
const MOST_AWAY = 0.5;
/** A stream that is nearly overdue says little about how much: wait for the payment, or for `not_earning`. */
const NEARLY = 0.9;
/** It ends when half of the drop is made good. */
const RECOVERED = 0.5;
/** Nobody's cohort is more alike than this. */
const LEAST_SPREAD = 0.08;

const config = v.object({
  /** Share of the usual income that is missing. */
  drop: v.optional(v.pipe(v.number(), v.minValue(0.1), v.maxValue(0.95)), 0.4),
  /** Robust standard deviations, against the own past and against those like it. */
  deviations: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(20)), 3),
  /** Estimates are corrected later: they are left out unless asked for. */
  estimated: v.optional(v.boolean(), false),
});
type Config = v.InferOutput<typeof config>;

export default defineRule({
  id: 'earning_drop',
  title: 'Earning less than usual',
  severity: 'warning',
  config,
  default_config: { drop: 0.4, deviations: 3, estimated: false },
  needs: () => [],
  delay: () => 0,
  looks_at_earnings: true,
  unseen: 'Income is not played back: of this kind of rule a preview shows nothing.',
  judge: (c, facts) => (facts.earnings?.() ?? []).flatMap((stream) => judgeStream(c, stream, facts) ?? []),
});

const judgeStream = (c: Config, stream: EarningFacts, facts: Facts): Verdict | null => {
  const pace = paceOf(stream);
  if (!pace || (!stream.exact && !c.estimated)) return null;
  const change = changeOf(stream.days, pace, stream.last_reading > facts.now ? facts.now : stream.last_reading);
  if (!change) return null;
  return {
    subject: stream.id,
    firing: firingOf(c, { stream, facts, pace, change }),
    value: Math.round(change.ratio * 100),
    get why() {
      return sentence(stream, facts, change);
    },
  };
};

interface Case {
  stream: EarningFacts;
  facts: Facts;
  pace: Pace;
  change: Change;
}

const firingOf = (c: Config, { stream, facts, pace, change }: Case): Firing => {
  if (facts.presence.state !== 'online' || !stream.settled) return 'keep';
  const silent = facts.now - (stream.incomes.at(-1)?.to ?? 0);
  // One alert about one stream: what has stopped is told by `not_earning`.
  if (silent > pace.limit) return 'no';
  if (silent > NEARLY * pace.period) return 'keep';
  if (change.ratio >= 1 - c.drop * RECOVERED) return 'no';
  if (change.ratio > 1 - c.drop || change.z > -c.deviations) return 'keep';
  const away = stream.away();
  if (away === null) return 'keep';
  return besides(c, { change, stream, away: awayShare(away, change) });
};

/** What is left of the drop once the time away and the drop of all others are taken out. */
const besides = (c: Config, { change, stream, away }: { change: Change; stream: EarningFacts; away: number }): Firing => {
  if (away > MOST_AWAY) return 'keep';
  const own = change.ratio / (1 - away);
  if (own > 1 - c.drop) return 'keep';
  const usual = stream.cohort?.change;
  if (!usual) return 'yes';
  const distance = c.deviations * Math.max(usual.spread, LEAST_SPREAD * usual.median);
  return own <= (1 - c.drop) * usual.median && own <= usual.median - distance ? 'yes' : 'no';
};

const awayShare = (away: readonly { from: number; to: number }[], { from, to }: Change): number =>
  away.reduce((sum, one) => sum + Math.max(0, Math.min(one.to, to) - Math.max(one.from, from)), 0) / (to - from);

const sentence = (stream: EarningFacts, { device }: Facts, change: Change): string => {
  const { network, token, cohort, days, price, exact } = stream;
  const weeks = Math.round((change.to - change.from) / DAY_MS);
  const share = Math.round(change.ratio * 100);
  const others = cohort?.change ? `, those like it ${Math.round(cohort.change.median * 100)} %` : '';
  const amount = perDay(days, change.from - 1) * Math.max(0, 1 - change.ratio);
  const fiat = price && { amount: amount * Number(price.price), currency: price.currency };
  const kind = exact ? '' : ' (estimated)';
  const stake = change.ratio < 1 ? stakeText({ fiat, tokens: [{ token, amount }] }) : '';
  return `${device.name} earned ${share} % of its usual ${token} on ${network}${kind} in ${weeks} days${others}${stake}.`;
};
