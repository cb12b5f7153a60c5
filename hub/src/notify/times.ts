/** Weekly spans in a time zone: pure. */
import * as v from 'valibot';
import type { WeeklyTimes } from '../parts.js';

const DAY_MINUTES = 1_440;
const MINUTE_MS = 60_000;

const clock = v.pipe(v.string(), v.regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time such as 22:00'));
const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};
export const weeklyTimes = v.strictObject({
  days: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(7))), v.minLength(1), v.maxLength(7)),
  from: clock,
  to: clock,
  time_zone: v.pipe(v.string(), v.maxLength(80), v.check(isTimeZone, 'must be a time zone such as Europe/Berlin')),
});

/** Day of the week (1 Monday) and minute of the day, as clocks show them there. */
type LocalTime = { day: number; minute: number };
export type LocalTimes = (zone: string, ts: number) => LocalTime;

const DAYS: Record<string, number> = { Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6, Sun: 7 };

/** Formatting costs some ten microseconds, so each minute is worked out once per zone. */
export const createLocalTimes = (): LocalTimes => {
  const zones = new Map<string, { format: Intl.DateTimeFormat; minute: number; local: LocalTime }>();
  return (zone, ts) => {
    const minute = Math.floor(ts / MINUTE_MS);
    const known = zones.get(zone);
    if (known?.minute === minute) return known.local;
    const format = known?.format ?? formatOf(zone);
    const local = localOf(format, ts);
    zones.set(zone, { format, minute, local });
    return local;
  };
};

const formatOf = (timeZone: string) =>
  new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', weekday: 'short', hour: 'numeric', minute: 'numeric' });

const localOf = (format: Intl.DateTimeFormat, ts: number): LocalTime => {
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(ts)) part[type] = value;
  return { day: DAYS[part['weekday'] ?? ''] ?? 1, minute: Number(part['hour']) * 60 + Number(part['minute']) };
};

const minuteOf = (text: string): number => {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
};

export const isWithin = ({ days, from, to, time_zone }: WeeklyTimes, ts: number, local: LocalTimes): boolean => {
  const { day, minute } = local(time_zone, ts);
  const start = minuteOf(from);
  const end = minuteOf(to) > start ? minuteOf(to) : minuteOf(to) + DAY_MINUTES;
  const before = day === 1 ? 7 : day - 1;
  return (
    (days.includes(day) && minute >= start && minute < end) ||
    (days.includes(before) && minute + DAY_MINUTES < end && end > DAY_MINUTES)
  );
};
