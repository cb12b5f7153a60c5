/** PORT: what the parts of the hub offer each other; `hub.ts` builds them and connects their signals. */
import type { Labels, MetricDeclaration } from '@muster/shared/metrics';
import type { Signal } from '@muster/shared/signal';
import type { LiveAlert, LiveAlertEvent, LiveDevice, LiveValue, PresenceState, Severity } from '@muster/shared/wire/live';
import type { About, Birth, WireMetric } from '@muster/shared/wire/messages';
import type { BusCounts, Grant, Link } from './bus/bus.js';
import type { EarningsBook, MoneyDesk } from './earnings/earnings-port.js';
import type * as fiat from './earnings/fiat-port.js';
import type { NotifyDesk } from './notify/notify-port.js';
import type { HubSources } from './sources/sources-port.js';
import type { Change, Json, LedgerEntry, Reader, StoreStats } from './store/store.js';

// ---- devices

export interface Device {
  id: string;
  name: string;
  site: string | null;
  tags: string[];
  about: About;
  agent_version: string | null;
  interval_ms: number | null;
  /** The agent that speaks for it; null when it speaks for itself. */
  carried_by: string | null;
  created_at: number;
  watts: number | null;
  /** Decimal string in the hub's currency. */
  purchase_price: string | null;
  /** Share of the income that the host keeps, 0..1. */
  hosting_share: number | null;
}
export type DevicePatch = Partial<Pick<Device, 'name' | 'site' | 'tags' | 'watts' | 'purchase_price' | 'hosting_share'>>;

export interface Site {
  id: string;
  name: string;
  /** Price of a kWh, decimal string; null when unknown. */
  tariff: string | null;
  time_zone: string;
  /** Times of use with another price; the first that fits holds. */
  tariff_periods?: fiat.TariffPeriod[] | undefined;
}

/** Devices, their credentials, columns and metrics; all in memory, mirrored in the store. */
export interface Registry {
  get(id: string): Device | undefined;
  all(): Iterable<Device>;
  patch(id: string, patch: DevicePatch): Promise<Device>;
  /** Deletes the device, its credential, rows and ledger entries. */
  remove(id: string): Promise<void>;
  /** Makes a device with a fresh key (or a new key for an existing one); the key is answered once and kept as SHA-256 only. */
  credential(id: string, options: { carries?: readonly string[]; about?: About }): Promise<{ key: string }>;
  carries(agent: string, devices: readonly string[]): Promise<void>;
  /** Makes those that are missing, without a key: only the hub's own sources speak for them. Answers which were made. */
  place(devices: readonly string[]): Promise<string[]>;
  /** Adds to what a device's metrics are; answers the changes to commit. */
  declare(device: string, metrics: readonly WireMetric[]): Change[];
  verify(agent: string, password: Uint8Array): Grant | null;
  /** Takes what a birth says; answers the changes to commit before its PUBACK. */
  born(grant: Grant, birth: Birth): Change[];
  /** The list behind a columns id of a device, undefined when unknown. */
  columns(device: string, id: string): readonly string[] | undefined;
  declaration(device: string, metric: string): MetricDeclaration;
  /** Every declared metric over the fleet. */
  catalogue(): { metric: string; declaration: MetricDeclaration }[];
  /** Devices named by a birth that its credential does not hold. */
  waiting(): { agent: string; device: string }[];
  sites: Shelf<Site>;
  changed: Signal<string>;
  removed: Signal<string>;
  /** Credential changed or gone: its connections must end. */
  revoked: Signal<string>;
}

/** A small set of records kept by id. */
export interface Shelf<T extends { id: string }> {
  all(): T[];
  get(id: string): T | undefined;
  put(record: T): Promise<void>;
  delete(id: string): Promise<boolean>;
}

export interface Invite {
  uses: number;
  ttl_s: number;
  device?: string | undefined;
  carries?: string[] | undefined;
}
export interface Joined {
  device: string;
  key: string;
}
export interface Joining {
  invite(invite: Invite, by: string): Promise<{ token: string; expires: number }>;
  /** Throws `unauthorized` (unknown token), `expired` or `conflict` (device exists and is not named by the invite). */
  join(request: { token: string; device: string; about?: About | undefined }, remote: string): Promise<Joined>;
}

export interface Presence {
  state: PresenceState;
  since: number;
  last_seen: number | null;
  boot: string | null;
}
/** A change of state, with the receive time that caused it. */
export interface PresenceChange extends Presence {
  device: string;
  before: PresenceState;
}
export interface PresenceKeeper {
  get(device: string): Presence;
  changed: Signal<PresenceChange>;
  /** Closed intervals of the states a device was in, newest last, within [from, to). */
  availability(device: string, from: number, to: number): Promise<{ state: PresenceState; from: number; to: number }[]>;
}

// ---- values

export interface ShapeView {
  series(slot: number): { readonly metric: string; readonly labels: Labels };
  slotsOf(metric: string): readonly number[];
}

/** The values of a report that are newer than what was known; holds while its emission lasts. */
export interface LatestUpdate {
  readonly device: string;
  /** Made when it is read: ask `touches` first. */
  readonly values: readonly LiveValue[];
  /** Whether one of the values is of this metric. */
  touches?(metric: string): boolean;
  /** The list of series that the device reports: one object for all that report the same. Only to remember something by. */
  readonly shape?: ShapeView;
  /** Its value of a slot of the shape; NaN when it brings none. */
  at?(slot: number): number;
}

/** The newest value of a series; never changed, but made anew. */
export interface FleetValue {
  readonly device: string;
  readonly labels: Labels;
  readonly value: number;
  readonly ts: number;
}

/** Newest live value of every series; judged and shown on receipt, before the commit. */
export interface Latest {
  of(device: string): LiveValue[];
  /** The same of one metric alone. */
  ofMetric?(device: string, metric: string): LiveValue[];
  value(device: string, series: string): { value: number; ts: number } | undefined;
  /** Over the fleet, by metric id; in order of device and series. */
  across(metric: string): FleetValue[];
  /** One emission per accepted report that holds newer values. */
  updated: Signal<LatestUpdate>;
}

// ---- alerts

/** The narrower wins: device > site > tag > kind > network > all. `kind`: what the device is, such as `raspberry_pi`, `linux`, `gpu` or `carried`. */
export type RuleScope =
  | { all: true }
  | { network: string }
  | { kind: string }
  | { tag: string }
  | { site: string }
  | { device: string };
/** A rule as configured; `id` is the operator's, `rule` names the declaration. */
export interface RuleSetting {
  id: string;
  rule: string;
  title: string;
  enabled: boolean;
  /** Other than the declaration's: of all its alerts, also of those that the rule itself would call milder or worse. */
  severity: Severity;
  scope: RuleScope;
  /** Of its scope these are left out for good: for them the next wider setting holds, where there is one. */
  except?: Exclude<RuleScope, { all: true }>[] | undefined;
  config: Json;
}
/** What a rule would have said of the past. */
export interface RulePreview {
  from: number;
  to: number;
  /** Devices in its scope, and how many of them were looked at before a bound was reached. */
  devices: number;
  looked_at: number;
  complete: boolean;
  /** Sentences about what stored history does not show. */
  unseen?: string[] | undefined;
  /** `to` null: it would be open now. */
  items: {
    device: string;
    subject: string;
    from: number;
    to: number | null;
    value: number | null;
    why: string;
    severity: Severity;
  }[];
}
export interface AlertsDesk {
  open(): LiveAlert[];
  get(id: string): LiveAlert | undefined;
  /** Open and recently resolved, newest first. */
  list(filter: { state?: string | undefined; device?: string | undefined }): LiveAlert[];
  acknowledge(ids: readonly string[], by: string, comment: string | null): Promise<LiveAlert[]>;
  /** The same, naming who takes care of them. */
  assign(ids: readonly string[], mark: { by: string; owner: string; comment: string | null }): Promise<LiveAlert[]>;
  /** Nobody takes care of them any more: they are repeated and escalated again. */
  unacknowledge(ids: readonly string[], by: string, comment: string | null): Promise<LiveAlert[]>;
  /** No notice of them until then; null wakes them. */
  snooze(ids: readonly string[], by: string, until: number | null): Promise<LiveAlert[]>;
  counts(device: string): { firing: number; pending: number };
  rules(): RuleSetting[];
  /** As they would be kept; throws as `setRules` does. */
  checkRules(rules: unknown): RuleSetting[];
  /** With the version that was read, nobody's change is overwritten unseen. */
  setRules(rules: RuleSetting[], by: string, version?: string): Promise<RuleSetting[]>;
  /** Plays stored history through a rule; refuses one that could not be set. */
  preview(
    rule: RuleSetting,
    options: { days: number; reader: Pick<Reader, 'series'>; signal?: AbortSignal },
  ): Promise<RulePreview>;
  /** `default_config` null: off until somebody adds it. `many`: several of a scope stand beside each other. */
  declarations(): { id: string; title: string; severity: Severity; config: Json; default_config: Json; many: boolean }[];
  /** Events with a number greater than `after`, rising. */
  events(after: number, limit: number): Promise<LiveAlertEvent[]>;
  /** Newest event number. */
  readonly newest: number;
  event: Signal<LiveAlertEvent>;
  /** Ids of open alerts of which something beside their events has changed: `unknown`, `silenced` or `stake`. */
  touched?: Signal<readonly string[]> | undefined;
}

// ---- auth

export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Identity {
  kind: 'session' | 'token' | 'control' | 'admin_token';
  /** Id of the session or token; sockets of it end with it. */
  id: string;
  name: string;
  role: Role;
}
export interface UserView {
  name: string;
  role: Role;
  created_at: number;
}
export interface TokenView {
  id: string;
  title: string;
  role: Role;
  created_at: number;
  created_by: string;
  last_used: number | null;
}
export interface Auth {
  /** True until the first user exists. */
  readonly setup_needed: boolean;
  /** One-time code of the set-up link; null once used. */
  readonly setup_code: string | null;
  setup(request: { code: string; name: string; password: string }): Promise<{ session: string }>;
  login(request: { name: string; password: string }, remote: string): Promise<{ session: string }>;
  logout(identity: Identity): Promise<void>;
  /** From the session cookie or a bearer token; null = nobody. */
  identify(credentials: { session?: string | undefined; bearer?: string | undefined }): Identity | null;
  changePassword(identity: Identity, request: { old: string; new: string }): Promise<void>;
  users(): UserView[];
  addUser(user: { name: string; password: string; role: Role }, by: Identity): Promise<UserView>;
  removeUser(name: string, by: Identity): Promise<void>;
  tokens(): TokenView[];
  addToken(token: { title: string; role: Role }, by: Identity): Promise<TokenView & { token: string }>;
  removeToken(id: string, by: Identity): Promise<void>;
  /** A session or token id that is no longer good. */
  ended: Signal<string>;
}

// ---- the hub itself

export interface QuarantineCounts {
  [reason: string]: number;
}
export interface SelfView {
  started_at: number;
  version: string;
  store_healthy: boolean;
  store_since: number;
  connections: number;
  devices: number;
  quarantined: QuarantineCounts;
  bus: BusCounts;
}

/** What links know that presence and the API need. */
export interface Uplinks {
  connected(agent: string): Link | undefined;
  command(agent: string, command: { id: string; command: string; args?: Record<string, unknown> }): boolean;
}

/** How devices and browsers reach this hub. */
export interface Addresses {
  http: string;
  https: string | null;
  mqtt: string | null;
  mqtts: string | null;
  /** `sha256:…` of the hub's public key (SPKI). */
  pin: string;
}

export interface Audit {
  /** Who did what to which; stored, listed by `GET /audit`. */
  note(by: string, action: string, subject: string, detail?: Json): Promise<void>;
}

export interface Parts {
  now: () => number;
  registry: Registry;
  joining: Joining;
  presence: PresenceKeeper;
  latest: Latest;
  alerts: AlertsDesk;
  earnings: EarningsBook;
  sources: HubSources;
  money: MoneyDesk;
  auth: Auth;
  notify: NotifyDesk;
  audit: Audit;
  reader: Reader;
  uplinks: Uplinks;
  addresses: () => Addresses;
  self: () => SelfView;
  /** One line of the fleet list, as `GET /devices` and the live channel give it. */
  view: (device: string) => LiveDevice | undefined;
  views: () => LiveDevice[];
}

export * from './earnings/earnings-port.js';
export * from './earnings/fiat-port.js';
export * from './notify/notify-port.js';
export * from './sources/sources-port.js';
export type { LedgerEntry, StoreStats };
