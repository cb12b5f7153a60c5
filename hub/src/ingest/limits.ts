/** Every bound of ingest, each with its reason. */
export const INGEST_LIMITS = {
  /** Agents spool for 7 days; after 30 no honest row comes again. */
  sequence_ms: 30 * 86_400_000,
  /** Seq intervals of a device: a hostile one could make one per row. */
  intervals: 4_096,
  /** Quarantined messages kept, how much of each, and how many a second: the rest is counted only. */
  quarantined: 1_000,
  sample_bytes: 2_000,
  quarantined_per_s: 10,
  /** Rows at most this old, or 3 intervals, are shown live and judged. */
  live_floor_ms: 5 * 60_000,
  live_intervals: 3,
  /** Pace of a device that declared none. */
  interval_ms: 300_000,
} as const;
