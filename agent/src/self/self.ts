import type { OpenLink } from '../link.js';
import { type CeilingNeeds, createCeiling } from './ceiling.js';
import { createMeasures, type MeasuresNeeds } from './measures.js';

/** The agent's care for itself: what it takes, and an end before it harms its host. */
export interface Self {
  /** To be called before every row. */
  look(): void;
}

/** What the process knows of itself. */
export interface Process {
  memory_bytes(): number;
  cpuUsage(): { user: number; system: number };
  loop(): { utilization: number; active: number };
}

export type SelfNeeds = Omit<MeasuresNeeds, keyof Process> & Pick<CeilingNeeds, 'report' | 'giveUp'> & { process: Process };

export const createSelf = (needs: SelfNeeds, settings: { interval_ms: number; memory_mb: number }): Self => {
  const all = { ...needs, ...needs.process };
  const measures = createMeasures(all, settings.interval_ms);
  const ceiling = createCeiling(all, settings.memory_mb);
  return {
    look() {
      measures.put();
      ceiling.check();
    },
  };
};

/** The same way to the hub, with a count of the connections that stood. */
export const counting = (open: OpenLink): { open: OpenLink; connections(): number } => {
  let count = 0;
  return {
    async open(request) {
      const link = await open(request);
      count++;
      return link;
    },
    connections: () => count,
  };
};

/** This process as Node tells of it. */
export const thisProcess = (): Process => {
  let before = performance.eventLoopUtilization();
  return {
    memory_bytes: process.memoryUsage.rss,
    cpuUsage: () => process.cpuUsage(),
    loop() {
      const now = performance.eventLoopUtilization();
      const { utilization, active } = performance.eventLoopUtilization(now, before);
      before = now;
      return { utilization, active };
    },
  };
};
