import type { Log } from '@muster/shared/log';
import { counter, gauge } from '@muster/shared/metrics';
import type { SeriesTable } from '../series.js';
import type { Spool } from '../spool.js';

/** What the agent says of itself with every row. */
export interface Measures {
  put(): void;
}

export interface MeasuresNeeds {
  series: SeriesTable;
  spool: Spool;
  log: Log;
  /** The agent's time. */
  now(): number;
  memory_bytes(): number;
  /** Processor time that this process has taken, user and system, in microseconds. */
  cpuUsage(): { user: number; system: number };
  /** Share of the time since the last call in which the event loop was busy, and that time in ms. */
  loop(): { utilization: number; active: number };
  /** Connections to the hub that stood, since the start. */
  connections(): number;
  /** Samples of carried devices that were none. */
  refused(): number;
}

const DECLARED = {
  'process.cpu.time': counter('s', 'Processor time of the agent', { resolution: 0.01 }),
  'process.memory.usage': gauge('By', 'Memory of the agent', { resolution: 262_144 }),
  'nodejs.eventloop.utilization': gauge('1', 'Share of time that the agent is busy', { resolution: 0.001 }),
  'muster.agent.spool.length': gauge('1', 'Rows and messages that the hub has not acknowledged'),
  'muster.agent.spool.usage': gauge('By', 'Disk space of the spool', { resolution: 65_536 }),
  'muster.agent.spool.age': gauge('s', 'Age of the oldest row that the hub has not acknowledged', { resolution: 1 }),
  'muster.agent.reconnects': counter('1', 'Connections to the hub after the first'),
  'muster.agent.dropped': counter('1', 'Rows and messages that were given up: the spool was full or damaged, or they too old'),
  'muster.agent.refused': counter('1', 'Samples of probes and sources that were none'),
};

/** Busy that long within one interval: somebody's work in this process holds everybody else up. */
const STALL_MS = 2_000;

export const createMeasures = (needs: MeasuresNeeds, interval_ms: number): Measures => {
  const { log, series, spool } = needs;
  let dropped = 0;
  spool.dropped.on(({ items }) => {
    dropped += items;
  });
  let stalled: boolean | null = null;

  const watchLoop = () => {
    const { utilization, active } = needs.loop();
    const is_stalled = active > STALL_MS;
    // Loading the program is work too: the first look says nothing.
    if (is_stalled && stalled === false)
      log.warn('The agent was busy for long; something in it holds it up', { active_ms: Math.round(active) });
    stalled = is_stalled && stalled !== null;
    return utilization;
  };
  const values = (): Record<keyof typeof DECLARED, number> => {
    const { user, system } = needs.cpuUsage();
    const { oldest_ts } = spool;
    return {
      'process.cpu.time': (user + system) / 1e6,
      'process.memory.usage': needs.memory_bytes(),
      'nodejs.eventloop.utilization': watchLoop(),
      'muster.agent.spool.length': spool.length,
      'muster.agent.spool.usage': spool.bytes,
      'muster.agent.spool.age': oldest_ts === null ? 0 : Math.max(0, needs.now() - oldest_ts) / 1_000,
      'muster.agent.reconnects': Math.max(0, needs.connections() - 1),
      'muster.agent.dropped': dropped,
      'muster.agent.refused': series.refused + needs.refused(),
    };
  };
  return {
    put() {
      for (const [metric, value] of Object.entries(values())) {
        series.put({ metric, value }, DECLARED[metric as keyof typeof DECLARED], 2 * interval_ms);
      }
    },
  };
};
