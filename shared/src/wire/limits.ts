/** Every bound of the wire in one place, each with its reason. */
export const WIRE_LIMITS = {
  /** Largest message an agent sends; the hub's guard cuts at 256 KB, so an honest one never meets it. */
  message_bytes: 200_000,
  /** A back-fill report: fits one group commit. */
  backfill_rows: 500,
  backfill_bytes: 64_000,
  /** Rewards are split to this before they enter the spool. */
  rewards_bytes: 64_000,
  /** Columns of one list; above the series cap of a device nothing could be stored. */
  columns: 2_000,
  series_per_device: 2_000,
  metrics_per_birth: 2_000,
  column_lists: 64,
  /** Devices carried by one agent. */
  carried: 1_000,
  readings: 1_000,
  ledger_entries: 1_000,
  /** Text lengths: a series key with labels, a title, a detail. */
  key_chars: 400,
  title_chars: 200,
  detail_chars: 2_000,
  /** Clock window: a device's time outside of it is quarantined as `clock`. */
  past_ms: 8 * 86_400_000,
  future_ms: 5 * 60_000,
  /** Pace of rows that a device may declare. */
  interval_ms_min: 250,
  interval_ms_max: 86_400_000,
} as const;
