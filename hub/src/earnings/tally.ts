import type { EarningsRow } from '../parts.js';
import type { LedgerEntry } from '../store/store.js';

export type Amounts = EarningsRow['streams'];
type Counted = Pick<LedgerEntry, 'network' | 'token' | 'decimals' | 'exact'>;

/** Adds amounts up by network and token. */
export const createTally = () => {
  const sums = new Map<string, Counted & { amount: bigint }>();
  return {
    add(entry: Counted, amount: bigint) {
      const { network, token, decimals, exact } = entry;
      const key = JSON.stringify([network, token, decimals]);
      const sum = sums.get(key);
      if (!sum) sums.set(key, { network, token, decimals, exact, amount });
      else Object.assign(sum, { amount: sum.amount + amount, exact: sum.exact && exact });
    },
    amounts: (): Amounts =>
      [...sums]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { network, token, decimals, exact, amount }]) => ({
          ...{ network, token, decimals, amount: `${amount}`, estimated: !exact },
        })),
  };
};
export type Tally = ReturnType<typeof createTally>;
