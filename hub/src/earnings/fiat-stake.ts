import { divideEven, formatFiat } from '@muster/shared/money';
import { medianOf } from './compare-cohort.js';
import { type Daily, dayOf, type Series } from './daily.js';
import type { Stake } from './fiat-port.js';
import { accountOf } from './fiat-sum.js';

/** Closed days that say what is usual, and how few are enough. */
const DAYS = 14;
const FEWEST = 3;

/** Each worked out once until its sums, the day or the currency change: a site that goes away asks for thousands, and lists of alerts again and again. */
export const createStakes = (daily: Daily) => {
  const known = new WeakMap<readonly Series[], { as: string; stake: Stake | null }>();
  return (device: string, at: { now: number; currency: string }): Stake | null => {
    const series = daily.series(device);
    const as = `${dayOf(at.now)} ${at.currency} ${series.map(({ version }) => version).join()}`;
    const before = known.get(series);
    if (before?.as === as) return before.stake;
    const stake = stakeOf(daily, device, at);
    known.set(series, { as, stake });
    return stake;
  };
};

/** What an hour without the device costs: the median of its own last days, a 24th of it. */
export const stakeOf = (daily: Daily, device: string, { now, currency }: { now: number; currency: string }): Stake | null => {
  const today = dayOf(now);
  const series = daily.series(device);
  const first = Math.max(today - DAYS, Math.min(...series.map(({ amounts }) => amounts.first ?? today)));
  const days = Array.from({ length: Math.max(0, today - first) }, (_, index) =>
    accountOf(series, [first + index, first + index + 1]),
  );
  if (days.length < FEWEST) return null;
  const tokens = accountOf(series, [first, today]).streams.map(({ network, token, decimals }) => {
    const amounts = days.map(
      ({ streams }) => streams.find((one) => one.token === token && one.network === network)?.amount ?? 0n,
    );
    return { network, token, decimals, amount_per_hour: `${divideEven(medianOf(amounts), 24n)}` };
  });
  if (tokens.length === 0) return null;
  const known = days.every(({ unknown }) => !unknown);
  const fiat_per_hour = known ? formatFiat(divideEven(medianOf(days.map(({ fiat }) => fiat)), 24n)) : null;
  return { currency, fiat_per_hour, tokens };
};
