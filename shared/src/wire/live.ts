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

/** What a device is expected to earn in an hour; decimal strings, tokens in base units. */
export interface LiveStake {
  currency: string;
  /** Null: no price is known. */
  fiat_per_hour: string | null;
  tokens: { network: string; token: string; decimals: number; amount_per_hour: string }[];
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
  /** `owner`: who takes care of it; whoever acknowledged it unless said otherwise. */
  acknowledged: { by: string; at: number; comment: string | null; owner?: string | undefined } | null;
  /** What of the device it is about (a series key); missing or '': the device itself. */
  subject?: string | undefined;
  /** No notice until then. */
  snoozed?: { by: string; at: number; until: number } | null | undefined;
  /** Why it gives no notice at present, such as the comment of a silence. */
  silenced?: string | null | undefined;
  /** Its device is away, so whether it still holds is not known: it neither resolves nor repeats. */
  unknown?: boolean | undefined;
  /** What an hour without its device costs; null: nothing to go by. */
  stake?: LiveStake | null | undefined;
  /** Number of its newest event. */
  event: number;
  /** It has fired again and again lately: it stays open until it has been calm for long. */
  flapping?: boolean | undefined;
}

/** A numbered, stored change of an alert; `number` is null only for what the store could not commit yet. */
export interface LiveAlertEvent {
  number: number | null;
  ts: number;
  change: 'pending' | 'firing' | 'resolved' | 'cancelled' | 'acknowledged' | 'unacknowledged' | 'snoozed';
  by: string;
  /** What the person who did it gave as the reason. */
  comment?: string | null | undefined;
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
  /** Open alerts of which something beside their events has changed: `unknown`, `silenced` or `stake`. No event of theirs is missing. */
  | { kind: 'alerts'; alerts: LiveAlert[] }
  | { kind: 'earnings'; device: string; earnings_today: LiveDevice['earnings_today'] }
  /** Events between `after` and `from` are no longer kept: fetch `/alerts` anew. */
  | { kind: 'gap'; after: number; from: number }
  | { kind: 'error'; code: string; message: string };
