/** Counts failures per key in a sliding window; successes cost nothing, so a whole fleet may join from one address. */
export interface Limiter {
  /** True while the key has failed too often. */
  blocked(key: string): boolean;
  failed(key: string): void;
}

export interface LimiterSettings {
  now: () => number;
  /** Failures allowed within the window. */
  most: number;
  window_ms: number;
  /** Keys remembered; beyond, the one that failed longest ago is forgotten. */
  keys: number;
}

export const createLimiter = ({ now, most, window_ms, keys }: LimiterSettings): Limiter => {
  const failures = new Map<string, number[]>();
  const recent = (key: string) => (failures.get(key) ?? []).filter((at) => now() - at < window_ms);
  return {
    blocked: (key) => recent(key).length >= most,
    failed(key) {
      const kept = [...recent(key), now()].slice(-most);
      failures.delete(key);
      failures.set(key, kept);
      const oldest = failures.size > keys ? failures.keys().next().value : undefined;
      if (oldest !== undefined) failures.delete(oldest);
    },
  };
};
