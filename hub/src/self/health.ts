import type { BusCounts } from '../bus/bus.js';
import type { QuarantineCounts, SelfView } from '../parts.js';

export interface HealthNeeds {
  now: () => number;
  writer: { readonly healthy: boolean };
  bus: { counts(): BusCounts };
  registry: { all(): Iterable<unknown> };
  quarantine: () => QuarantineCounts;
}

/** What the hub says of itself. `store_since` is when this view first saw the store as it is now. */
export const createHealth = (needs: HealthNeeds, { version }: { version: string }): (() => SelfView) => {
  const started_at = needs.now();
  let seen = { healthy: needs.writer.healthy, since: started_at };
  return () => {
    const { healthy } = needs.writer;
    if (healthy !== seen.healthy) seen = { healthy, since: needs.now() };
    const bus = needs.bus.counts();
    return {
      started_at,
      version,
      store_healthy: healthy,
      store_since: seen.since,
      connections: bus.connections,
      devices: [...needs.registry.all()].length,
      quarantined: needs.quarantine(),
      bus,
    };
  };
};
