/** DIMO's issuance weeks: week n begins on Monday 2022-01-31 05:00 UTC + n × 7 days; its rewards are worked out when it ends. */
export const WEEK_MS = 7 * 86_400_000;
const WEEK_0 = Date.UTC(2022, 0, 31, 5);
const HOUR_MS = 3_600_000;
/** Rewards of a week come out on Monday, from 05:00 UTC on. */
const PAYDAY_MS = 7 * HOUR_MS;

export const weekOf = (ts: number): number => Math.floor((ts - WEEK_0) / WEEK_MS);
export const weekStart = (week: number): number => WEEK_0 + week * WEEK_MS;

/** Weeks in a row → level; three missed weeks lose one. */
export const levelOf = (streak: number): number => 1 + [4, 21, 36].filter((weeks) => streak >= weeks).length;

/** Whole weeks that ended without a sign of life. */
export const missedWeeks = (seen: number, now: number): number => Math.max(0, weekOf(now) - weekOf(seen) - 1);

/** Hourly while rewards come out, else daily; never past the next payday. The token id spreads the questions of many. */
export const nextRewardsDue = (now: number, token_id: number): number => {
  const spread = (token_id % 600) * 1_000;
  const start = weekStart(weekOf(now));
  if (now < start + PAYDAY_MS) return now + HOUR_MS;
  return Math.min(now + 24 * HOUR_MS, start + WEEK_MS + 60_000 + spread);
};
