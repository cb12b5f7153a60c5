/** PORT: a notifier is one file in `notifiers/` that exports `defineNotifier({...})`; it sends one notice, or throws an AppError whose code says if a retry helps. */
import type { Http } from '@muster/shared/http';
import type { Severity } from '@muster/shared/wire/live';
import type * as v from 'valibot';

/** A message about alerts, the same for every channel. */
export interface Notice {
  /** The same for every try of the same notice. */
  idempotency_key: string;
  title: string;
  text: string;
  severity: Severity;
  resolved: boolean;
  /** Opens the alert in the dashboard. */
  link: string | null;
  /** Newest alert event it tells of. */
  event: number;
  ts: number;
  /** The same for all notices of one alert or group, first to resolved: services that keep incidents close by it. Without it, the link. */
  thread?: string | undefined;
  /** Where in the dashboard it is, such as `/alerts?alert=7`: for who is there already. */
  path?: string | undefined;
  /** Acknowledges when it is posted to, and shows a page that does when it is opened; good for nothing else. A secret, as its last part is. */
  acknowledge?: { url: string } | undefined;
  /** What a button of the channel's own says back to acknowledge; at most 64 bytes. */
  acknowledge_code?: string | undefined;
}

/** A browser that asked for notices. */
export interface PushSubscription {
  /** Our name of it: the address itself lets anybody send. */
  id: string;
  endpoint: string;
  keys: { p256dh: string; auth: string };
}
export interface PushWay {
  /** VAPID key of this hub, 32 bytes in base64url. */
  private_key: string;
  subscriptions: readonly PushSubscription[];
}

/** A mail, and the server that takes it. */
export interface SmtpMessage {
  /** `smtp://host:587` (STARTTLS) or `smtps://host:465`. */
  server: string;
  user?: string | undefined;
  password?: string | undefined;
  /** `optional`: also to a server without TLS; a password never goes there. Loopback needs none. */
  tls: 'required' | 'optional';
  /** PEM of the authority to trust beside the system's. */
  ca?: string | undefined;
  from: string;
  to: readonly string[];
  subject: string;
  text: string;
  /** The same for every try, so that a mailbox can drop the second. */
  message_id: string;
  /** The same for every mail of one alert: mail programs show them as one thread. */
  thread_id: string;
  ts: number;
  urgent: boolean;
}

export interface MqttMessage {
  /** `mqtt://host:1883` or `mqtts://host:8883`. */
  server: string;
  user?: string | undefined;
  password?: string | undefined;
  ca?: string | undefined;
  topic: string;
  payload: string;
  qos: 0 | 1 | 2;
  retain: boolean;
}

/** Ways out beside HTTP; the real ones unless given. */
export interface NotifierWays {
  smtp?: ((message: SmtpMessage, signal: AbortSignal) => Promise<void>) | undefined;
  mqtt?: ((message: MqttMessage, signal: AbortSignal) => Promise<void>) | undefined;
  push?: PushWay | undefined;
  random?: ((bytes: number) => Uint8Array) | undefined;
  now?: number | undefined;
}

export interface NotifierCall<C = unknown> extends NotifierWays {
  config: C;
  notice: Notice;
  http: Http;
  signal: AbortSignal;
}

export interface ListenCall<C = unknown> {
  config: C;
  http: Http;
  signal: AbortSignal;
  now(): number;
  pause(ms: number): Promise<void>;
  /** Takes what a button said, and who pressed it; answers what to tell them. */
  answered(code: string, by: string): Promise<string>;
  /** A question was asked and answered: it can hear. */
  well(): void;
}

export interface NotifierDeclaration<S extends v.GenericSchema = v.GenericSchema> {
  id: string;
  title: string;
  docs: string;
  config: S;
  /** `details` of what it throws: `retry_after_ms` where the service says when; `gone` with ids of subscriptions to drop. */
  send(call: NotifierCall<v.InferOutput<S>>): Promise<void>;
  /** For services that are asked for answers: what is listened to, the same for configurations that share it; null: nothing. */
  hears?(config: v.InferOutput<S>): string | null;
  /** Listens until its signal ends it, or throws; it is then called again after a pause. */
  listen?(call: ListenCall<v.InferOutput<S>>): Promise<void>;
}

export const defineNotifier = <S extends v.GenericSchema>(declaration: NotifierDeclaration<S>): NotifierDeclaration<S> =>
  declaration;
