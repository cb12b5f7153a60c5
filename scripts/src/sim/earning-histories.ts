/** Seeded histories of income, shaped like each network pays: what the rules about earning are measured on. */
import { DAY_MS, HOUR_MS } from '@muster/shared/earning-pace';
import type { Random } from './random.js';

export interface Payment {
  /** When it was earned, and when it was there to be seen. */
  ts: number;
  seen: number;
  amount: number;
}

export interface Model {
  id: string;
  network: string;
  token: string;
  expects: { cadence: number; silence_is_normal_for: number } | null;
  ledger: boolean;
  /** What one device is paid over so many days from `start`; of its own character. */
  payments(random: Random, span: { start: number; days: number }): Payment[];
}

const days = (cadence: number, silence: number) => ({ cadence: cadence * DAY_MS, silence_is_normal_for: silence * DAY_MS });
const between = (random: Random, low: number, high: number) => low + random.next() * (high - low);
const chance = (random: Random, odds: number) => random.next() < odds;
/** Around 1, as amounts spread. */
const spread = (random: Random, deviation: number) => Math.exp(deviation * random.normal() - deviation ** 2 / 2);

/** At about the same time of every so many days, except where it is left out. */
const regular =
  (pay: { every: number; at: number; jitter: number; skipped: readonly [number, number]; spread: readonly [number, number] }) =>
  (random: Random, span: { start: number; days: number }): Payment[] => {
    const skipped = between(random, ...pay.skipped);
    const deviation = between(random, ...pay.spread);
    const size = spread(random, 0.6);
    const payments: Payment[] = [];
    for (let day = 0; day < span.days; day += pay.every) {
      const ts = span.start + day * DAY_MS + pay.at + random.next() * pay.jitter;
      const amount = size * pay.every * spread(random, deviation);
      if (!chance(random, skipped)) payments.push({ ts, seen: ts, amount });
    }
    return payments;
  };

/** Each moment is as likely as any other: block rewards. */
const lucky =
  (pay: { per_day: readonly [number, number]; later: number }) =>
  (random: Random, span: { start: number; days: number }): Payment[] => {
    const [low, high] = pay.per_day;
    const rate = low * (high / low) ** random.next();
    const payments: Payment[] = [];
    let ts = span.start;
    for (;;) {
      ts -= (Math.log(1 - random.next()) / rate) * DAY_MS;
      if (ts >= span.start + span.days * DAY_MS) return payments;
      payments.push({ ts, seen: ts + pay.later, amount: spread(random, 0.1) });
    }
  };

/** A counter that rises while there is work: some rest at night, some at the weekend. */
const working = (random: Random, span: { start: number; days: number }): Payment[] => {
  const nights = chance(random, 0.4);
  const weekends = chance(random, 0.2);
  const busy = between(random, 0.2, 0.9);
  const payments: Payment[] = [];
  for (let hour = 0; hour < span.days * 24; hour++) {
    const ts = span.start + hour * HOUR_MS + random.next() * HOUR_MS;
    const rests = (nights && hour % 24 < 8) || (weekends && Math.floor(hour / 24) % 7 > 4);
    if (!rests && chance(random, busy)) payments.push({ ts, seen: ts, amount: spread(random, 0.8) / 24 });
  }
  return payments;
};

export const MODELS: readonly Model[] = [
  {
    ...{ id: 'helium', network: 'helium', token: 'HNT', expects: days(1, 14), ledger: false },
    payments: regular({ every: 1, at: 1.5 * HOUR_MS, jitter: 3 * HOUR_MS, skipped: [0, 0.3], spread: [0.1, 0.6] }),
  },
  {
    ...{ id: 'filecoin', network: 'filecoin', token: 'FIL', expects: days(1, 7), ledger: true },
    payments: lucky({ per_day: [0.15, 10], later: 7.5 * HOUR_MS }),
  },
  {
    ...{ id: 'render', network: 'render', token: 'RENDER', expects: days(7, 10), ledger: true },
    payments: regular({ every: 7, at: 6 * HOUR_MS, jitter: 36 * HOUR_MS, skipped: [0, 0.01], spread: [0.1, 0.5] }),
  },
  {
    ...{ id: 'dimo', network: 'dimo', token: 'DIMO', expects: days(7, 10), ledger: true },
    payments: regular({ every: 7, at: 5 * HOUR_MS, jitter: 20 * HOUR_MS, skipped: [0, 0.01], spread: [0.05, 0.2] }),
  },
  {
    ...{ id: 'storj', network: 'storj', token: 'USD', expects: days(31, 45), ledger: true },
    payments: regular({ every: 30.4, at: 5 * DAY_MS, jitter: 7 * DAY_MS, skipped: [0, 0], spread: [0.05, 0.3] }),
  },
  { ...{ id: 'counter', network: 'acme', token: 'ACME', expects: null, ledger: false }, payments: working },
  {
    ...{ id: 'daily', network: 'other', token: 'OTHER', expects: null, ledger: false },
    payments: regular({ every: 1, at: 0, jitter: 20 * HOUR_MS, skipped: [0, 0.15], spread: [0.1, 0.4] }),
  },
];

export interface Outage {
  from: number;
  to: number;
}

/** A few times a year the device itself is away, for hours or days: that is `offline`, not income that has stopped. */
export const outagesOf = (random: Random, span: { start: number; days: number }): Outage[] => {
  const outages: Outage[] = [];
  let at = span.start;
  for (;;) {
    at -= Math.log(1 - random.next()) * 120 * DAY_MS;
    if (at >= span.start + span.days * DAY_MS) return outages;
    const to = at + HOUR_MS * 2 * 48 ** random.next();
    outages.push({ from: at, to });
    at = to;
  }
};

/** The network pays late once, and less from a day on: nothing that one device could be blamed for. */
export const networkEvents = (random: Random, { start, days: length }: { start: number; days: number }) => {
  const late = start + between(random, 0.45, 0.6) * length * DAY_MS;
  const cut = start + between(random, 0.65, 0.75) * length * DAY_MS;
  return (payments: readonly Payment[]): Payment[] =>
    payments.map((one) => {
      const amount = one.ts >= cut ? one.amount * 0.5 : one.amount;
      const isLate = one.seen >= late && one.seen < late + LATE_MS;
      const seen = isLate ? late + LATE_MS + ((one.seen - late) / LATE_MS) * HOUR_MS : one.seen;
      return { ts: isLate ? seen : one.ts, seen, amount };
    });
};
const LATE_MS = 2.5 * DAY_MS;

/** The gap that one in two hundred exceeds, of a long history of this character. */
export const rareGap = (payments: readonly Payment[], window: number): number => {
  const gaps: number[] = [];
  let began = Number.NEGATIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const { seen } of payments) {
    if (seen - began >= window) {
      if (Number.isFinite(last)) gaps.push(seen - last);
      began = seen;
    }
    last = seen;
  }
  gaps.sort((a, b) => a - b);
  return gaps[Math.min(gaps.length - 1, Math.ceil(gaps.length * 0.995))] ?? 0;
};
