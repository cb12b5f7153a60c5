import { parseSeriesKey } from '@muster/shared/metrics';
import type { PresenceState } from '@muster/shared/wire/live';
import { expect } from 'vitest';
import { type AlertChange, advance, type Held } from '../lifecycle.js';
import type { EarningFacts, FactSample, Facts, RuleDeclaration, Verdict } from '../rule.js';

const DAY = 86_400_000;

/** Of the streams of a device; days are counted from the start of the timeline. */
interface Streams {
  /** Days at which income came, as lists or as [first, last, step]. */
  paid: { days?: number[]; every?: [number, number, number]; amount?: number }[];
  cadence_days?: number | null;
  silence_days?: number | null;
  exact?: boolean;
  settled?: boolean;
  /** Day of the last reading, where it is not now. */
  read?: number;
  unread_since?: number;
  /** Days in which the device was away; null: not known yet. */
  away?: [number, number][] | null;
  cohort?: EarningFacts['cohort'];
  price?: EarningFacts['price'];
}

const NO_STREAM: Streams = { paid: [] };

/** What had come by then. */
const earningsAt = (stream: Streams, now: number): EarningFacts => {
  const paid = stream.paid.flatMap(({ days = [], every, amount = 1 }) => {
    const more = every
      ? Array.from({ length: Math.floor((every[1] - every[0]) / every[2]) + 1 }, (_, at) => every[0] + at * every[2])
      : [];
    return [...days, ...more].map((day) => ({ at: day * DAY, amount }));
  });
  const known = paid.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
  const first = Math.floor((known[0]?.at ?? 0) / DAY);
  const amounts = Array.from({ length: Math.floor(now / DAY) - first + 1 }, () => 0);
  for (const { at, amount } of known)
    amounts[Math.floor(at / DAY) - first] = (amounts[Math.floor(at / DAY) - first] ?? 0) + amount;
  const last_reading = stream.read === undefined ? now : stream.read * DAY;
  const length = (days: number | null | undefined) => (days == null ? null : days * DAY);
  return {
    ...{ id: 'acme-1', network: 'acme', account: 'wallet', token: 'ACME', exact: stream.exact ?? true },
    ...{ cadence: length(stream.cadence_days), silence_is_normal_for: length(stream.silence_days) },
    ...{ settled: stream.settled ?? true, last_reading, unread_since: (stream.unread_since ?? last_reading / DAY) * DAY },
    incomes: known.map(({ at }) => ({ from: at, to: at })),
    days: { first, amounts },
    away: () => (stream.away === null ? null : (stream.away ?? []).map(([from, to]) => ({ from: from * DAY, to: to * DAY }))),
    ...{ cohort: stream.cohort ?? null, price: stream.price ?? null },
  };
};

export interface DayMoment {
  at_ms?: number;
  /** In place of `at_ms`. */
  day?: number;
  /** The streams are these from now on; a part changes a part. */
  stream?: Partial<Streams>;
  presence?: PresenceState;
  samples?: Record<string, number>;
}
export interface DayEvent {
  at_ms?: number;
  change: AlertChange;
  day?: number;
  subject?: string;
  /** A part of the sentence. */
  why?: string;
}
export const timeOf = ({ at_ms = 0, day }: { at_ms?: number; day?: number }): number =>
  day === undefined ? at_ms : Math.round(day * DAY);

/** Plays a timeline through the lifecycle, looking again whenever something pending falls due. */
export const playDays = (rule: RuleDeclaration, config: unknown, timeline: readonly DayMoment[]): DayEvent[] => {
  const happened: DayEvent[] = [];
  const held = new Map<string, Held>();
  const samples = new Map<string, FactSample>();
  let stream: Streams | null = null;
  let presence: Facts['presence'] = { state: 'never_seen', since: 0, last_seen: null };
  const delay = rule.delay(config);

  const worth = (now: number) => ({ earnings: () => (stream ? [earningsAt(stream, now)] : []), stake: () => null });
  const look = (now: number) => {
    const device = { id: 'attic-pi', name: 'Attic Pi', site: null, tags: [], interval_ms: 10_000 };
    const wanted = [...samples.values()].filter(({ metric }) => rule.needs(config).includes(metric));
    const verdicts: Verdict[] = [rule.judge(config, { now, device, presence, samples: wanted, ...worth(now) })].flat();
    for (const { subject = '', firing, why } of verdicts) {
      expect(why).toContain('Attic Pi');
      const step = advance(held.get(subject) ?? null, firing, { now, delay });
      if (step.held) held.set(subject, step.held);
      else held.delete(subject);
      if (step.change) happened.push({ at_ms: now, change: step.change, ...(subject && { subject }), why });
    }
  };
  const dueBy = (limit: number) =>
    [...held.values()]
      .filter(({ state, since }) => state === 'pending' && since + delay < limit)
      .map(({ since }) => since + delay)
      .sort((a, b) => a - b);
  let now = 0;
  for (const moment of timeline) {
    const at = timeOf(moment);
    for (const due of dueBy(at)) if (due > now) look(due);
    now = at;
    if (moment.stream) stream = { ...(stream ?? NO_STREAM), ...moment.stream };
    if (moment.presence) presence = { state: moment.presence, since: now, last_seen: now };
    for (const [series, value] of Object.entries(moment.samples ?? {})) {
      const key = parseSeriesKey(series);
      if (key) samples.set(series, { series, ...key, value, ts: now });
    }
    look(now);
  }
  return happened;
};
