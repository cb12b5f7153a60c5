import type { Silence, WeeklyTimes } from '@muster/hub/parts';

/** When silences hold, as spans of time, and where those lie on a calendar: over changes of summer time, in any zone. Pure. */
export interface Span {
  from: number;
  to: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A time zone: what clocks there show. `wall` is that time as if it were UTC. */
export interface Zone {
  wall(ts: number): number;
  /** The first time at which clocks show this, or the next they show. */
  at(wall: number): number;
  /** Stretches of [from, to) in which clocks are off UTC by the same. */
  stretches(from: number, to: number): (Span & { offset: number })[];
}

export const createZone = (timeZone: string): Zone => {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  const offset = (ts: number): number => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ts)) part[type] = Number(value);
    const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ts / 1000) * 1000;
  };
  const wall = (ts: number) => ts + offset(ts);
  return {
    wall,
    at(given) {
      const early = given - offset(given - DAY);
      if (wall(early) === given) return early;
      const late = given - offset(given + DAY);
      // What clocks skip begins when they go on.
      return wall(late) === given ? late : changeBetween(offset, late - DAY, late + DAY);
    },
    stretches(from, to) {
      const found: (Span & { offset: number })[] = [];
      for (let at = from; at < to; ) {
        const here = offset(at);
        const next = nextChange(offset, at, to);
        found.push({ from: at, to: next, offset: here });
        at = next;
      }
      return found;
    },
  };
};

type Offset = (ts: number) => number;

const nextChange = (offset: Offset, from: number, to: number): number => {
  const here = offset(from);
  let at = from;
  while (at < to) {
    const next = Math.min(at + 12 * HOUR, to);
    if (offset(next) !== here) return changeBetween(offset, at, next);
    at = next;
  }
  return to;
};

/** To the minute: no clock changes in between. */
const changeBetween = (offset: Offset, from: number, to: number): number => {
  let low = Math.floor(from / MINUTE);
  let high = Math.ceil(to / MINUTE);
  const here = offset(low * MINUTE);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offset(middle * MINUTE) === here) low = middle;
    else high = middle;
  }
  return high * MINUTE;
};

export const minuteOf = (text: string): number => {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
};

/** 1 Monday … 7 Sunday, of a day counted from 1970. */
const weekdayOf = (day: number): number => ((((day + 3) % 7) + 7) % 7) + 1;

/** Within [from, to), oldest first; what adjoins is one. */
export const weeklySpans = ({ days, time_zone, ...times }: WeeklyTimes, from: number, to: number): Span[] => {
  const start = minuteOf(times.from) * MINUTE;
  const until = minuteOf(times.to) * MINUTE;
  const length = until > start ? until - start : until - start + DAY;
  const found: Span[] = [];
  for (const stretch of createZone(time_zone).stretches(from, to)) {
    const [first, last] = [stretch.from, stretch.to].map((ts) => Math.floor((ts + stretch.offset) / DAY)) as [number, number];
    for (let day = first - 1; day <= last; day++) {
      if (!days.includes(weekdayOf(day))) continue;
      const begins = day * DAY + start - stretch.offset;
      found.push({ from: Math.max(begins, stretch.from), to: Math.min(begins + length, stretch.to) });
    }
  }
  return joined(found.filter((span) => span.to > span.from));
};

const joined = (spans: readonly Span[]): Span[] => {
  const whole: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = whole.at(-1);
    if (last && last.to >= span.from) last.to = Math.max(last.to, span.to);
    else whole.push({ ...span });
  }
  return whole;
};

type Silenced = Pick<Silence, 'from' | 'to' | 'weekly'>;

/** When a silence holds within [from, to). */
export const spansOf = (silence: Silenced, from: number, to: number): Span[] => {
  const begins = Math.max(from, silence.from ?? from);
  const ends = Math.min(to, silence.to ?? to);
  if (ends <= begins) return [];
  return silence.weekly ? weeklySpans(silence.weekly, begins, ends) : [{ from: begins, to: ends }];
};

export type When = 'now' | 'to_come' | 'over';
const YEAR = 366 * DAY;

export const whenOf = (silence: Silenced, now: number): When => {
  const [next] = spansOf(silence, now, silence.weekly ? now + 8 * DAY : now + YEAR);
  if (next) return next.from <= now ? 'now' : 'to_come';
  return (silence.to ?? Number.POSITIVE_INFINITY) <= now ? 'over' : 'to_come';
};

// ---- on the page

/** A day of the calendar: its number since 1970 as clocks count, and when it begins and ends. */
export interface CalendarDay extends Span {
  day: number;
}

export const dayOf = (zone: Zone, ts: number): number => Math.floor(zone.wall(ts) / DAY);
export const mondayOf = (day: number): number => day - weekdayOf(day) + 1;

export const daysFrom = (zone: Zone, first: number, count: number): CalendarDay[] =>
  Array.from({ length: count }, (_, index) => {
    const day = first + index;
    return { day, from: zone.at(day * DAY), to: zone.at((day + 1) * DAY) };
  });

/** Whole weeks that hold the month of a day. */
export const monthOf = (day: number): { first: number; count: number; month: number } => {
  const date = new Date(day * DAY);
  const first = mondayOf(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) / DAY);
  const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / DAY;
  return { first, count: Math.ceil((end - first) / 7) * 7, month: date.getUTCMonth() };
};

/** The same day of another month, or its last. */
export const monthsOn = (day: number, months: number): number => {
  const date = new Date(day * DAY);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months + 1, 0));
  return Date.UTC(last.getUTCFullYear(), last.getUTCMonth(), Math.min(date.getUTCDate(), last.getUTCDate())) / DAY;
};

/** What of something lies on a day: minutes as clocks show them, and which of so many columns it stands in. */
export interface Piece<T> extends Span {
  of: T;
  top: number;
  bottom: number;
  lane: number;
  lanes: number;
}

/** Shorter ones could not be seen or hit. */
const LEAST_MINUTES = 30;

export const piecesOf = <T>(zone: Zone, day: CalendarDay, items: readonly { of: T; spans: readonly Span[] }[]): Piece<T>[] => {
  const minutes = (ts: number) => (zone.wall(ts) - day.day * DAY) / MINUTE;
  const pieces = items.flatMap(({ of, spans }) =>
    spans
      .filter((span) => span.from < day.to && span.to > day.from)
      .map((span): Piece<T> => {
        const top = span.from <= day.from ? 0 : Math.min(minutes(span.from), 1440 - LEAST_MINUTES);
        const end = span.to >= day.to ? 1440 : minutes(span.to);
        return { ...span, of, top, bottom: Math.max(end, top + LEAST_MINUTES), lane: 0, lanes: 1 };
      }),
  );
  return inLanes(pieces.sort((a, b) => a.top - b.top || b.bottom - a.bottom));
};

/** Side by side what overlaps. */
const inLanes = <T>(pieces: Piece<T>[]): Piece<T>[] => {
  let group: Piece<T>[] = [];
  let end = 0;
  const close = () => {
    const lanes = Math.max(0, ...group.map(({ lane }) => lane + 1));
    for (const piece of group) piece.lanes = lanes;
    group = [];
  };
  for (const piece of pieces) {
    if (piece.top >= end) close();
    const taken = new Set(group.filter(({ bottom }) => bottom > piece.top).map(({ lane }) => lane));
    while (taken.has(piece.lane)) piece.lane += 1;
    group.push(piece);
    end = Math.max(end, piece.bottom);
  }
  close();
  return pieces;
};

/** `2026-03-29`, as a field of a form takes it. */
export const dateText = (day: number): string => new Date(day * DAY).toISOString().slice(0, 10);
/** `2026-03-29T01:30`, by the clocks of the zone. */
export const momentText = (zone: Zone, ts: number): string => new Date(zone.wall(ts)).toISOString().slice(0, 16);
export const momentOf = (zone: Zone, text: string): number | null => {
  const wall = Date.parse(`${text}Z`);
  return Number.isFinite(wall) ? zone.at(wall) : null;
};
