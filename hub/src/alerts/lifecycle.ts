import type { Firing } from './rule.js';

/** What is remembered of one (rule, device, subject) that is not ok. */
export type Held = { state: 'pending'; since: number } | { state: 'firing'; since: number; fired_at: number };

export type AlertChange = 'pending' | 'firing' | 'resolved' | 'cancelled';

export interface Step {
  held: Held | null;
  change: AlertChange | null;
}

/** ok → pending → firing → resolved. `keep` changes nothing: a pending one keeps its clock, but only a `yes` makes it fire. */
export const advance = (held: Held | null, firing: Firing, at: { now: number; delay: number }): Step => {
  if (firing === 'keep') return { held, change: null };
  if (firing === 'no') return { held: null, change: held && ENDS[held.state] };
  if (held?.state === 'firing') return { held, change: null };
  const since = held?.since ?? at.now;
  if (at.now - since >= at.delay) return { held: { state: 'firing', since, fired_at: at.now }, change: 'firing' };
  return { held: { state: 'pending', since }, change: held ? null : 'pending' };
};

const ENDS = { pending: 'cancelled', firing: 'resolved' } as const;
