/** Who may do what on the bus; pure. Everything that is not named here is refused. */
import { status } from '@muster/shared/wire/messages';
import { DEVICE_ID, parseTopic, topicOf, type UpwardKind } from '@muster/shared/wire/topics';
import * as v from 'valibot';
import type { BusRefusal, Grant } from './bus.js';

export interface ConnectRequest {
  client_id: string;
  user: string | undefined;
  keepalive_s: number;
  keepalive_max_s: number;
  clean: boolean;
  will: { topic: string; payload: Uint8Array; retain: boolean } | null;
}

/** `code` is the CONNACK return code of MQTT 3.1.1. */
export type ConnectVerdict =
  | { ok: true; agent: string }
  | { ok: false; reason: BusRefusal['reason']; code: 2 | 4 | 5; detail: string };

const refuse = (reason: BusRefusal['reason'], code: 2 | 4 | 5, detail: string): ConnectVerdict => ({
  ok: false,
  reason,
  code,
  detail,
});

/** Judges a CONNECT before its key is looked at. */
export const judgeConnect = (request: ConnectRequest): ConnectVerdict => {
  const { client_id, user, keepalive_s, keepalive_max_s, clean, will } = request;
  if (!DEVICE_ID.test(client_id)) return refuse('malformed', 2, 'the client id is no device id');
  if (user !== client_id) return refuse('wrong_key', 4, 'the user name is not the client id');
  if (!clean) return refuse('malformed', 5, 'only clean sessions are served');
  if (!(keepalive_s >= 1 && keepalive_s <= keepalive_max_s))
    return refuse('malformed', 5, `keepalive is ${keepalive_s} s; it must be 1 to ${keepalive_max_s} s`);
  const wrong = will && wrongWill(client_id, will);
  return wrong ? refuse('bad_will', 5, wrong) : { ok: true, agent: client_id };
};

const wrongWill = (agent: string, will: NonNullable<ConnectRequest['will']>): string | null => {
  if (will.topic !== topicOf(agent, 'status')) return 'the will is not on the own status topic';
  if (will.retain) return 'the will is retained';
  return isStatus(will.payload) ? null : 'the will is no status message';
};

const isStatus = (payload: Uint8Array): boolean => {
  try {
    return v.is(status, JSON.parse(Buffer.from(payload).toString('utf8')));
  } catch {
    return false;
  }
};

export type PublishVerdict = { ok: true; device: string; kind: UpwardKind } | { ok: false; detail: string };

/** A granted device's `report`, and every upward kind of the agent's own id but `status`, which comes as the will only. */
export const judgePublish = (grant: Grant, text: string): PublishVerdict => {
  const topic = parseTopic(text);
  if (!topic) return { ok: false, detail: 'not a topic of this wire' };
  const { device, kind } = topic;
  if (kind === 'command' || kind === 'status') return { ok: false, detail: `${kind} is not for agents to publish` };
  if (device === grant.agent) return { ok: true, device, kind };
  if (!grant.devices.has(device)) return { ok: false, detail: 'a device that the credential does not hold' };
  if (kind !== 'report') return { ok: false, detail: `${kind} of a carried device comes under its agent's id` };
  return { ok: true, device, kind };
};

/** Exactly the own command topic; no wildcard reaches it. */
export const maySubscribe = (grant: Grant, filter: string): boolean => filter === topicOf(grant.agent, 'command');
