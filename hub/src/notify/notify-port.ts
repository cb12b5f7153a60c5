/** PORT: notices about alerts, as API and dashboard know them; `parts.ts` gives it on. */
import type { LiveAlert, Severity } from '@muster/shared/wire/live';
import type { GenericSchema } from 'valibot';
import type { Json } from '../store/store.js';

// ---- channels

export interface NotifierSetting {
  /** Id of the declaration. */
  kind: string;
  config: { [field: string]: Json | undefined };
  enabled?: boolean | undefined;
  /** Notices a minute; what is beyond waits and is told of in one. */
  per_minute?: number | undefined;
}
/** As the API shows it: every secret masked. */
export interface NotifierView {
  id: string;
  kind: string;
  config: { [field: string]: Json | undefined };
  enabled: boolean;
  per_minute: number;
  state: 'ok' | 'failed' | 'waiting';
  last_ok: number | null;
  last_error: string | null;
  /** Notices that wait to be sent. */
  waiting: number;
  /** Notices that the limit put into one with others, since the hub started. */
  held_back: number;
  /** Notices given up since the hub started. */
  given_up: number;
  /** When it is tried again after a failure. */
  next_at: number | null;
}

// ---- who is told what, and when

export type NoticeScope =
  | { all: true }
  | { tag: string }
  | { site: string }
  | { device: string }
  | { network: string }
  /** Id of a rule setting. */
  | { rule: string };

/** A span of the day on some days of the week; `to` at or before `from` is on the next day. */
export interface WeeklyTimes {
  /** 1 Monday … 7 Sunday; of the day on which it begins. */
  days: number[];
  /** `HH:MM` */
  from: string;
  to: string;
  time_zone: string;
}

export interface NoticeRoute {
  id: string;
  match: { severity: Severity; scope: NoticeScope; times: WeeklyTimes | null };
  /** Ids of notifiers; null: all there are. */
  notifiers: string[] | null;
  group_by: 'site' | 'rule' | 'none';
  /** How long a notice waits for company, at most a second. */
  wait_ms: number;
  /** While it fires and nobody acknowledges it; null: told once. */
  repeat_ms: number | null;
  /** Told to others too when nobody acknowledges it in time. */
  escalate: { after_ms: number; notifiers: string[] } | null;
  resolved: boolean;
  /** What is not critical waits until they end. */
  quiet_hours: WeeklyTimes | null;
  /** The routes behind it are looked at too; else the first that matches holds. */
  go_on: boolean;
}

export interface SilenceSetting {
  scope: NoticeScope;
  /** Once, or every week. */
  from?: number | undefined;
  to?: number | undefined;
  weekly?: WeeklyTimes | undefined;
  comment: string;
}
export interface Silence extends SilenceSetting {
  id: string;
  by: string;
  created_at: number;
}

/** A span in which alerts of a scope gave no notice. */
export interface SilencedWindow {
  scope: NoticeScope;
  from: number;
  to: number;
}

// ---- incidents

/** Devices of one place that went away together. */
export interface Incident {
  id: string;
  /** A site's id; null where only the address is shared. */
  site: string | null;
  /** Name of the site, or the address. */
  place: string;
  devices: string[];
  count: number;
  /** How many are still away. */
  away: number;
  started: number;
  resolved: number | null;
  per_hour: AtStake | null;
}
export interface AtStake {
  currency: string;
  /** Decimal text; of the devices whose income is known. */
  fiat: string;
}

/** Dead man's switch: an outside address that hears from a healthy hub. */
export interface HeartbeatView {
  /** Scheme and host: the path is a secret. */
  address: string | null;
  every_s: number;
  last_ok: number | null;
  last_error: string | null;
}

export interface NotifyDesk {
  kinds(): { id: string; title: string; docs: string; config: GenericSchema }[];
  notifiers(): NotifierView[];
  notifier(id: string): NotifierView | undefined;
  putNotifier(id: string, setting: NotifierSetting): Promise<NotifierView>;
  deleteNotifier(id: string): Promise<boolean>;
  /** Sends a notice to try it; throws what went wrong. */
  test(id: string): Promise<void>;
  routes(): NoticeRoute[];
  /** Checks them; throws `bad_request` naming the field. */
  setRoutes(routes: unknown): Promise<NoticeRoute[]>;
  silences(): Silence[];
  addSilence(silence: unknown, by: string): Promise<Silence>;
  deleteSilence(id: string): Promise<boolean>;
  /** Open ones and lately resolved, newest first. */
  incidents(): Incident[];
  heartbeat(): HeartbeatView;
  setHeartbeat(change: { url?: string | null | undefined; every_s?: number | undefined }): Promise<HeartbeatView>;
  /** Why it gives no notice at present; null: it does. */
  silenced(alert: LiveAlert): string | null;
  /** Times within [from, to) in which silences held, those that are over included; each with what it is for. */
  windows(from: number, to: number): Promise<SilencedWindow[]>;
}
