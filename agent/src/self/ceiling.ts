import type { Log } from '@muster/shared/log';

/** Ends an agent that has grown: who started it (systemd: Restart=always) starts it anew, and its spool is on disk. */
export interface Ceiling {
  /** To be called with every row. */
  check(): void;
}

export interface CeilingNeeds {
  memory_bytes(): number;
  log: Log;
  report(event: 'memory_ceiling', detail: string): void;
  /** Asks whoever runs the agent to end it. */
  giveUp(why: string): void;
}

/** A peak passes, a leak does not: a minute at the usual pace. */
const CHECKS = 6;
const MIB = 1_048_576;

export const createCeiling = (needs: CeilingNeeds, memory_mb: number): Ceiling => {
  let above = 0;
  return {
    check() {
      const mib = Math.round(needs.memory_bytes() / MIB);
      above = mib > memory_mb ? above + 1 : 0;
      if (above !== CHECKS) return;
      needs.log.error('The agent uses more memory than it may; it ends to be started anew', { mib, agent_memory_mb: memory_mb });
      needs.report('memory_ceiling', `The agent used ${mib} MiB, more than agent.memory_mb (${memory_mb}) allows`);
      needs.giveUp('memory ceiling');
    },
  };
};
