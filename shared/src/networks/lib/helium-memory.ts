import * as v from 'valibot';
import type { Mark } from './helium-counter.js';

/** What the Helium source keeps: whom it asked when, and the highest figures. 1,000 hotspots stay below 64 KB. */
export interface Kept {
  /** The gateway's key when it was first seen. */
  key?: string | undefined;
  /** What did not answer the last time. */
  down: string[];
  /** By what is asked: when next, from which hotspot on, failures in a row. */
  rounds: Record<string, Round>;
  /** By tag of the key. */
  marks: Record<string, string>;
  /** Since when the oracle leaves a hotspot out. */
  absent: Record<string, number>;
  /** Tags of hotspots whose figure fell or is missing. */
  suspect: string[];
}

export interface Round {
  next: number;
  at: number;
  failures: number;
}

const whole = v.pipe(v.number(), v.safeInteger());
const kept = v.object({
  key: v.optional(v.string()),
  down: v.array(v.string()),
  rounds: v.record(
    v.string(),
    v.object({ next: whole, at: v.pipe(whole, v.minValue(0)), failures: v.pipe(whole, v.minValue(0)) }),
  ),
  marks: v.record(v.string(), v.pipe(v.string(), v.regex(/^~?\d{1,39}$/))),
  absent: v.record(v.string(), whole),
  suspect: v.array(v.string()),
});

/** A memory that is not one is an empty one: the ledger keeps the maxima, too. */
export const readKept = (value: unknown): Kept => {
  const read = v.safeParse(kept, value);
  return read.success ? read.output : { down: [], rounds: {}, marks: {}, absent: {}, suspect: [] };
};

/** The end of a key holds its checksum, which tells the keys of a fleet apart. */
export const tagOf = (key: string): string => key.slice(-10);

/** `~` marks a figure that only the chain gave. */
export const readMark = (text: string | undefined): Mark | undefined =>
  text === undefined ? undefined : { amount: BigInt(text.replace('~', '')), spoken: !text.startsWith('~') };

export const writeMark = ({ amount, spoken }: Mark): string => `${spoken ? '' : '~'}${amount}`;

/** Hotspots of one question. */
export const ROUND_SIZE = 100;
const FIRST_RETRY_MS = 60_000;

export interface RoundEnd {
  now: number;
  /** Hotspots of the whole round. */
  count: number;
  /** Milliseconds between rounds. */
  every: number;
  /** Undefined: answered. */
  failure?: { retry_after_ms?: unknown } | undefined;
  /** 0..1, another for each fleet: they must not ask all at once. */
  spread: number;
}

/** Due now; a clock that was set back must not silence it. */
export const isDue = (round: Round | undefined, now: number, every: number): boolean =>
  round === undefined || now >= round.next || round.next - now > 2 * Math.max(every, 86_400_000);

export const endRound = (round: Round | undefined, { now, count, every, failure, spread }: RoundEnd): Round => {
  const { at = 0, failures = 0 } = round ?? {};
  if (failure) {
    const wished = typeof failure.retry_after_ms === 'number' ? Math.min(failure.retry_after_ms, 86_400_000) : 0;
    const wait = Math.min(every, FIRST_RETRY_MS * 2 ** Math.min(failures, 12)) * (0.8 + 0.4 * spread);
    return { next: Math.round(now + Math.max(wait, wished)), at, failures: failures + 1 };
  }
  const more = at + ROUND_SIZE < count;
  return more
    ? { next: now, at: at + ROUND_SIZE, failures: 0 }
    : { next: Math.round(now + every * (0.8 + 0.4 * spread)), at: 0, failures: 0 };
};
