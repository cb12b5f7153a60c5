import { topicOf } from '@muster/shared/wire/topics';
import type { Client } from 'aedes';
import type { BusLimits } from './limits.js';
import type { Sessions } from './sessions.js';

/** Straight to the one client that listens; a client that does not read gets no more. */
export const sendCommand = (
  sessions: Sessions,
  limits: BusLimits,
  { agent, payload }: { agent: string; payload: object },
): boolean => {
  const session = sessions.linked(agent);
  if (!session?.listens || !session.client || session.conn.destroyed) return false;
  if (session.conn.writableLength > limits.unread_bytes) return false;
  const bytes = Buffer.from(JSON.stringify(payload));
  const topic = topicOf(agent, 'command');
  session.client.publish({ cmd: 'publish', topic, payload: bytes, qos: 1, dup: false, retain: false }, () => {});
  return true;
};

export const noteUnsubscribe = (sessions: Sessions, topics: readonly string[], client: Client): void => {
  const session = sessions.of(client);
  if (session?.link && topics.includes(topicOf(session.link.grant.agent, 'command'))) session.listens = false;
};
