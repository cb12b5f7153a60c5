import { FIAT_PLACES, parseDecimal, scaled } from '@muster/shared/money';
import type { Site } from '../parts.js';
import { DAY_MS, dayOf } from './daily.js';

/** Price × time: what a kilowatt costs over a span, in (1e-8 of the currency per kWh) × ms; null where no tariff is known. */
export type Tariff = Pick<Site, 'tariff' | 'tariff_periods' | 'time_zone'>;

const QUARTER_MS = 15 * 60_000;
const DAY_QUARTERS = 96;

const priceIn8 = (text: string): bigint => scaled(parseDecimal(text), FIAT_PLACES);

export const createTariffs = () => {
  const zones = new Map<string, (ts: number) => number>();
  // A site that changes is another object: what was worked out for the old one goes with it.
  const days = new WeakMap<Tariff, Map<number, bigint | null>>();
  const weeks = new WeakMap<Tariff, (bigint | null)[]>();

  const offsetOf = (zone: string) => {
    const known = zones.get(zone) ?? createOffset(zone);
    zones.set(zone, known);
    return known;
  };
  const byQuarters = (tariff: Tariff, from: number, to: number): bigint | null => {
    const week = weeks.get(tariff) ?? weekOf(tariff);
    weeks.set(tariff, week);
    const offset = offsetOf(tariff.time_zone);
    const steady = offset(from) === offset(to) ? offset(from) : null;
    let sum = 0n;
    for (let at = from; at < to; ) {
      const end = Math.min(to, (Math.floor(at / QUARTER_MS) + 1) * QUARTER_MS);
      const price = week[quarterOf(at + (steady ?? offset(at)))] ?? null;
      if (price === null) return null;
      sum += price * BigInt(end - at);
      at = end;
    }
    return sum;
  };
  const wholeDay = (tariff: Tariff, day: number): bigint | null => {
    const known = days.get(tariff) ?? new Map<number, bigint | null>();
    days.set(tariff, known);
    const found = known.get(day);
    if (found !== undefined) return found;
    const made = byQuarters(tariff, day * DAY_MS, (day + 1) * DAY_MS);
    known.set(day, made);
    return made;
  };
  return (tariff: Tariff, from: number, to: number): bigint | null => {
    if (to <= from) return 0n;
    const base = tariff.tariff;
    if (!tariff.tariff_periods?.length) return base === null ? null : priceIn8(base) * BigInt(to - from);
    let sum = 0n;
    for (let at = from; at < to; ) {
      const end = Math.min(to, (dayOf(at) + 1) * DAY_MS);
      const part = end - at === DAY_MS ? wholeDay(tariff, dayOf(at)) : byQuarters(tariff, at, end);
      if (part === null) return null;
      sum += part;
      at = end;
    }
    return sum;
  };
};
export type Tariffs = ReturnType<typeof createTariffs>;

/** 1970-01-01 was a Thursday: quarter 0 of the week is Monday 00:00. */
const quarterOf = (local: number): number => {
  const quarters = Math.floor(local / QUARTER_MS) + 3 * DAY_QUARTERS;
  return ((quarters % (7 * DAY_QUARTERS)) + 7 * DAY_QUARTERS) % (7 * DAY_QUARTERS);
};

/** The price of each quarter of an hour of a week; the first period that fits holds. */
const weekOf = ({ tariff, tariff_periods = [] }: Tariff): (bigint | null)[] => {
  const base = tariff === null ? null : priceIn8(tariff);
  const week = new Array<bigint | null>(7 * DAY_QUARTERS).fill(base);
  for (const period of [...tariff_periods].reverse()) {
    const [from, to] = [quarterIn(period.from), quarterIn(period.to)];
    const length = to > from ? to - from : to - from + DAY_QUARTERS;
    for (const day of period.days) {
      const start = (day - 1) * DAY_QUARTERS + from;
      for (let quarter = start; quarter < start + length; quarter++) week[quarter % week.length] = priceIn8(period.tariff);
    }
  }
  return week;
};

const quarterIn = (text: string): number => {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 4 + Math.floor(minutes / 15);
};

/** How far local time is ahead of UTC, in ms. */
const createOffset = (zone: string) => {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  return (ts: number): number => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ts)) part[type] = Number(value);
    const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ts / 1_000) * 1_000;
  };
};
