/**
 * Roll-ups on disk: a chunk with a row per bucket and a column per (series, stat). What follows from another stat is
 * left out: a flat series has MIN alone, a rising counter neither MAX nor INCREASE.
 */
export const STATS = 16;
/** Of a rising series rounded down like MEAN. */
export const MIN = 0;
/** Absent: LAST, or MIN without that. */
export const MAX = 1;
/** Rounded to a part of 128 of the usual height of a bucket. Absent: MIN. */
export const MEAN = 2;
/** Absent: that of SHARED. */
export const COUNT = 3;
/** Absent: MIN in a flat series; else nothing is known of it as a counter. */
export const LAST = 4;
/** Since the sample before, a fall being a restart from zero. Absent: it never fell. */
export const INCREASE = 5;
/** Rates per second, rounded outwards by two per cent at most. Absent: 0. */
export const SLOWEST = 6;
export const FASTEST = 7;
/** Only in the first bucket of a window: there the increase counts from it. Absent: MIN. */
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
