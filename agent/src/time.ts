import type { Clock } from '@muster/shared/clock';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { Moment } from './spool.js';

/** What the agent takes for the time: monotonic from a base that NTP or the hub settles (a Pi without a clock chip boots in the past). */
export interface AgentTime {
  /** Whether NTP or the hub has spoken; until then no rows are sent. */
  trusted(): boolean;
  /** Milliseconds since 1970 UTC, as well as it is known. */
  now(): number;
  /** The same as a stamp for a row, which says whether it is blind. */
  moment(): Moment;
  /** The hub's time; answers by how many ms the own clock was corrected, 0 when it was right. */
  hear(hub_now: number): number;
  /** What to add to a blind stamp of this boot. */
  shift(): number;
}

export interface AgentTimeNeeds {
  clock: Clock;
  /** Whether this machine's clock is known to be synchronised. */
  synchronised(): boolean;
  /** The time has become known: blind stamps are `shift_ms` behind. */
  settled?: (shift_ms: number) => void;
}

export const createAgentTime = ({ clock, synchronised, settled }: AgentTimeNeeds): AgentTime => {
  const wallBase = () => clock.now() - clock.monotonic();
  let base = wallBase();
  let known = false;
  let shift = 0;

  const settle = (better: number) => {
    const is_first = !known;
    if (is_first) shift = Math.round(better - base);
    known = true;
    base = better;
    if (is_first) settled?.(shift);
  };
  const trusted = () => {
    if (!known && synchronised()) settle(wallBase());
    return known;
  };
  const now = () => Math.round(base + clock.monotonic());

  return {
    trusted,
    now,
    moment() {
      const blind = !trusted();
      return { ts: now(), blind };
    },
    hear(hub_now) {
      const off = Math.round(hub_now - clock.now());
      const wrong = Math.abs(off) > WIRE_LIMITS.future_ms;
      settle(wrong ? hub_now - clock.monotonic() : wallBase());
      return wrong ? off : 0;
    },
    shift: () => shift,
  };
};
