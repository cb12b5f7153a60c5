/** Every bound of the device registry, joining and presence, each with its reason. */
export const DEVICE_LIMITS = {
  /** Column lists of a device: each restart or hot-plug makes one; the oldest unnamed go first. */
  column_lists: 256,
  /** Characters of all column lists of a device: a hostile one must not fill the memory. */
  column_chars: 1_000_000,
  /** Facts about a device that are kept, and the length of one. */
  about_fields: 64,
  about_chars: 400,
  /** Devices that an agent may have waiting for approval. */
  waiting: 1_000,
  /** Invites kept at the same time. */
  invites: 10_000,
  invite_uses: 10_000,
  invite_ttl_s: 30 * 86_400,
  /** How long an expired invite still answers `expired` instead of `unauthorized`. */
  expired_kept_ms: 7 * 86_400_000,
  /** Transitions of a device that availability can look back on. */
  transitions: 500,
} as const;
