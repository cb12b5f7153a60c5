/**
 * Roll-ups on disk: a chunk with a row per bucket and a column per (series, stat). What follows from other stats, or
 * nearly so, is left out: a flat series has MIN alone, a rising counter LAST, MEAN and its rates.
 */
export const STATS = 16;
/** Rounded down to a part of 64 of the usual height. Absent: of a rising series, hence LAST of the bucket before, or FIRST. */
export const MIN = 0;
/** Rounded up likewise. Absent: LAST, or MIN without that. */
export const MAX = 1;
/** Where between the extremes, see `meanAt`. Absent: MIN. */
export const MEAN = 2;
/** Absent: that of SHARED. */
export const COUNT = 3;
/** Exact. Absent: MIN in a flat series; else nothing is known of it as a counter. */
export const LAST = 4;
/** Since the sample before, a fall being a restart from zero. Absent: it never fell. */
export const INCREASE = 5;
/** Levels of rates per second, outwards, see `rateAt`. Absent: 0. */
export const SLOWEST = 6;
export const FASTEST = 7;
/** Only in the first bucket of a window: there the increase counts from it. Absent: MIN, or LAST without that. */
export const FIRST = 8;
/** Times as ms after the start of the bucket. Absent: that of SHARED. */
export const FIRST_TS = 9;
export const LAST_TS = 10;

/** Stands for the whole row: what most series of a device have in common. Above every series. */
export const SHARED = 0x0fff_ffff;

export const statId = (series: number, stat: number): number => series * STATS + stat;
export const seriesOfStat = (id: number): number => Math.floor(id / STATS);

export const FIVE_MS = 300_000;
export const HOUR_MS = 3_600_000;

export type RollupTier = 'five' | 'hour';
export const WIDTHS: Record<RollupTier, number> = { five: FIVE_MS, hour: HOUR_MS };
/** Steps of a mean between its extremes; finer towards both ends, since a lone peak leaves the mean near the bottom. */
const STEPS: Record<RollupTier, number> = { five: 48, hour: 128 };

export const meanAt = (step: number, tier: RollupTier, { min, max }: { min: number; max: number }): number =>
  min + Math.sin((step * Math.PI) / (2 * STEPS[tier])) ** 2 * (max - min);

/** The nearest step; null where all steps mean the same. */
export const stepOf = (mean: number, tier: RollupTier, { min, max }: { min: number; max: number }): number | null => {
  const part = (mean - min) / (max - min);
  if (Number.isNaN(part)) return null;
  return Math.round((Math.asin(Math.sqrt(Math.min(Math.max(part, 0), 1))) * 2 * STEPS[tier]) / Math.PI);
};

/** Levels are 4.4 per cent apart, from 10^-18 per second on; 0 is none at all. */
const LEVELS_PER_DOUBLING = 16;
const LEVEL_OF_ONE = 960;
const DUST = 1e-9;

export const rateAt = (level: number): number => (level <= 0 ? 0 : 2 ** ((level - LEVEL_OF_ONE) / LEVELS_PER_DOUBLING));

const levelOf = (rate: number): number => LEVELS_PER_DOUBLING * Math.log2(rate) + LEVEL_OF_ONE;
/** Never above the rate; what is on a level stays there. */
export const levelBelow = (rate: number): number => (rate > 0 ? Math.max(0, Math.floor(levelOf(rate) + DUST)) : 0);
/** Never below the rate. */
export const levelAbove = (rate: number): number => (rate > 0 ? Math.max(1, Math.ceil(levelOf(rate) - DUST)) : 0);
