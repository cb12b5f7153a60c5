/** Remembers how often an alert fires; what fires again and again is held open until it has been calm for long. */
export const FLAPS = {
  /** Half of the score is forgotten in this time. */
  half_life_ms: 3_600_000,
  /** Reached by the third time within an hour. */
  many: 2.2,
  /** Held open until well for so long. */
  calm_ms: 1_800_000,
  /** Scores kept; beyond, the oldest go. */
  most: 20_000,
} as const;

interface Score {
  score: number;
  at: number;
}

const faded = ({ score, at }: Score, now: number): number => score * 0.5 ** (Math.max(0, now - at) / FLAPS.half_life_ms);

export interface Flaps {
  /** It fires; answers whether it flaps. */
  fired(key: string, now: number): boolean;
  score(key: string, now: number): number;
}

export const createFlaps = (): Flaps => {
  const scores = new Map<string, Score>();
  const score = (key: string, now: number): number => {
    const known = scores.get(key);
    return known ? faded(known, now) : 0;
  };
  return {
    score,
    fired(key, now) {
      const next = score(key, now) + 1;
      scores.delete(key);
      scores.set(key, { score: next, at: now });
      for (const oldest of scores.keys()) if (scores.size > FLAPS.most) scores.delete(oldest);
      return next >= FLAPS.many;
    },
  };
};
