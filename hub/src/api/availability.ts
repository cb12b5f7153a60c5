/** How long devices were there, by the states they were in: pure. */
import { divideEven, formatFiat, parseFiat } from '@muster/shared/money';
import type { PresenceState } from '@muster/shared/wire/live';
import type { Stake } from '../parts.js';

export interface Span {
  from: number;
  to: number;
}
export interface Stay extends Span {
  state: PresenceState;
}

/** Sums of one device or of several. */
export interface Availability {
  up_ms: number;
  /** Away without a plan. */
  down_ms: number;
  /** Away after a goodbye, or while silenced. */
  planned_ms: number;
  outages: number;
  longest_ms: number;
  /** 8 places; null: what it earns is not known. */
  cost: bigint | null;
  currency: string | null;
}

type Kind = 'up' | 'down' | 'planned' | 'unwatched';

/** `reconnecting` and `unknown` are absences of the hub or of an agent: nobody watched. */
const KINDS: Record<PresenceState, Kind> = {
  online: 'up',
  quiet: 'up',
  lost: 'down',
  stopped: 'planned',
  never_seen: 'unwatched',
  reconnecting: 'unwatched',
  unknown: 'unwatched',
};

/** A silence that ends as a loss was its beginning. */
const kindOf = ({ state }: Stay, next: Stay | undefined): Kind =>
  state === 'quiet' && next?.state === 'lost' ? 'down' : KINDS[state];

/** `silenced`: merged and rising. */
export const availabilityOf = (stays: readonly Stay[], silenced: readonly Span[], stake: Stake | null): Availability => {
  const sums = { up_ms: 0, down_ms: 0, planned_ms: 0, outages: 0, longest_ms: 0 };
  let outage = 0;
  const close = () => {
    if (outage > 0) sums.outages++;
    sums.longest_ms = Math.max(sums.longest_ms, outage);
    outage = 0;
  };
  for (const [index, stay] of stays.entries()) {
    const kind = kindOf(stay, stays[index + 1]);
    const length = stay.to - stay.from;
    const excused = kind === 'down' ? overlap(stay, silenced) : 0;
    if (kind === 'up' || kind === 'planned') close();
    if (kind === 'up') sums.up_ms += length;
    if (kind === 'planned') sums.planned_ms += length;
    if (kind !== 'down') continue;
    sums.planned_ms += excused;
    sums.down_ms += length - excused;
    outage += length - excused;
  }
  close();
  return { ...sums, cost: costOf(sums.down_ms, stake), currency: stake?.currency ?? null };
};

const HOUR_MS = 3_600_000n;
const costOf = (down_ms: number, stake: Stake | null): bigint | null =>
  stake?.fiat_per_hour == null ? null : divideEven(parseFiat(stake.fiat_per_hour) * BigInt(Math.round(down_ms)), HOUR_MS);

const overlap = ({ from, to }: Span, spans: readonly Span[]): number => {
  let sum = 0;
  for (let at = firstAfter(spans, from); at < spans.length; at++) {
    const one = spans[at];
    if (!one || one.from >= to) break;
    sum += Math.min(one.to, to) - Math.max(one.from, from);
  }
  return sum;
};

/** The first that ends later: silences of every night of a year are hundreds, and a device that flaps has as many outages. */
const firstAfter = (spans: readonly Span[], ts: number): number => {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.to ?? 0) > ts) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** Spans that touch become one. */
export const merged = (spans: readonly Span[]): Span[] => {
  const joined: Span[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined;
};

export const NOTHING: Availability = {
  ...{ up_ms: 0, down_ms: 0, planned_ms: 0, outages: 0, longest_ms: 0 },
  ...{ cost: null, currency: null },
};

export const added = (a: Availability, b: Availability): Availability => ({
  up_ms: a.up_ms + b.up_ms,
  down_ms: a.down_ms + b.down_ms,
  planned_ms: a.planned_ms + b.planned_ms,
  outages: a.outages + b.outages,
  longest_ms: Math.max(a.longest_ms, b.longest_ms),
  cost: a.cost === null ? b.cost : a.cost + (b.cost ?? 0n),
  currency: a.currency ?? b.currency,
});

/** As the API tells it. `uptime` null: nobody watched. */
export const asReply = ({ up_ms, down_ms, cost, currency, planned_ms, outages, longest_ms }: Availability) => {
  const watched_ms = up_ms + down_ms;
  return {
    ...{ uptime: watched_ms === 0 ? null : up_ms / watched_ms, watched_ms, down_ms, planned_ms, outages, longest_ms },
    cost: cost === null || currency === null ? null : { amount: formatFiat(cost), currency },
  };
};
