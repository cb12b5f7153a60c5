import type { Duplex } from 'node:stream';
import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';
import { topicOf } from '@muster/shared/wire/topics';
import type { Aedes, Client } from 'aedes';
import type { BusHandlers, BusRefusal, CloseReason, Link } from './bus.js';
import { Lane } from './lane.js';
import type { BusLimits } from './limits.js';
import { Session } from './session.js';
import { createWatcher } from './watcher.js';

export interface SessionsNeeds {
  handlers: BusHandlers;
  log: Log;
  clock: Clock;
  refuse: (refusal: BusRefusal) => void;
  /** A report on the agent's own topic. */
  takeReport: (session: Session, report: { packet_id: number; payload: Buffer }) => void;
}

/** The sweep runs four times a second. */
const STANDSTILL_MS = 1_000;

/** All connections: which agent holds which, and how each of them ends. */
export const createSessions = (needs: SessionsNeeds, limits: BusLimits) => {
  const pool = createPool(needs, limits);
  const { byAgent, watcher } = pool;
  return {
    sweep(): void {
      watcher.sweep();
      endSilent(pool);
    },
    /** The store is behind, or no longer: who has sent more than an agent does is not read meanwhile. */
    press(full: boolean): void {
      pool.held.full = full;
    },
    of: (client: object): Session | undefined => pool.byClient.get(client),
    linked: (agent: string): Session | undefined => byAgent.get(agent),
    size: (): number => byAgent.size,
    accept: (conn: Duplex, remote: string, broker: Aedes): void => accept(pool, conn, { remote, broker }),
    /** The broker has registered the client, and closed an older one of the same id just before. */
    opened: (client: Client): void => open(pool, client),
    /** The broker has sent CONNACK: from here on reports take the short way. */
    ready(client: Client): void {
      const session = pool.byClient.get(client);
      if (!session?.link || session.over) return;
      session.guard.lane = new Lane(topicOf(session.link.grant.agent, 'report'), limits.packet_bytes, session);
    },
    disconnect(agent: string): void {
      byAgent.get(agent)?.end('hub');
      for (const session of watcher.opening) if (session.claimed === agent) session.end('hub');
    },
    /** Each link is told `hub` before this returns. */
    endAll(): void {
      for (const session of [...pool.all]) finish(pool, session, 'hub');
    },
  };
};

const createPool = (needs: SessionsNeeds, limits: BusLimits) => {
  const { clock, refuse, takeReport } = needs;
  const now = () => clock.monotonic();
  const watcher = createWatcher(now, limits.connect_ms);
  const held = { bytes: 0, full: false };
  const refused = (session: Session, reason: BusRefusal['reason'], detail: string) =>
    refuse({ reason, agent: claimedName(session.claimed), remote: session.remote, detail });
  return {
    ...{ needs, now, watcher, held },
    byClient: new WeakMap<object, Session>(),
    byAgent: new Map<string, Session>(),
    all: new Set<Session>(),
    links: 0,
    swept: now(),
    /** What every session needs. */
    shared: { limits, now, held, watch: watcher.watch, flushLater: createFlusher(), takeReport, refused },
  };
};
type Pool = ReturnType<typeof createPool>;

/** The one place where a link ends; later calls for the same session find it over. */
const finish = ({ needs, all, watcher, byAgent }: Pool, session: Session, otherwise: CloseReason): void => {
  if (session.over) return;
  const reason = session.reason ?? (session.guard.goodbye ? 'clean' : otherwise);
  session.dispose();
  session.end(reason);
  all.delete(session);
  watcher.opening.delete(session);
  const { link } = session;
  if (!link) return;
  if (byAgent.get(link.grant.agent) === session) byAgent.delete(link.grant.agent);
  safely(needs.log, () => needs.handlers.closed(link, reason));
};

/** Who was silent for 1.5 × keepalive; not while we did not read it, and not right after a standstill of our own. */
const endSilent = (pool: Pool): void => {
  const at = pool.now();
  const late = at - pool.swept > STANDSTILL_MS;
  pool.swept = at;
  for (const session of pool.byAgent.values()) {
    if (late || session.guard.paused) session.guard.heard = at;
    else if (at - session.guard.heard > session.keepalive_s * 1_500) session.end('keepalive');
  }
};

const accept = (pool: Pool, conn: Duplex, { remote, broker }: { remote: string; broker: Aedes }): void => {
  const session = new Session(conn, remote, pool.shared);
  pool.all.add(session);
  pool.watcher.opening.add(session);
  conn.on('error', () => {});
  conn.once('close', () => finish(pool, session, 'lost'));
  session.client = broker.handle(conn);
  pool.byClient.set(session.client, session);
  // After the broker's own listener: what it left unread is read now.
  conn.on('readable', () => session.guard.pump());
};

const open = (pool: Pool, client: Client): void => {
  const session = pool.byClient.get(client);
  if (!session?.grant || session.over || session.conn.destroyed) return;
  const { grant, remote, keepalive_s } = session;
  const old = pool.byAgent.get(grant.agent);
  if (old) finish(pool, old, 'taken_over');
  pool.watcher.opening.delete(session);
  pool.links += 1;
  const link: Link = { id: pool.links, grant, remote, keepalive_s };
  session.link = link;
  pool.byAgent.set(grant.agent, session);
  safely(pool.needs.log, () => pool.needs.handlers.opened(link));
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
