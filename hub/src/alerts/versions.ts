import type { Registry } from '../parts.js';

/** A fleet is walked for it: not for every device that asks. */
const FRESH_MS = 300_000;

/** `1.10.0` is newer than `1.9.3`; a version that is none is older than all. */
export const isOlder = (version: string, than: string): boolean => {
  const [mine, theirs] = [numbersOf(version), numbersOf(than)];
  for (const [index, number] of theirs.entries()) {
    const own = mine[index] ?? 0;
    if (own !== number) return own < number;
  }
  return false;
};

const numbersOf = (version: string): number[] => (/\d+(\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number);

/** The newest agent version of the fleet, or the hub's own where that is newer. */
export const createNewestVersion = (registry: Pick<Registry, 'all'>, own: string | undefined) => {
  let found: string | null = null;
  let found_at = Number.NEGATIVE_INFINITY;
  return (now: number): string | null => {
    if (now - found_at < FRESH_MS) return found;
    found_at = now;
    found = own ?? null;
    for (const { agent_version } of registry.all()) {
      if (agent_version && (found === null || isOlder(found, agent_version))) found = agent_version;
    }
    return found;
  };
};
