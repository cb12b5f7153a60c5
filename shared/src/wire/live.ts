import * as v from 'valibot';
import { deviceId } from './messages.js';

/** `/api/v1/live`: what the browser says and hears (DESIGN §5). */
export const channel = v.union([
  v.picklist(['fleet', 'alerts']),
  v.pipe(
    v.string(),
    v.startsWith('device:'),
    v.check((text) => v.is(deviceId, text.slice(7)), 'must be device:ID'),
  ),
]);

export const subscribe = v.object({
  kind: v.literal('subscribe'),
  channels: v.pipe(v.array(channel), v.minLength(1), v.maxLength(16)),
  /** The last alert event number that the client has; events after it are replayed. */
  after: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});
export type Subscribe = v.InferOutput<typeof subscribe>;
export type Channel = v.InferOutput<typeof channel>;

export const PRESENCE_STATES = ['never_seen', 'online', 'quiet', 'lost', 'stopped', 'reconnecting', 'unknown'] as const;
export type PresenceState = (typeof PRESENCE_STATES)[number];

export const ALERT_STATES = ['pending', 'firing', 'resolved'] as const;
export type AlertState = (typeof ALERT_STATES)[number];
export type Severity = 'critical' | 'warning' | 'info';

/** One line of the fleet list; `main` holds the latest value of the metrics that the list shows, by series key. */
export interface LiveDevice {
  id: string;
  name: string;
  state: PresenceState;
  since: number;
  last_seen: number | null;
  boot: string | null;
  site: string | null;
  tags: string[];
  /** The agent that carries it, else null. */
  carried_by: string | null;
  main: Record<string, number>;
  /** Today's income by token, base units as decimal strings. */
  earnings_today: { network: string; token: string; decimals: number; amount: string; estimated: boolean }[];
  alerts: { firing: number; pending: number };
}

/** An alert as it stands. */
export interface LiveAlert {
  id: string;
  rule: string;
  device: string;
  device_name: string;
  title: string;
  why: string;
  severity: Severity;
  state: AlertState;
  value: number | null;
  since: number;
  fired_at: number | null;
  resolved_at: number | null;
  acknowledged: { by: string; at: number; comment: string | null } | null;
  /** What of the device it is about (a series key); missing or '': the device itself. */
  subject?: string | undefined;
  /** No notice until then. */
  snoozed?: { by: string; at: number; until: number } | null | undefined;
  /** Why it gives no notice at present, such as the comment of a silence; only in lists and snapshots. */
  silenced?: string | null | undefined;
  /** Number of its newest event. */
  event: number;
  /** It has fired again and again lately: it stays open until it has been calm for long. */
  flapping?: boolean | undefined;
}

/** A numbered, stored change of an alert; `number` is null only for what the store could not commit yet. */
export interface LiveAlertEvent {
  number: number | null;
  ts: number;
  change: 'pending' | 'firing' | 'resolved' | 'cancelled' | 'acknowledged' | 'snoozed';
  by: string;
  alert: LiveAlert;
}

export interface LiveValue {
  metric: string;
  labels: Record<string, string>;
  value: number;
  ts: number;
}

/** What the server sends. `snapshot` opens a subscription; then deltas. */
export type LiveMessage =
  | {
      kind: 'snapshot';
      now: number;
      event: number;
      devices?: LiveDevice[];
      alerts?: LiveAlert[];
      device?: { id: string; values: LiveValue[] };
    }
  | { kind: 'devices'; devices: LiveDevice[]; removed?: string[] }
  | { kind: 'samples'; device: string; values: LiveValue[] }
  | { kind: 'alert'; event: LiveAlertEvent }
  | { kind: 'earnings'; device: string; earnings_today: LiveDevice['earnings_today'] }
  /** Events between `after` and `from` are no longer kept: fetch `/alerts` anew. */
  | { kind: 'gap'; after: number; from: number }
  | { kind: 'error'; code: string; message: string };
