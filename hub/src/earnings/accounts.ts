/** Whose an account is, from when on: the history of its shares, kept as documents. */
import { AppError } from '@muster/shared/errors';
import type { AccountPeriod, AccountShare } from '../parts.js';
import { documentsOf } from '../shelf.js';
import type { Change, Json, Recovered } from '../store/store.js';

const COLLECTION = 'account_shares';
/** Changes of hands of one account. */
const MOST_PERIODS = 1_000;

type Key = { network: string; account: string };
const keyOf = ({ network, account }: Key): string => JSON.stringify([network, account]);

export const createAccounts = (documents: Recovered['documents']) => {
  const histories = new Map(documentsOf<readonly AccountPeriod[]>(documents, COLLECTION));
  const save = (key: string, history: readonly AccountPeriod[]): Change => {
    if (history.length > 0) histories.set(key, history);
    else histories.delete(key);
    const value = history.length > 0 ? (history as unknown as Json) : null;
    return { kind: 'document', collection: COLLECTION, key, value };
  };
  return {
    history: (of: Key): readonly AccountPeriod[] => histories.get(keyOf(of)) ?? [],
    /** Null: nobody said anything about that time. */
    at: (of: Key, ts: number): readonly AccountShare[] | null =>
      histories.get(keyOf(of))?.findLast(({ from }) => from <= ts)?.shares ?? null,
    /** Holds from its date on; what was planned for later goes. */
    add(of: Key, period: AccountPeriod): Change {
      const kept = (histories.get(keyOf(of)) ?? []).filter(({ from }) => from < period.from);
      if (kept.length >= MOST_PERIODS)
        throw new AppError('too_many', `The shares of this account have changed ${MOST_PERIODS} times; no more are kept`);
      return save(keyOf(of), [...kept, period]);
    },
    drop: (of: Key): Change[] => (histories.has(keyOf(of)) ? [save(keyOf(of), [])] : []),
  };
};
export type Accounts = ReturnType<typeof createAccounts>;

/** In whole base units by largest remainder (of equal ones the first share): what the parts get is the amount, to the last unit. */
export const divide = (amount: bigint, shares: readonly AccountShare[]): bigint[] => {
  const size = amount < 0n ? -amount : amount;
  const whole = shares.reduce((sum, { parts }) => sum + BigInt(parts), 0n);
  const found = shares.map(({ parts }, index) => {
    const product = size * BigInt(parts);
    return { index, units: product / whole, remainder: product % whole };
  });
  const left = Number(size - found.reduce((sum, { units }) => sum + units, 0n));
  const luckiest = [...found].sort((a, b) =>
    a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1,
  );
  for (const one of luckiest.slice(0, left)) one.units++;
  return found.map(({ units }) => (amount < 0n ? -units : units));
};
