import type { Log } from '@muster/shared/log';
import type { AedesOptions, ConnectPacket, PublishPacket, Subscription } from 'aedes';
import type { BusCounts, BusHandlers, Grant, Outcome, Received } from './bus.js';
import { createNoPersistence, createNoRouting } from './forgetful.js';
import { judgeConnect, judgePublish, maySubscribe } from './gate.js';
import type { BusLimits } from './limits.js';
import type { Session } from './session.js';
import type { Sessions } from './sessions.js';
import type { Tries } from './tries.js';

export interface HookNeeds {
  handlers: BusHandlers;
  log: Log;
  limits: BusLimits;
  sessions: Sessions;
  tries: Tries;
  counts: BusCounts;
}

type Hooks = Required<Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe'>>;
type AuthDone = (error: (Error & { returnCode: number }) | null, success: boolean | null) => void;
type PublishDone = (error?: Error | null) => void;

/** The hooks of aedes, none of which may throw: each calls back exactly once, or never where the connection is gone. */
export const createHooks = (needs: HookNeeds) => {
  const login = createLogin(needs);
  const intake = createIntake(needs);
  const hooks: Hooks = {
    preConnect(client, packet, callback) {
      const session = needs.sessions.of(client);
      if (!session || session.over) return;
      takeRequest(session, packet, needs.limits);
      // Its end is judged by the connection; a will that never reaches the broker can never fire (broker-traps 12).
      delete packet.will;
      callback(null, true);
    },
    authenticate(client, _user, password, callback) {
      const session = needs.sessions.of(client);
      if (!session || session.over) return;
      login(session, password, callback);
    },
    authorizePublish(client, packet, callback) {
      const session = client ? needs.sessions.of(client) : undefined;
      if (session) intake(session, packet, callback);
    },
    authorizeSubscribe(client, subscription, callback) {
      callback(null, subscribe(needs.sessions.of(client), subscription));
    },
  };
  return { hooks, mq: createNoRouting(), persistence: createNoPersistence() };
};

const takeRequest = (session: Session, packet: ConnectPacket, limits: BusLimits): void => {
  const { will, protocolVersion = 4 } = packet;
  session.claimed = packet.clientId;
  session.keepalive_s = packet.keepalive ?? 0;
  // The broker keeps no timer: reports do not pass it, and one sweep over all is cheaper than 10,000 timers.
  packet.keepalive = 0;
  session.verdict = judgeConnect({
    client_id: packet.clientId,
    user: packet.username,
    keepalive_s: session.keepalive_s,
    keepalive_max_s: limits.keepalive_max_s,
    clean: packet.clean !== false,
    will: will ? { topic: will.topic, payload: Buffer.from(will.payload), retain: will.retain === true } : null,
  });
  // The broker answers an unknown protocol itself (CONNACK 1), before it asks for a login.
  if (protocolVersion !== 3 && protocolVersion !== 4)
    session.blame('malformed', `MQTT protocol level ${protocolVersion} is not served`);
  else if (!session.verdict.ok) session.blame(session.verdict.reason, session.verdict.detail);
};

/** CONNACK return codes of MQTT 3.1.1. */
const UNAVAILABLE = 3;
const WRONG_KEY = 4;
const NOT_AUTHORIZED = 5;

const createLogin = (needs: HookNeeds) => (session: Session, password: Uint8Array | undefined, callback: AuthDone) => {
  const refuse = (returnCode: number) => callback(Object.assign(new Error('login refused'), { returnCode }), false);
  const { verdict, remote } = session;
  if (!verdict?.ok) refuse(verdict?.code ?? NOT_AUTHORIZED);
  else if (!needs.tries.allowed(remote, verdict.agent)) {
    session.blame('too_many_tries', 'too many wrong keys from this address or for this device');
    refuse(UNAVAILABLE);
  } else {
    const grant = verify(verdict.agent, password ?? new Uint8Array(), needs);
    if (grant === 'failed') refuse(UNAVAILABLE);
    else if (grant) {
      needs.tries.succeeded(remote, verdict.agent);
      session.grant = grant;
      callback(null, true);
    } else {
      needs.tries.failed(remote, verdict.agent);
      session.blame('wrong_key', 'unknown device or wrong key');
      refuse(WRONG_KEY);
    }
  }
};

const verify = (agent: string, password: Uint8Array, { handlers, log }: HookNeeds): Grant | null | 'failed' => {
  try {
    const grant = handlers.verify(agent, password);
    return grant?.agent === agent ? grant : null;
  } catch (error) {
    log.error('A handler of the bus failed', { error });
    return 'failed';
  }
};

const createIntake = (needs: HookNeeds) => (session: Session, packet: PublishPacket, callback: PublishDone) => {
  const { link } = session;
  // A connection that is ending: nothing is taken from it any more, what it sent comes again.
  if (!link || session.over || session.conn.destroyed) return;
  const verdict = judgePublish(link.grant, packet.topic);
  if (!verdict.ok) {
    session.refuse('foreign_topic', `${verdict.detail}: ${shown(packet.topic)}`);
    callback(new Error('foreign topic'));
    return;
  }
  packet.retain = false;
  needs.counts.received += 1;
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
  const done = session.hold(payload.length, callback);
  handOver(needs, session, { message: { device: verdict.device, kind: verdict.kind, payload }, done });
};

/** What the lane took: no topic to judge, PUBACK is ours. */
export const createReportIntake =
  (needs: Pick<HookNeeds, 'handlers' | 'log' | 'counts'>) =>
  (session: Session, { packet_id, payload }: { packet_id: number; payload: Buffer }): void => {
    if (!session.link) return;
    needs.counts.received += 1;
    const done = session.hold(payload.length, packet_id);
    handOver(needs, session, { message: { device: session.link.grant.agent, kind: 'report', payload }, done });
  };

interface Handover {
  message: Received;
  done: (outcome: Outcome) => void;
}

const handOver = (
  { handlers, log }: Pick<HookNeeds, 'handlers' | 'log'>,
  session: Session,
  { message, done }: Handover,
): void => {
  if (!session.link) return;
  try {
    handlers.received(session.link, message, done);
  } catch (error) {
    log.error('A handler of the bus failed; its message is not acknowledged', { error, agent: session.link.grant.agent });
    session.end('hub');
  }
};

/** Null: SUBACK says "refused" (0x80) and the client lives on, as MQTT has it; the first one of a connection is reported. */
const subscribe = (session: Session | undefined, subscription: Subscription): Subscription | null => {
  if (!session?.link || session.over) return null;
  if (maySubscribe(session.link.grant, subscription.topic)) {
    session.listens = true;
    return subscription;
  }
  session.blame('foreign_subscription', `may not be subscribed: ${shown(subscription.topic)}`);
  return null;
};

/** Safe for any log: escaped and cut. */
const shown = (topic: string): string => JSON.stringify(topic.slice(0, 100));
