import type { PresenceState } from '@muster/shared/wire/live';
import type { Firing } from './rule.js';

/** What is remembered of one (rule, device, subject) that is not ok. */
export type Held =
  | {
      state: 'pending';
      since: number;
      /** Its device is away since then, or was until its last word: nothing was heard that could have ended it. */
      away_since?: number;
    }
  | {
      state: 'firing';
      since: number;
      fired_at: number;
      well_since?: number;
      /** Without a well moment between; as long as it fires unless it is here. Null: not known. */
      bad_since?: number | null;
    };

export type AlertChange = 'pending' | 'firing' | 'resolved' | 'cancelled';

export interface Step {
  held: Held | null;
  change: AlertChange | null;
}

export interface Moment {
  now: number;
  delay: number;
  /** How long a `no` must hold before what fires resolves. */
  recover?: number | undefined;
}

/** ok → pending → firing → resolved. `keep` changes nothing: a pending one keeps its clock, but only a `yes` makes it fire. */
export const advance = (held: Held | null, firing: Firing, at: Moment): Step => {
  if (firing === 'keep') return { held, change: null };
  if (firing === 'no') return recovering(held, at);
  if (held?.state === 'firing') return { held: unwell(held, at.now), change: null };
  const since = held && !isStale(held, at.now) ? held.since : at.now;
  if (at.now - since >= at.delay) return { held: { state: 'firing', since, fired_at: at.now }, change: 'firing' };
  return { held: { state: 'pending', since }, change: held?.since === since ? null : 'pending' };
};

/** Away for less, such as a line that dropped and came back, a device is not asked to begin anew: some are never connected for half an hour. */
const BRIEFLY_MS = 120_000;
const isStale = (held: Held, now: number): boolean => held.state === 'pending' && now - (held.away_since ?? now) > BRIEFLY_MS;

const recovering = (held: Held | null, { now, recover = 0 }: Moment): Step => {
  if (held?.state !== 'firing' || recover <= 0) return { held: null, change: held && ENDS[held.state] };
  const well_since = held.well_since ?? now;
  return now - well_since >= recover
    ? { held: null, change: 'resolved' }
    : { held: held.well_since === undefined ? { ...held, well_since } : held, change: null };
};

const unwell = (held: Held & { state: 'firing' }, bad_since: number | null): Held => {
  const { well_since, ...still } = held;
  const is_same = bad_since === null ? still.bad_since === null : still.bad_since !== null;
  return well_since === undefined && is_same ? held : { ...still, bad_since };
};

/** Since when what fires has been bad without a pause: what flaps is open while it is well, too. */
export const badSince = (held: Held): number | null => {
  if (held.state !== 'firing' || held.well_since !== undefined) return null;
  return held.bad_since === undefined ? held.fired_at : held.bad_since;
};

/** Nothing new can be heard of the device. */
const AWAY: ReadonlySet<PresenceState> = new Set(['lost', 'stopped', 'unknown', 'reconnecting']);
export const isAway = (presence: PresenceState): boolean => AWAY.has(presence);
/** Not even whether it is there. */
const UNSEEN: ReadonlySet<PresenceState> = new Set(['unknown', 'reconnecting']);

/** What an open alert is to people: `unknown` while nothing new can be heard of its device. `about_presence`: the alert is about just that. */
export const standing = (state: Held['state'], presence: PresenceState, about_presence: boolean): Held['state'] | 'unknown' =>
  (about_presence ? UNSEEN : AWAY).has(presence) ? 'unknown' : state;

/** Its device is away: it stays as it is; time in which it was well, or bad but pending, begins anew. `away_since`: null while the hub itself was away. */
export const pause = (held: Held, away_since: number | null): Held => {
  if (held.state === 'firing') return unwell(held, null);
  return held.away_since === undefined && away_since !== null ? { ...held, away_since } : held;
};

const ENDS = { pending: 'cancelled', firing: 'resolved' } as const;
