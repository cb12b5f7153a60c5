/** Seeded randomness: the same seed gives the same fleet, series and faults. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** About normal, mean 0, deviation 1. */
  normal(): number;
  pick<T>(items: readonly T[]): T;
  /** A stream of its own for a part, so that adding one part does not shift another. */
  fork(name: string): Random;
}

/** mulberry32: 32 bits of state are plenty for a simulation. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0 || 1;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    normal: () => (next() + next() + next() + next() - 2) * Math.sqrt(3),
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
    fork: (name) => createRandom(hash(name, seed)),
  };
};

const hash = (text: string, seed: number): number => {
  let h = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
};
