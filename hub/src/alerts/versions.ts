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

const isNumbered = (version: string): boolean => /\d/.test(version);

/** So many agents run it before others should: fewer are a trial. */
const LEAST = 2;
const LEAST_SHARE = 0.1;

/** The newest agent version that is in use in the fleet, or the hub's own where that is newer; one without a number, such as of a developer, is none. */
export const createNewestVersion = (registry: Pick<Registry, 'all'>, own: string | undefined) => {
  let found: string | null = null;
  let found_at = Number.NEGATIVE_INFINITY;
  return (now: number): string | null => {
    if (now - found_at < FRESH_MS) return found;
    found_at = now;
    found = own !== undefined && isNumbered(own) ? own : null;
    for (const version of inUse(registry)) if (found === null || isOlder(found, version)) found = version;
    return found;
  };
};

const inUse = (registry: Pick<Registry, 'all'>): string[] => {
  const counts = new Map<string, number>();
  let agents = 0;
  for (const { agent_version } of registry.all()) {
    if (!agent_version) continue;
    agents++;
    if (isNumbered(agent_version)) counts.set(agent_version, (counts.get(agent_version) ?? 0) + 1);
  }
  const least = Math.max(LEAST, agents * LEAST_SHARE);
  return [...counts].flatMap(([version, count]) => (count >= least ? version : []));
};
