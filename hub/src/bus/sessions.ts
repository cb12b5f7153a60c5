import type { Duplex } from 'node:stream';
import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';
import { topicOf } from '@muster/shared/wire/topics';
import type { Aedes, Client } from 'aedes';
import type { BusHandlers, BusRefusal, CloseReason } from './bus.js';
import type { Guard } from './guard.js';
import type { BusLimits } from './limits.js';
import { Session } from './session.js';

export interface SessionsNeeds {
  handlers: BusHandlers;
  log: Log;
  clock: Clock;
  refuse: (refusal: BusRefusal) => void;
}

/** All connections: which agent holds which, and how each of them ends. */
export const createSessions = ({ handlers, log, clock, refuse }: SessionsNeeds, limits: BusLimits) => {
  const byClient = new WeakMap<object, Session>();
  const clients = new WeakMap<Session, Client>();
  const byAgent = new Map<string, Session>();
  /** Accepted, not yet opened: they have a deadline. */
  const opening = new Set<Session>();
  const all = new Set<Session>();
  const watched = new Set<Guard>();
  const held = { bytes: 0 };
  let ids = 0;

  const needs = {
    limits,
    now: () => clock.monotonic(),
    held,
    watch: (guard: Guard) => void watched.add(guard),
    refused: (session: Session, reason: BusRefusal['reason'], detail: string) =>
      refuse({ reason, agent: claimedName(session.claimed), remote: session.remote, detail }),
  };

  const tell = (task: () => void): void => {
    try {
      task();
    } catch (error) {
      log.error('A handler of the bus failed', { error });
    }
  };

  /** The one place where a link ends; later calls for the same session find it over. */
  const finish = (session: Session, reason: CloseReason): void => {
    if (session.over) return;
    session.dispose();
    all.delete(session);
    opening.delete(session);
    const { link } = session;
    if (!link) return;
    if (byAgent.get(link.grant.agent) === session) byAgent.delete(link.grant.agent);
    tell(() => handlers.closed(link, reason));
  };
  const reasonOf = (session: Session, otherwise: CloseReason): CloseReason =>
    session.reason ?? (session.guard.goodbye ? 'clean' : otherwise);

  const accept = (conn: Duplex, remote: string, broker: Aedes): void => {
    const session = new Session(conn, remote, needs);
    all.add(session);
    opening.add(session);
    conn.on('error', () => {});
    conn.once('close', () => finish(session, reasonOf(session, 'lost')));
    const client = broker.handle(conn);
    byClient.set(client, session);
    clients.set(session, client);
    // After the broker's own listener: what it left unread is read now.
    conn.on('readable', () => session.guard.pump());
  };

  /** The broker has registered the client, and closed an older one of the same id just before. */
  const opened = (client: Client): void => {
    const session = byClient.get(client);
    if (!session?.grant || session.over || session.conn.destroyed) return;
    const { grant, remote, keepalive_s } = session;
    const old = byAgent.get(grant.agent);
    if (old) {
      const reason = reasonOf(old, 'taken_over');
      finish(old, reason);
      old.end(reason);
    }
    opening.delete(session);
    const link = { id: ++ids, grant, remote, keepalive_s };
    session.link = link;
    byAgent.set(grant.agent, session);
    tell(() => handlers.opened(link));
  };

  /** An end that the broker saw: its own time-outs and what its parser refused. Socket errors have a code and are no refusal. */
  const failed = (client: Client, error: Error): void => {
    const session = byClient.get(client);
    if (!session || session.over || session.reason || session.guard.goodbye || session.blamed) return;
    if ('code' in error || error.message === 'connection closed') return;
    const slow = error.message === 'connect did not arrive in time' || error.message === 'drain timeout';
    session.refuse(slow ? 'too_slow' : 'malformed', error.message);
  };

  const sweep = (): void => {
    for (const guard of watched) if (!guard.check()) watched.delete(guard);
    const deadline = clock.monotonic() - limits.connect_ms;
    for (const session of opening) {
      // In order of arrival: the first young one ends the walk.
      if (session.since > deadline) break;
      session.refuse('too_slow', 'no login in time');
      opening.delete(session);
    }
  };

  const command = (agent: string, payload: object): boolean => {
    const session = byAgent.get(agent);
    const client = session && clients.get(session);
    if (!session?.listens || !client || session.conn.destroyed) return false;
    if (session.conn.writableLength > limits.unread_bytes) return false;
    const bytes = Buffer.from(JSON.stringify(payload));
    client.publish(
      { cmd: 'publish', topic: topicOf(agent, 'command'), payload: bytes, qos: 1, dup: false, retain: false },
      () => {},
    );
    return true;
  };

  const unsubscribed = (topics: readonly string[], client: Client): void => {
    const session = byClient.get(client);
    if (session?.link && topics.includes(topicOf(session.link.grant.agent, 'command'))) session.listens = false;
  };

  const disconnect = (agent: string): void => {
    byAgent.get(agent)?.end('hub');
    for (const session of opening) if (session.claimed === agent) session.end('hub');
  };

  return {
    accept,
    opened,
    failed,
    sweep,
    command,
    unsubscribed,
    disconnect,
    of: (client: object): Session | undefined => byClient.get(client),
    size: (): number => byAgent.size,
    /** Ends all; each link is told `hub` before this returns. */
    endAll(): void {
      for (const session of [...all]) {
        const reason = reasonOf(session, 'hub');
        finish(session, reason);
        session.end(reason);
      }
    },
  };
};
export type Sessions = ReturnType<typeof createSessions>;

/** A name that anybody may have sent: cut, and nothing in it that a terminal obeys. */
const claimedName = (claimed: string | null): string | null =>
  claimed === null ? null : claimed.slice(0, 63).replace(/[^\x20-\x7e]/g, '?');
