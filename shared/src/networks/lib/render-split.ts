import type { ReadingDraft } from '../../network.js';

/** Render pays a wallet, never a node: what a node has of it is an estimate by weight. Pure. */
const SOURCE = 'render-split';
type Ledger = Extract<ReadingDraft, { kind: 'ledger' }>;

/** Parts of an amount by weight in whole base units; the largest remainders take what is left, so that they add up. */
export const partsOf = (amount: bigint, weights: ReadonlyMap<string, number>): Map<string, bigint> => {
  const total = [...weights.values()].reduce((sum, weight) => sum + BigInt(weight), 0n);
  const shares = [...weights].map(([name, weight]) => {
    const product = amount * BigInt(weight);
    return { name, part: product / total, rest: product % total };
  });
  let left = amount - shares.reduce((sum, { part }) => sum + part, 0n);
  shares.sort((a, b) => (a.rest === b.rest ? (a.name < b.name ? -1 : 1) : a.rest > b.rest ? -1 : 1));
  for (const share of shares) {
    if (left <= 0n) break;
    share.part++;
    left--;
  }
  return new Map(shares.map(({ name, part }) => [name, part]));
};

/** The income of a wallet as one estimated account a node, by node. */
export const splitReading = (reading: Ledger, weights: ReadonlyMap<string, number>): Map<string, Ledger> => {
  const found = new Map<string, Ledger>();
  const parts = reading.entries.map((entry) => ({ entry, parts: partsOf(BigInt(entry.amount), weights) }));
  for (const node of weights.keys()) {
    const entries = parts.map(({ entry, parts: own }) => ({ ...entry, amount: `${own.get(node) ?? 0n}` }));
    const account = `${reading.account}/${node}`;
    found.set(node, {
      ...reading,
      account,
      source: SOURCE,
      exact: false,
      entries: entries.filter(({ amount }) => amount !== '0'),
    });
  }
  return found;
};
