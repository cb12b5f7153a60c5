/** Bounds of the notices, each with its reason. */
export const NOTIFY_LIMITS = {
  /** One more than anybody has; every tick looks at each. */
  notifiers: 100,
  routes: 100,
  silences: 1_000,
  /** Incidents kept in memory and on disk; older ones are in the event log as alerts. */
  incidents: 200,
  /** A configuration beyond this is a mistake. */
  config_bytes: 64_000,
  per_minute: 10,
  /** Longest template: a page of text. */
  template: 4_000,
  /** Longest text that a template can make, about what the widest channel takes: a placeholder may stand there many times. */
  rendered: 40_000,
  /** A notice can be acknowledged by its link or button so long; then the dashboard is the way. */
  acknowledge_ms: 7 * 86_400_000,
  /** Pause after listening for answers failed. */
  listen_again_ms: 30_000,
  longest_listen_again_ms: 600_000,
  /** Browsers that get notices, and those of one person. */
  subscriptions: 200,
  subscriptions_each: 20,
  /** Other hubs watched. */
  watches: 20,
  /** Failures in a row, and silence in so many times its rhythm, before a watched hub counts as away. */
  watch_failures: 3,
  watch_deadline_ms: 10_000,
  /** Notices that wait for one channel; beyond, the unsent ones become one. */
  waiting: 200,
  /** Alerts spelled out in one notice; the rest is counted. */
  lines: 20,
  /** Devices of one notice whose income is added up. */
  priced: 2_000,
  /** Channels that send at a time: as many as there can be, since each that hangs holds one of them for its deadline. */
  at_once: 100,
  deadline_ms: 20_000,
  backoff_ms: 5_000,
  longest_backoff_ms: 600_000,
  longest_retry_after_ms: 86_400_000,
  /** A notice that could not be delivered for so long helps nobody any more. */
  give_up_ms: 3 * 86_400_000,
  /** Failures in a row that make a channel an alert of its own: one may be a blip. */
  failures_alert: 2,
  /** An alert that comes back so soon after its end is flapping. */
  flap_back_ms: 15 * 60_000,
  /** So many times within this long is flapping, too. */
  flap_count: 3,
  flap_window_ms: 2 * 3_600_000,
  /** Of a flapping alert at most one notice in so long. */
  flap_notice_ms: 3_600_000,
  /** What stands for so long is no blip: it is told whatever came before. */
  flap_stands_ms: 15 * 60_000,
  /** Devices of a place that went away within this of each other are one incident. */
  incident_window_ms: 60_000,
  incident_devices: 3,
  /** While the last few of an incident stay away for so long, they become alerts of their own. */
  incident_rest_ms: 300_000,
} as const;
