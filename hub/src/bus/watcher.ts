import type { Guard } from './guard.js';
import type { Session } from './session.js';

/** What has a deadline: logins, unfinished packets, pauses. One loop sweeps it; no timer per connection. */
export const createWatcher = (now: () => number, connect_ms: number) => {
  /** Accepted, not yet granted; in order of arrival. */
  const opening = new Set<Session>();
  const guards = new Set<Guard>();
  return {
    opening,
    watch: (guard: Guard) => void guards.add(guard),
    sweep(): void {
      for (const guard of guards) if (!guard.check()) guards.delete(guard);
      const deadline = now() - connect_ms;
      for (const session of opening) {
        if (session.since > deadline) break;
        session.refuse('too_slow', 'no login in time');
        opening.delete(session);
      }
    },
  };
};

/** The sweep runs four times a second. */
const STANDSTILL_MS = 1_000;

/** Who was silent for 1.5 × keepalive; not while we did not read it, and not right after a standstill of our own. */
export const createSilenceWatch = (now: () => number) => {
  let swept = now();
  return (sessions: Iterable<Session>): void => {
    const at = now();
    const late = at - swept > STANDSTILL_MS;
    swept = at;
    for (const session of sessions) {
      if (late || session.guard.paused) session.guard.heard = at;
      else if (at - session.guard.heard > session.keepalive_s * 1_500) session.end('keepalive');
    }
  };
};
