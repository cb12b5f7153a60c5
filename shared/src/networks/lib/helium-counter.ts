/** The rules of a hotspot's lifetime counter: it never falls, and a figure that fell or is missing is a fault of who gave it. */
export interface Mark {
  /** The highest figure so far. */
  amount: bigint;
  /** The oracle has given a figure; false: only what was claimed on chain is known. */
  spoken: boolean;
}

export interface Sight {
  /** Of the oracle; null: it answered without this hotspot; undefined: it did not answer. */
  lifetime?: bigint | null | undefined;
  /** On chain; undefined: not known. */
  claimed?: bigint | undefined;
  /** The oracle has left the hotspot out for so long that it has earned nothing yet. */
  surely_new?: boolean | undefined;
}

export interface Step {
  mark: Mark | undefined;
  /** Undefined: this sight says nothing about it. */
  suspect: boolean | undefined;
}

/** The next mark, max(previous, oracle, chain). */
export const countReward = (before: Mark | undefined, { lifetime, claimed, surely_new = false }: Sight): Step => {
  const floor = larger(before?.amount ?? 0n, claimed ?? 0n);
  if (lifetime === undefined) return { mark: withFloor(before, claimed, floor), suspect: undefined };
  // A false zero: the oracle's answer in trouble. Taken for the first figure, all that was ever earned would become income of one day.
  if (lifetime === null || lifetime === 0n) {
    const starts = surely_new && floor === 0n && !before?.spoken;
    return { mark: starts ? { amount: 0n, spoken: true } : withFloor(before, claimed, floor), suspect: floor > 0n };
  }
  return { mark: { amount: larger(floor, lifetime), spoken: true }, suspect: lifetime < floor };
};

const withFloor = (before: Mark | undefined, claimed: bigint | undefined, floor: bigint): Mark | undefined =>
  before || claimed !== undefined ? { amount: floor, spoken: before?.spoken ?? false } : undefined;

export const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
