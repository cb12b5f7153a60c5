import { formatFiat } from '@muster/shared/money';
import { DAY_MS } from './daily.js';
import type { CompareCohort } from './fiat-port.js';

/** What one device earns in a day, in fiat where that is known, and in tokens where it earns one only. */
export interface Rate {
  /** What it is compared by: networks, kind of hardware, tags. */
  networks: string;
  kind: string;
  tags: string;
  fiat: bigint | null;
  token: string | null;
  amount: bigint;
  elapsed: number;
}

export const perDay = (amount: bigint, elapsed: number): bigint => (amount * BigInt(DAY_MS)) / BigInt(Math.round(elapsed));

/** Fewer say nothing about what is usual. */
const FEWEST = 4;
const LEVELS: readonly CompareCohort['by'][] = [['network', 'kind', 'tag'], ['network', 'kind'], ['network']];

const KEYS: readonly ((rate: Rate) => string)[] = [
  ({ networks, kind, tags }) => `${networks}\n${kind}\n${tags}`,
  ({ networks, kind }) => `${networks}\n${kind}`,
  ({ networks }) => networks,
];

interface Group {
  rates: Rate[];
  /** Worked out when first asked for; null: they have no measure in common. */
  usual?: Middle | null | undefined;
}
type Middle = { of: 'fiat' | 'tokens'; median: bigint; mad: bigint };

/** The cohort of a device: those like it, described by median and MAD, which one lucky or dead device does not move. */
export const createCohorts = (rates: readonly Rate[]) => {
  // Most questions end with the first level: the others are grouped when one goes on.
  const levels: Map<string, Group>[] = [];
  const grouped = (level: number): Map<string, Group> => {
    const groups = levels[level] ?? groupsOf(rates, KEYS[level] ?? nothing);
    levels[level] = groups;
    return groups;
  };
  return (rate: Rate): CompareCohort | null => {
    for (const [level, by] of LEVELS.entries()) {
      const group = grouped(level).get((KEYS[level] ?? nothing)(rate));
      if (!group || group.rates.length < FEWEST) continue;
      const usual = group.usual === undefined ? usualOf(group.rates) : group.usual;
      group.usual = usual;
      return usual && cohortOf(rate, { by, devices: group.rates.length, ...usual });
    }
    return null;
  };
};
const nothing = () => '';
const groupsOf = (rates: readonly Rate[], keyOf: (rate: Rate) => string): Map<string, Group> => {
  const groups = new Map<string, Group>();
  for (const rate of rates) {
    if (rate.networks === '') continue;
    const key = keyOf(rate);
    const group = groups.get(key);
    if (group) group.rates.push(rate);
    else groups.set(key, { rates: [rate] });
  }
  return groups;
};
export type Cohorts = ReturnType<typeof createCohorts>;

type Usual = Pick<CompareCohort, 'by' | 'devices' | 'of'> & { median: bigint; mad: bigint };

const cohortOf = (rate: Rate, { by, devices, of, median, mad }: Usual): CompareCohort => {
  const text = of === 'fiat' ? formatFiat : String;
  const own = of === 'fiat' ? (rate.fiat ?? 0n) : perDay(rate.amount, rate.elapsed);
  return { by, of, devices, median: text(median), mad: text(mad), z: robustZ(own, median, mad) };
};

const usualOf = (rates: readonly Rate[]): Middle | null => {
  const fiat = rates.flatMap((one) => (one.fiat === null ? [] : [one.fiat]));
  if (fiat.length === rates.length) return { of: 'fiat', ...spreadOf(fiat) };
  const token = rates[0]?.token ?? null;
  if (token === null || rates.some((one) => one.token !== token)) return null;
  return { of: 'tokens', ...spreadOf(rates.map((one) => perDay(one.amount, one.elapsed))) };
};

const spreadOf = (values: readonly bigint[]): { median: bigint; mad: bigint } => {
  const median = medianOf(values);
  return { median, mad: medianOf(values.map((value) => (value < median ? median - value : value - median))) };
};

/** The middle one; of two the mean, downwards. */
export const medianOf = (values: readonly bigint[]): bigint => {
  const sorted = rising(values);
  const middle = sorted.length >> 1;
  const [low = 0n, high = 0n] = [sorted[middle - 1 + (sorted.length % 2)], sorted[middle]];
  return (low + high) >> 1n;
};

const rising = (values: readonly bigint[]): bigint[] => [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** 0.6745 makes the MAD of a normal distribution its standard deviation. A statistic of amounts, not an amount. */
export const robustZ = (value: bigint, median: bigint, mad: bigint): number | null =>
  mad === 0n ? null : Math.round(0.6745 * (Number(((value - median) * 1_000_000n) / mad) / 1_000_000) * 100) / 100;
