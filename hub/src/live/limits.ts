/** Every bound of the live channel, each with its reason. */
export interface LiveLimits {
  /** Samples and fleet changes leave at most four times a second. */
  tick_ms: number;
  /** State changes leave at once, up to so many frames in a tick; a fleet that comes back waits for the tick. */
  urgent_frames: number;
  ping_ms: number;
  sockets: number;
  /** Tabs of one session or users of one token. */
  sockets_per_identity: number;
  /** What a browser sends is a subscription. */
  max_payload: number;
  /** Unsent bytes above which a client gets the newest state later instead of every delta. */
  behind_bytes: number;
  /** A client that stays behind for so long is closed; it comes back and resumes by number. */
  behind_ms: number;
  /** A snapshot of a large fleet and the alert events of half a minute; a client that makes the hub hold more is cut off. */
  unsent_bytes: number;
  /** A page of replayed alert events. */
  replay_page: number;
  /** Alert events that happen during one replay; beyond, the client starts over. */
  replay_queue: number;
  /** Each subscription costs a snapshot of the fleet: a burst, then one per second. */
  subscribes: number;
  /** Messages that make no sense, before the socket is closed. */
  mistakes: number;
  /** For the other side to answer a close. */
  close_ms: number;
}

export const LIVE_LIMITS: LiveLimits = {
  tick_ms: 250,
  urgent_frames: 20,
  ping_ms: 20_000,
  sockets: 500,
  sockets_per_identity: 50,
  max_payload: 65_536,
  behind_bytes: 1_000_000,
  behind_ms: 30_000,
  unsent_bytes: 32_000_000,
  replay_page: 500,
  replay_queue: 5_000,
  subscribes: 30,
  mistakes: 20,
  close_ms: 5_000,
};

/** Close codes: 4000 + the HTTP status of the same reason. */
export const CLOSE = { going_away: 1001, ended: 4401, too_slow: 4408, too_many: 4429, mistakes: 4400, failed: 1011 } as const;
