/** The states a device was in, bounded; as text `o<ts base 36> l<ts>…` when stored. */
import type { PresenceState } from '@muster/shared/wire/live';
import { DEVICE_LIMITS } from './limits.js';

export interface Transition {
  state: PresenceState;
  ts: number;
}
export interface Stay {
  state: PresenceState;
  from: number;
  to: number;
}

const LETTERS: Record<PresenceState, string> = {
  never_seen: 'n',
  online: 'o',
  quiet: 'q',
  lost: 'l',
  stopped: 's',
  reconnecting: 'r',
  unknown: 'u',
};
const STATES = new Map(Object.entries(LETTERS).map(([state, letter]) => [letter, state as PresenceState]));

export const withTransition = (history: readonly Transition[], next: Transition): Transition[] =>
  [...history, next].slice(-DEVICE_LIMITS.transitions);

export const historyText = (history: readonly Transition[]): string =>
  history.map(({ state, ts }) => LETTERS[state] + Math.max(0, Math.round(ts)).toString(36)).join(' ');

export const parseHistory = (text: string): Transition[] =>
  text.split(' ').flatMap((word) => {
    const state = STATES.get(word.slice(0, 1));
    const ts = Number.parseInt(word.slice(1), 36);
    return state && Number.isFinite(ts) ? [{ state, ts }] : [];
  });

/** What of the history lies within [from, to); the newest state holds until `now`. */
export const staysWithin = (
  history: readonly Transition[],
  { from, to, now }: { from: number; to: number; now: number },
): Stay[] =>
  history
    .map(({ state, ts }, index) => ({
      state,
      from: Math.max(ts, from),
      to: Math.min(history[index + 1]?.ts ?? now, to),
    }))
    .filter((stay) => stay.from < stay.to);
