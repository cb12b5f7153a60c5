import type { Duplex } from 'node:stream';
import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';
import { topicOf } from '@muster/shared/wire/topics';
import type { Aedes, Client } from 'aedes';
import type { BusHandlers, BusRefusal, CloseReason, Link } from './bus.js';
import { Lane } from './lane.js';
import type { BusLimits } from './limits.js';
import { Session } from './session.js';
import { createSilenceWatch, createWatcher } from './watcher.js';

export interface SessionsNeeds {
  handlers: BusHandlers;
  log: Log;
  clock: Clock;
  refuse: (refusal: BusRefusal) => void;
  /** A report on the agent's own topic. */
  takeReport: (session: Session, report: { packet_id: number; payload: Buffer }) => void;
}

/** Who is connected, and the one place where a link ends. */
const createStand = ({ handlers, log, clock }: Pick<SessionsNeeds, 'handlers' | 'log' | 'clock'>, limits: BusLimits) => {
  const now = () => clock.monotonic();
  const byAgent = new Map<string, Session>();
  const all = new Set<Session>();
  const watcher = createWatcher(now, limits.connect_ms);
  /** Later calls for the same session find it over. */
  const finish = (session: Session, otherwise: CloseReason): void => {
    if (session.over) return;
    const reason = session.reason ?? (session.guard.goodbye ? 'clean' : otherwise);
    session.dispose();
    session.end(reason);
    all.delete(session);
    watcher.opening.delete(session);
    const { link } = session;
    if (!link) return;
    if (byAgent.get(link.grant.agent) === session) byAgent.delete(link.grant.agent);
    safely(log, () => handlers.closed(link, reason));
  };
  return { now, byAgent, all, watcher, finish };
};

/** All connections: which agent holds which, and how each of them ends. */
export const createSessions = (given: SessionsNeeds, limits: BusLimits) => {
  const { handlers, log, refuse, takeReport } = given;
  const { now, byAgent, all, watcher, finish } = createStand(given, limits);
  const byClient = new WeakMap<object, Session>();
  const held = { bytes: 0, full: false };
  const endSilent = createSilenceWatch(now);
  let links = 0;
  const refused = (session: Session, reason: BusRefusal['reason'], detail: string) =>
    refuse({ reason, agent: claimedName(session.claimed), remote: session.remote, detail });
  const needs = { limits, now, held, watch: watcher.watch, flushLater: createFlusher(), takeReport, refused };

  return {
    sweep(): void {
      watcher.sweep();
      endSilent(byAgent.values());
    },
    /** The store is behind, or no longer: who has sent more than an agent does is not read meanwhile. */
    press(full: boolean): void {
      held.full = full;
    },
    of: (client: object): Session | undefined => byClient.get(client),
    linked: (agent: string): Session | undefined => byAgent.get(agent),
    size: (): number => byAgent.size,
    accept(conn: Duplex, remote: string, broker: Aedes): void {
      const session = new Session(conn, remote, needs);
      all.add(session);
      watcher.opening.add(session);
      conn.on('error', () => {});
      conn.once('close', () => finish(session, 'lost'));
      session.client = broker.handle(conn);
      byClient.set(session.client, session);
      // After the broker's own listener: what it left unread is read now.
      conn.on('readable', () => session.guard.pump());
    },
    /** The broker has registered the client, and closed an older one of the same id just before. */
    opened(client: Client): void {
      const session = byClient.get(client);
      if (!session?.grant || session.over || session.conn.destroyed) return;
      const { grant, remote, keepalive_s } = session;
      const old = byAgent.get(grant.agent);
      if (old) finish(old, 'taken_over');
      watcher.opening.delete(session);
      const link: Link = { id: ++links, grant, remote, keepalive_s };
      session.link = link;
      byAgent.set(grant.agent, session);
      safely(log, () => handlers.opened(link));
    },
    /** The broker has sent CONNACK: from here on reports take the short way. */
    ready(client: Client): void {
      const session = byClient.get(client);
      if (!session?.link || session.over) return;
      session.guard.lane = new Lane(topicOf(session.link.grant.agent, 'report'), limits.packet_bytes, session);
    },
    disconnect(agent: string): void {
      byAgent.get(agent)?.end('hub');
      for (const session of watcher.opening) if (session.claimed === agent) session.end('hub');
    },
    /** Each link is told `hub` before this returns. */
    endAll(): void {
      for (const session of [...all]) finish(session, 'hub');
    },
  };
};

/** One microtask for all sessions that a commit acknowledges. */
const createFlusher = () => {
  let asking: Session[] = [];
  const flush = (): void => {
    const sessions = asking;
    asking = [];
    for (const session of sessions) session.flush();
  };
  return (session: Session): void => {
    if (asking.push(session) === 1) queueMicrotask(flush);
  };
};

export type Sessions = ReturnType<typeof createSessions>;

/** An end that the broker saw: its own time-outs and what its parser refused. Socket errors have a code and are no refusal. */
export const blameFailure = (session: Session, error: Error): void => {
  if (session.over || session.reason || session.guard.goodbye || session.blamed) return;
  if ('code' in error || error.message === 'connection closed') return;
  const slow = error.message === 'connect did not arrive in time' || error.message === 'drain timeout';
  session.refuse(slow ? 'too_slow' : 'malformed', error.message);
};

/** A name that anybody may have sent: cut, and nothing in it that a terminal obeys. */
const claimedName = (claimed: string | null): string | null =>
  claimed === null ? null : claimed.slice(0, 63).replace(/[^\x20-\x7e]/g, '?');

export const safely = (log: Log, task: () => void): void => {
  try {
    task();
  } catch (error) {
    log.error('A handler of the bus failed', { error });
  }
};
