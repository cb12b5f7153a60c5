import type { Random } from './random.js';

/** How much days differ: `luck` is the deviation of a day, `idle` the share of days without income. */
export interface Ups {
  luck: number;
  idle: number;
}

export interface Stream {
  network: string;
  token: string;
  decimals: number;
  /** Base units per day, and how many payments make a day. */
  per_day: bigint;
  payments: number;
  /** Days between two payments of the past; DIMO pays on Mondays. */
  pays_every: number;
  /** Render's share of a node is worked out of its wallet's. */
  exact: boolean;
  ups: Ups;
}

interface Payment {
  at: number;
  amount: bigint;
}

const DAY_MS = 86_400_000;
/** Of a device in trouble: how long ago that began at most, and what is left of its income. */
const TROUBLE_DAYS = 24;
const LEFT = 0.35;

/** Income of the days before a device is first looked at; one device in seven does worse of late. The first payment is only where the counter stood. */
export const createHistory = (days: number, random: Random) => {
  const trouble = random.next() < 1 / 7 ? 3 + Math.floor(random.next() * TROUBLE_DAYS) : 0;
  return (stream: Stream, skill: bigint, now: number): Payment[] => {
    if (days === 0) return [];
    const today = Math.floor(now / DAY_MS);
    const payments: Payment[] = [{ at: (today - days) * DAY_MS - 1, amount: 0n }];
    let due = 0n;
    for (let day = today - days; day <= today; day++) {
      due += incomeOf(stream, skill, {
        random,
        share: today - day < trouble ? LEFT : 1,
        part: day === today ? now % DAY_MS : DAY_MS,
      });
      if (!paysOn(stream, day) && day < today) continue;
      if (stream.pays_every > 1 && day === today) continue;
      const at = Math.min((day + 1) * DAY_MS - 60_000, now - 1);
      if (due > 0n && at > (payments.at(-1)?.at ?? 0)) payments.push({ at, amount: due });
      due = 0n;
    }
    return payments;
  };
};

/** Day 4 since 1970 was a Monday. */
const paysOn = ({ pays_every }: Stream, day: number): boolean => pays_every === 1 || (day - 4) % pays_every === 0;

interface OfDay {
  random: Random;
  share: number;
  /** Milliseconds of the day. */
  part: number;
}

/** In whole base units down to the last: amounts as uneven as real ones. */
const incomeOf = ({ per_day, ups }: Stream, skill: bigint, { random, share, part }: OfDay): bigint => {
  const luck = Math.max(0.02, 1 + random.normal() * ups.luck);
  const idle = random.next() < ups.idle;
  const odd = BigInt(Math.floor(random.next() * 1e6));
  if (idle) return 0n;
  return (per_day * skill * BigInt(Math.round(luck * share * 1e6)) * BigInt(part)) / (1_000_000_000n * BigInt(DAY_MS)) + odd;
};
