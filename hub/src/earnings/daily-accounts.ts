import type { Series } from './daily.js';
import { type Account, accountOf } from './fiat-sum.js';

/** Days [from, to) and a network, named once per question. */
export interface Span {
  days: readonly [number, number];
  network?: string | undefined;
  key: string;
}
export const spanOf = (days: readonly [number, number], network?: string): Span => ({
  ...{ days, network, key: `${days[0]} ${days[1]} ${network ?? ''}` },
});

/** The spans of a device that are remembered: two periods with the ones before them. */
const MOST_SPANS = 4;

/**
 * Sums of spans that were asked before: between two questions few devices earn, and summing all of them anew took two thirds of
 * the time of a comparison.
 */
export const createAccounts = () => {
  const kept = new WeakMap<readonly Series[], { stamp: number; spans: Map<string, Account> }>();
  return (series: readonly Series[], { days, network, key }: Span): Account => {
    let stamp = series.length;
    for (const { version } of series) stamp += version;
    let known = kept.get(series);
    if (known?.stamp !== stamp) {
      known = { stamp, spans: new Map() };
      kept.set(series, known);
    }
    const found = known.spans.get(key);
    if (found) return found;
    if (known.spans.size >= MOST_SPANS) known.spans.clear();
    const account = accountOf(series, days, network);
    known.spans.set(key, account);
    return account;
  };
};
export type Accounts = ReturnType<typeof createAccounts>;
