import { DAY_MS, HOUR_MS, type Income, paceOf, perDay } from '@muster/shared/earning-pace';
import { stakeText } from '@muster/shared/stake-text';
import { utcTime } from '@muster/shared/text';
import * as v from 'valibot';
import { defineRule, type EarningFacts, type Facts, type Firing, type Verdict } from '../rule.js';

/** An agent sends what has not changed once a day: a reading of that age still says that nothing came since. */
const FRESH_MS = 26 * HOUR_MS;
/** Half of all like it silent at once is the network, for as long again as one alone would have been told. */
const NETWORK_WIDE = 0.5;
const FEWEST_LIKE_IT = 5;

const config = v.object({
  /** In place of what cadence and history say. */
  after_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(HOUR_MS), v.maxValue(366 * DAY_MS))),
});
type Config = v.InferOutput<typeof config>;

export default defineRule({
  id: 'not_earning',
  title: 'Income has stopped',
  severity: 'warning',
  config,
  default_config: {},
  needs: () => [],
  delay: () => 0,
  looks_at_earnings: true,
  unseen: 'Income is not played back: of this kind of rule a preview shows nothing.',
  judge: (c, facts) => (facts.earnings?.() ?? []).flatMap((stream) => judgeStream(c, stream, facts) ?? []),
});

interface Silence {
  firing: Firing;
  ms: number;
  /** The source does not answer: what is earned is not known. */
  unread?: boolean;
}

const judgeStream = (c: Config, stream: EarningFacts, facts: Facts): Verdict | null => {
  const last = stream.incomes.at(-1);
  if (!last) return null;
  const silence = silenceOf(c, { stream, facts, last });
  return {
    subject: stream.id,
    firing: silence.firing,
    value: Math.round(silence.ms / HOUR_MS),
    get why() {
      return sentence(stream, facts, { silence, last });
    },
  };
};

const silenceOf = (c: Config, { stream, facts, last }: { stream: EarningFacts; facts: Facts; last: Income }): Silence => {
  const { now, presence } = facts;
  const pace = paceOf(stream);
  const limit = c.after_ms ?? pace?.limit;
  const fresh = now - stream.last_reading <= FRESH_MS;
  const ms = Math.max(0, (fresh ? now : stream.last_reading) - last.to);
  // A device that is away is the business of `offline`.
  if (limit === undefined || presence.state !== 'online' || !stream.settled) return { firing: 'keep', ms };
  if (!fresh) return { firing: now - stream.unread_since > limit ? 'yes' : 'keep', ms, unread: true };
  if (ms <= limit) return { firing: 'no', ms };
  const away = stream.away();
  if (away === null) return { firing: 'keep', ms };
  const idle = ms - within(away, last.to, now);
  if (idle <= limit) return { firing: 'keep', ms };
  return { firing: isNetworkWide(stream) && idle <= 2 * limit ? 'keep' : 'yes', ms };
};

const isNetworkWide = ({ cohort }: EarningFacts): boolean =>
  cohort !== null && cohort.streams >= FEWEST_LIKE_IT && cohort.silent >= NETWORK_WIDE;

const within = (times: readonly Income[], from: number, to: number): number =>
  times.reduce((sum, one) => sum + Math.max(0, Math.min(one.to, to) - Math.max(one.from, from)), 0);

const sentence = (stream: EarningFacts, { device }: Facts, { silence, last }: { silence: Silence; last: Income }): string => {
  const { network, token, account, exact } = stream;
  const what = `${token} on ${network} (${shortened(account)})`;
  if (silence.firing !== 'yes') return `${device.name} earns ${what}; last income ${utcTime(last.to)}.`;
  const stake = stakeText(stakeOf(stream, last.to));
  if (silence.unread) {
    return `${device.name}: the source of ${what} has not been read since ${utcTime(stream.unread_since)}${stake}.`;
  }
  const pace = paceOf(stream);
  const usual = pace ? `; it usually comes within ${duration(pace.period)}` : '';
  const kind = exact ? '' : ' (estimated)';
  const others = isNetworkWide(stream) ? `; so are ${Math.round((stream.cohort?.silent ?? 0) * 100)} % of those like it` : '';
  return `${device.name} has earned no ${what}${kind} for ${duration(silence.ms)}${usual}${others}${stake}.`;
};

const stakeOf = ({ token, days, price }: EarningFacts, until: number) => {
  const amount = perDay(days, until);
  const fiat = price && { amount: amount * Number(price.price), currency: price.currency };
  return { fiat, tokens: [{ token, amount }] };
};

const duration = (ms: number): string => (ms < 2 * DAY_MS ? `${Math.round(ms / HOUR_MS)} h` : `${Math.round(ms / DAY_MS)} days`);

const shortened = (account: string): string => (account.length > 16 ? `${account.slice(0, 6)}…${account.slice(-6)}` : account);
