import { AppError, asAppError } from '@muster/shared/errors';
import type { Http, HttpReply, HttpRequest } from '@muster/shared/http';
import { check } from '@muster/shared/schema';
import type { FixtureCase } from '@muster/shared/testing/cases';
import type { MqttMessage, Notice, NotifierDeclaration, PushWay, SmtpMessage } from '../notifier.js';

/** A case of a notifier's fixture: what it sends exactly, what the service answers, and what follows from that. */
export interface NotifierCase extends FixtureCase {
  config: unknown;
  /** What differs from `NOTICE`. */
  notice?: Partial<Notice>;
  http?: { asks: AskedFor; reply?: Partial<HttpReply> & { json?: unknown }; fails?: 'timeout' | 'unreachable' }[];
  smtp?: SmtpMessage;
  mqtt?: MqttMessage;
  /** Browsers that there are. */
  push?: PushWay;
  /** `retry` is what the code says. */
  expect: { sent: true } | { error: { code: string; retry: boolean; details: Record<string, unknown> } };
}

/** A request as a fixture holds it; `bytes` in base64url. */
export interface AskedFor {
  method: string;
  url: string;
  headers: Record<string, string>;
  json?: unknown;
  bytes?: string;
}

export const FIXTURE_NOW = Date.UTC(2026, 0, 1, 12);

export const NOTICE: Notice = {
  idempotency_key: 'n-41-2',
  title: 'garage-3 is offline',
  text: 'No message for 20 s.\nAt stake: 0.42 USD per hour.',
  severity: 'critical',
  resolved: false,
  link: 'https://muster.example.org/alerts/41',
  event: 41,
  ts: FIXTURE_NOW - 5_000,
  thread: 'alert-41',
};

/** Bytes that are the same each time. */
export const countingRandom = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, at) => at + 1);

export interface Played {
  http: AskedFor[];
  smtp: SmtpMessage[];
  mqtt: MqttMessage[];
  outcome: NotifierCase['expect'];
}

/** Sends the case's notice to a service that answers as recorded, in order. */
export const playNotifier = async (notifier: NotifierDeclaration, one: NotifierCase): Promise<Played> => {
  const played: Played = { http: [], smtp: [], mqtt: [], outcome: { sent: true } };
  const replies = [...(one.http ?? [])];
  const http: Http = {
    async request(request) {
      played.http.push(askedFor(request));
      const { reply = {}, fails } = replies.shift() ?? { fails: 'unreachable' as const };
      if (fails) throw new AppError(fails, `${request.url}: ${fails}`);
      return asReply(reply);
    },
  };
  try {
    await notifier.send({
      config: check(notifier.config, one.config, 'the config of the fixture', 'bad_settings'),
      notice: { ...NOTICE, ...one.notice },
      http,
      signal: new AbortController().signal,
      now: FIXTURE_NOW,
      random: countingRandom,
      push: one.push,
      smtp: async (message) => void played.smtp.push(JSON.parse(JSON.stringify(message))),
      mqtt: async (message) => void played.mqtt.push(JSON.parse(JSON.stringify(message))),
    });
  } catch (error) {
    const { code, retry, details } = asAppError(error);
    played.outcome = { error: { code, retry, details: JSON.parse(JSON.stringify(details)) } };
  }
  return played;
};

const askedFor = ({ url, method = 'GET', headers = {}, body, bytes }: HttpRequest): AskedFor => {
  const text = body ?? (bytes && headers['content-type'] === 'application/json' ? Buffer.from(bytes).toString() : undefined);
  if (text !== undefined) return { method, url, headers, json: JSON.parse(text) };
  return { method, url, headers, ...(bytes && { bytes: Buffer.from(bytes).toString('base64url') }) };
};

const asReply = ({ status = 200, headers = {}, text, json }: Partial<HttpReply> & { json?: unknown }): HttpReply => ({
  status,
  headers,
  text: text ?? JSON.stringify(json ?? {}),
});
