import type { AppError } from './errors.js';
import type { NetworkMemory } from './network.js';

/** One memory shared by the parts of a preset: each keeps its own, and which of them failed last is kept beside. */
interface Kept {
  parts: Record<string, unknown>;
  failing: string[];
}

export interface PartFailure {
  name: string;
  error: AppError;
}

export const partMemory = (whole: NetworkMemory) => {
  const kept = readKept(whole.get());
  const put = new Map<string, unknown>();
  return {
    of: (name: string): NetworkMemory => ({
      get: () => (put.has(name) ? put.get(name) : kept.parts[name]),
      put: (value) => void put.set(name, value),
    }),
    /** What a part kept before it failed is dropped with its readings. Answers the failures that were none the last time. */
    save(failures: readonly PartFailure[]): PartFailure[] {
      const failing = failures.map(({ name }) => name);
      for (const name of failing) put.delete(name);
      if (put.size > 0 || failing.join() !== kept.failing.join())
        whole.put({ parts: { ...kept.parts, ...Object.fromEntries(put) }, failing });
      return failures.filter(({ name }) => !kept.failing.includes(name));
    },
  };
};

const readKept = (value: unknown): Kept => {
  const { parts, failing } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof Kept, unknown>>;
  return {
    parts: typeof parts === 'object' && parts !== null ? { ...(parts as Record<string, unknown>) } : {},
    failing: Array.isArray(failing) ? failing.filter((name): name is string => typeof name === 'string') : [],
  };
};
