import type { HeartbeatView, NoticeRoute, RulePreview, RuleSetting, Silence, SilenceSetting } from '@muster/hub/parts';
import type { Labels } from '@muster/shared/metrics';
import type { Severity } from '@muster/shared/wire/live';
import type { ConfigSchema, Listing, SourceKind } from './client.js';

/** The part of the API that settings of alerts use: rules, notices, silences. */
/** `GET /notifiers`. */
export interface NotifierLine {
  id: string;
  kind: string;
  enabled: boolean;
  state: 'ok' | 'failed' | 'waiting';
  last_ok: number | null;
  last_error: string | null;
  waiting: number;
  held_back: number;
  given_up: number;
  per_minute: number;
  next_at: number | null;
  templates?: { title: string | null; text: string | null };
  acknowledge?: boolean;
  /** Why answers to its notices are not heard. */
  listen_error?: string | null;
}
/** `GET /notifiers/kinds`, and what a template may hold. */
export interface NotifierKinds extends Listing<SourceKind> {
  placeholders?: { name: string; help: string }[];
}
/** `GET /watches`. */
export interface HubWatchLine {
  id: string;
  title: string;
  url: string | null;
  every_s: number;
  state: 'waiting' | 'ok' | 'failing' | 'away';
  last_ok: number | null;
  last_error: string | null;
}
/** `GET /notifiers/{id}`: every secret is masked. */
export type NotifierDetail = NotifierLine & { config: Record<string, unknown> };
export interface NotifierBody {
  kind: string;
  config: Record<string, unknown>;
  enabled?: boolean;
  per_minute?: number;
  /** Null: the usual wording. */
  templates?: { title: string | null; text: string | null };
  acknowledge?: boolean;
}
/** A rule whose configuration is as its declaration gives it. */
export type Rule = Omit<RuleSetting, 'config'> & { config: Record<string, unknown> };
/** `GET /rules`: what a rule can be made of, with the JSON schema of its configuration. */
export interface RuleKind {
  id: string;
  title: string;
  severity: Severity;
  config: ConfigSchema;
  default_config: Record<string, unknown> | null;
  many: boolean;
}
export interface RulesReply {
  items: Rule[];
  /** Sent back with a change, it keeps another person's change from being overwritten. */
  version: string;
  declarations: RuleKind[];
}
/** `GET /push-subscriptions`. */
export interface PushReply {
  items: { id: string; title?: string; address?: string; created_at?: number }[];
  public_key: string;
}

export interface Calls {
  call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T>;
  get<T>(path: string): Promise<T>;
}

const id = encodeURIComponent;

export const settingsCalls = ({ call, get }: Calls) => ({
  latestOf: (metric: string) =>
    get<Listing<{ device: string; labels: Labels; value: number; ts: number }>>(`/series/${id(metric)}/latest`),
  notifiers: () => get<Listing<NotifierLine>>('/notifiers'),
  notifierKinds: () => get<NotifierKinds>('/notifiers/kinds'),
  notifier: (name: string) => get<NotifierDetail>(`/notifiers/${id(name)}`),
  addNotifier: (body: NotifierBody & { id?: string }) => call<unknown>('POST', '/notifiers', body),
  putNotifier: (name: string, body: NotifierBody) => call<unknown>('PUT', `/notifiers/${id(name)}`, body),
  testNotifier: (name: string) => call<unknown>('POST', `/notifiers/${id(name)}/test`, {}),
  deleteNotifier: (name: string) => call<unknown>('DELETE', `/notifiers/${id(name)}`),
  rules: () => get<RulesReply>('/rules'),
  putRules: (items: readonly Rule[], version: string) =>
    call<{ items: Rule[]; version: string }>('PUT', '/rules', { items, version }),
  checkRules: (items: unknown) => call<{ items: Rule[] }>('POST', '/rules/check', { items }),
  previewRule: (rule: Rule, days: number, signal?: AbortSignal) =>
    call<RulePreview>('POST', '/rules/preview', { rule, days }, signal),
  routes: () => get<{ items: NoticeRoute[]; version: string }>('/routes'),
  putRoutes: (items: readonly NoticeRoute[], version: string) =>
    call<{ items: NoticeRoute[]; version: string }>('PUT', '/routes', { items, version }),
  silences: () => get<Listing<Silence>>('/silences'),
  addSilence: (silence: SilenceSetting) => call<Silence>('POST', '/silences', silence),
  deleteSilence: (name: string) => call<unknown>('DELETE', `/silences/${id(name)}`),
  heartbeat: () => get<HeartbeatView>('/notifiers/heartbeat'),
  setHeartbeat: (change: { url?: string | null; every_s?: number }) => call<HeartbeatView>('PUT', '/notifiers/heartbeat', change),
  watches: () => get<Listing<HubWatchLine>>('/watches'),
  addWatch: (body: { title: string; url: string | null; every_s?: number }) =>
    call<HubWatchLine & { heartbeat: string | null }>('POST', '/watches', body),
  deleteWatch: (name: string) => call<unknown>('DELETE', `/watches/${id(name)}`),
  pushSubscriptions: () => get<PushReply>('/push-subscriptions'),
  addPushSubscription: (subscription: PushSubscriptionJSON & { title?: string }) =>
    call<{ id: string }>('POST', '/push-subscriptions', subscription),
  deletePushSubscription: (name: string) => call<unknown>('DELETE', `/push-subscriptions/${id(name)}`),
});
