/** How a stream of income usually runs: how long it may be silent, and what a week of it brings. Statistics of amounts, not amounts. */
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Income that came in one go: from the first to the last of it. */
export interface Income {
  from: number;
  to: number;
}

export interface PaceInput {
  /** Oldest first. */
  incomes: readonly Income[];
  /** What the network declares; null: nothing. */
  cadence: number | null;
  silence_is_normal_for: number | null;
}

export interface Pace {
  /** Within it income comes 199 times of 200, and never less than the declared cadence (a day where none is). */
  period: number;
  /** Silence beyond it is told; at most two periods. */
  limit: number;
  /** Mean time from income to income. */
  every: number;
}

/** Income within a quarter of the cadence is one: a payout in two transfers, a counter that rises each minute. */
export const mergeWindow = (cadence: number | null): number => (cadence ?? DAY_MS) / 4;

/** Gaps that are expected to be longer than the limit, per year. */
const FALSE_PER_YEAR = 0.3;
const YEAR_MS = 365.25 * DAY_MS;
/** How many gaps, and over how long, make a history; more where the declaration allows a long silence that the stream does not need. */
const FEW_GAPS = 6;
const MANY_GAPS = 50;
const HISTORY_MS = 28 * DAY_MS;
/** Just under two periods: one payment that is left out is no alarm where more often does not matter. */
const SLACK = 1.85;
/** A regular stream may be late by a part of its cadence. */
const JITTER = 1.2;
const RARE = 0.005;
/** Times the mean gap, while the history is too short to say more. */
const CAREFUL = 6;
const MARGIN = 1.1;
const MOST_PERIODS = 1.6;
/** How far a gap that was seen twice may stretch what the others say. */
const SEEN_TWICE = 1.5;

/** Null: too little is known to expect anything. */
export const paceOf = ({ incomes, cadence, silence_is_normal_for: silence }: PaceInput): Pace | null => {
  const first = incomes[0];
  const last = incomes.at(-1);
  if (!first || !last) return null;
  const gaps = gapsOf(incomes);
  const span = last.to - first.from;
  const patient = cadence !== null && silence !== null && silence > 2 * cadence;
  const known = gaps.length >= (patient ? MANY_GAPS : FEW_GAPS) && span >= Math.max(HISTORY_MS, 4 * (cadence ?? 0));
  const declared = { cadence, silence, patient };
  return known ? learned(gaps, span, declared) : assumed(gaps, span, declared);
};

interface Declared {
  cadence: number | null;
  silence: number | null;
  patient: boolean;
}

const assumed = (gaps: readonly number[], span: number, { cadence, silence, patient }: Declared): Pace | null => {
  if (cadence === null || gaps.length < (patient ? FEW_GAPS : 1)) return null;
  const every = span / gaps.length;
  const allowed = silence !== null && silence > cadence ? silence : SLACK * cadence;
  const limit = patient ? Math.max(allowed, CAREFUL * every) : allowed;
  return { period: Math.max(cadence, limit / 2), limit, every };
};

const learned = (gaps: readonly number[], span: number, { cadence, silence, patient }: Declared): Pace => {
  const floor = cadence ?? DAY_MS;
  // One outage does not teach that it is normal: the longest gap is left out.
  const sorted = [...gaps].sort((a, b) => a - b).slice(0, -1);
  const longest = sorted.at(-1) ?? 0;
  const half = tailOf(sorted, 0.5);
  const rare = half.from + half.excess * Math.log(Math.max(1, half.share / RARE));
  const period = Math.max(floor, rare, longest);
  // What is regular but for a day now and then shows only in the far tail.
  const tails = sorted.length >= MANY_GAPS ? [half, tailOf(sorted, 0.9)] : [half];
  const own = Math.max(...tails.map((tail) => limitOf(tail, (gaps.length / span) * YEAR_MS)));
  const told = silence !== null && !patient && silence > floor;
  const least = told ? silence : SLACK * (cadence === null ? floor : Math.min(Math.max(floor, rare), JITTER * floor));
  const limit = Math.max(
    least,
    Math.min(own, MOST_PERIODS * Math.min(period, SEEN_TWICE * Math.max(floor, rare))),
    MARGIN * longest,
  );
  return { period, limit, every: span / gaps.length };
};

const gapsOf = (incomes: readonly Income[]): number[] => {
  const gaps: number[] = [];
  for (let at = 1; at < incomes.length; at++) gaps.push(Math.max(0, (incomes[at]?.from ?? 0) - (incomes[at - 1]?.to ?? 0)));
  return gaps;
};

interface Tail {
  from: number;
  share: number;
  /** Mean of what lies above. */
  excess: number;
  count: number;
}

/** What lies above a quantile, as an exponential: exact for pure luck, short for what is regular. */
const tailOf = (sorted: readonly number[], quantile: number): Tail => {
  const from = sorted[Math.floor(sorted.length * quantile)] ?? 0;
  const above = sorted.filter((gap) => gap > from);
  const sum = above.reduce((total, gap) => total + gap - from, 0);
  return { from, share: above.length / sorted.length, excess: above.length > 0 ? sum / above.length : 0, count: above.length };
};

/** The gap that a stream of this pace exceeds so seldom; with few gaps known the answer is the more careful (a Pareto tail). */
const limitOf = ({ from, share, excess, count }: Tail, gaps_per_year: number): number => {
  const odds = Math.log(Math.max(1, (share * gaps_per_year) / FALSE_PER_YEAR));
  return count === 0 ? from : from + excess * count * Math.expm1(odds / count);
};

// ---- how much

export interface DayAmounts {
  /** Number of the first UTC day. */
  first: number;
  amounts: readonly number[];
}

export interface Change {
  /** Of the newest whole weeks, against the weeks before: 1 is as usual. */
  ratio: number;
  /** In robust standard deviations. */
  z: number;
  /** First and last millisecond of the newest weeks. */
  from: number;
  to: number;
}

/** Days that are kept: what comparing needs at most. */
export const PACE_DAYS = 91;
const WEEK = 7;
const FEWEST_WEEKS = 4;
const MOST_WEEKS = 10;
const ENOUGH_WEEKS = 8;
const FEWEST_PAYMENTS = 4;
/** Paid less often than this: payments are compared, not weeks. */
const SELDOM_MS = 2 * DAY_MS;
/** A day is complete once what belongs to it has had the time to arrive. */
const LATE_MS = 26 * HOUR_MS;
/** Nobody earns more evenly than this. */
const LEAST_SPREAD = 0.08;

/** Of what comes nearly daily whole weeks, so that no weekday counts twice; of what is paid seldom the payments. Null: too short a history. */
export const changeOf = (days: DayAmounts, pace: Pace, until: number): Change | null => {
  const end = Math.min(Math.floor((until - LATE_MS) / DAY_MS) + 1, days.first + days.amounts.length);
  if (pace.every > SELDOM_MS) return changeOfPayments(days, end);
  const [recent, ...before] = windowsBack(days, end, WEEK);
  if (recent === undefined || before.length < FEWEST_WEEKS) return null;
  const span = { from: (end - WEEK) * DAY_MS, to: end * DAY_MS };
  const daily = before.length < ENOUGH_WEEKS ? deviationOf(daysBack(days, end - WEEK, before.length)) * Math.sqrt(WEEK) : 0;
  return against(recent, before, { ...span, daily });
};

const against = (recent: number, before: readonly number[], span: { from: number; to: number; daily: number }): Change | null => {
  const sorted = [...before].sort((a, b) => a - b);
  const usual = medianOf(sorted);
  if (usual <= 0) return null;
  // The lowest may hold an outage.
  const spread = Math.max(madOf(before, usual), deviationOf(sorted.slice(1)), span.daily, usual * LEAST_SPREAD);
  return { ratio: recent / usual, z: (recent - usual) / spread, from: span.from, to: span.to };
};

/** The last two payments against those before; one that is left out is for the rule about silence. */
const changeOfPayments = ({ first, amounts }: DayAmounts, end: number): Change | null => {
  const payments: { day: number; amount: number }[] = [];
  for (let day = first; day < end; day++) {
    const amount = amounts[day - first] ?? 0;
    const last = payments.at(-1);
    if (amount !== 0 && last?.day === day - 1) payments[payments.length - 1] = { day, amount: last.amount + amount };
    else if (amount !== 0) payments.push({ day, amount });
  }
  const recent = payments.slice(-2);
  const before = payments.slice(0, -2).map(({ amount }) => amount);
  const [one, two] = recent;
  if (!one || !two || before.length < FEWEST_PAYMENTS) return null;
  const from = (payments.at(-3)?.day ?? first) + 1;
  return against((one.amount + two.amount) / 2, before, { from: from * DAY_MS, to: (two.day + 1) * DAY_MS, daily: 0 });
};

/** The days of so many weeks before this one: what they say of a week when there are few weeks. */
const daysBack = ({ first, amounts }: DayAmounts, end: number, weeks: number): readonly number[] =>
  amounts.slice(Math.max(0, end - weeks * WEEK - first), end - first);

const windowsBack = ({ first, amounts }: DayAmounts, end: number, length: number): number[] => {
  const sums: number[] = [];
  for (let to = end; to - length >= first && sums.length <= MOST_WEEKS; to -= length) {
    let sum = 0;
    for (let day = to - length; day < to; day++) sum += amounts[day - first] ?? 0;
    sums.push(sum);
  }
  return sums;
};

/** Mean of a day in the weeks up to the last income: what is at stake. */
export const perDay = ({ first, amounts }: DayAmounts, until: number): number => {
  const end = Math.min(amounts.length, Math.floor(until / DAY_MS) - first + 1);
  const start = Math.max(0, end - 4 * WEEK);
  let sum = 0;
  for (let day = start; day < end; day++) sum += amounts[day] ?? 0;
  return end > start ? sum / (end - start) : 0;
};

// ---- of numbers

/** Of sorted numbers. */
export const medianOf = (sorted: readonly number[]): number => {
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? 0) + high) / 2;
};

/** Median absolute deviation as a standard deviation. */
export const madOf = (values: readonly number[], median: number): number =>
  1.4826 * medianOf(values.map((value) => Math.abs(value - median)).sort((a, b) => a - b));

const meanOf = (values: readonly number[]): number =>
  values.length > 0 ? values.reduce((sum, one) => sum + one, 0) / values.length : 0;

const deviationOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return values.length > 1 ? Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (values.length - 1)) : 0;
};
