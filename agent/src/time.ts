import type { Clock } from '@muster/shared/clock';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';

/** What the agent takes for the time: monotonic from a base that NTP or the hub settles (a Pi without a clock chip boots in the past). */
export interface AgentTime {
  /** Whether NTP or the hub has spoken; until then no rows are sent. */
  trusted(): boolean;
  /** Milliseconds since 1970 UTC, as well as it is known. */
  now(): number;
  /** The hub's time; answers by how many ms the own clock was corrected, 0 when it was right. */
  hear(hub_now: number): number;
  /** What to add to the stamp of a row of this boot that was made before the time was known. */
  shiftOf(seq: number): number;
}

export interface AgentTimeNeeds {
  clock: Clock;
  /** Whether this machine's clock is known to be synchronised. */
  synchronised(): boolean;
  /** The newest sequence number handed out. */
  last_seq(): number;
  /** The time has become known: rows up to `until` are `shift_ms` behind. */
  settled?: (until: number, shift_ms: number) => void;
}

export const createAgentTime = ({ clock, synchronised, last_seq, settled }: AgentTimeNeeds): AgentTime => {
  const wallBase = () => clock.now() - clock.monotonic();
  let base = wallBase();
  let known = false;
  let shift = 0;
  let shifted_until = 0;

  const settle = (better: number) => {
    if (!known) {
      shift = Math.round(better - base);
      shifted_until = last_seq();
    }
    const is_first = !known;
    known = true;
    base = better;
    if (is_first) settled?.(shifted_until, shift);
  };

  return {
    trusted() {
      if (!known && synchronised()) settle(wallBase());
      return known;
    },
    now: () => Math.round(base + clock.monotonic()),
    hear(hub_now) {
      const off = Math.round(hub_now - clock.now());
      const wrong = Math.abs(off) > WIRE_LIMITS.future_ms;
      settle(wrong ? hub_now - clock.monotonic() : wallBase());
      return wrong ? off : 0;
    },
    shiftOf: (seq) => (seq <= shifted_until ? shift : 0),
  };
};
