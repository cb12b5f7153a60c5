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
