import type { Log } from '@muster/shared/log';
import { problemOf } from '@muster/shared/schema';
import { type LiveAlert, type LiveAlertEvent, type Subscribe, subscribe } from '@muster/shared/wire/live';
import * as v from 'valibot';
import type { AlertsDesk, Latest } from '../parts.js';
import { AlertStream } from './alert-stream.js';
import type { Audience } from './audience.js';
import { frameOf, type LiveClient } from './client.js';
import type { FleetFeed } from './fleet-feed.js';
import { CLOSE, type LiveLimits } from './limits.js';
import { snapshotFrames } from './snapshot.js';

export interface SubscriptionNeeds {
  audience: Audience;
  fleet: Pick<FleetFeed, 'json'>;
  latest: Pick<Latest, 'of'>;
  alerts: Pick<AlertsDesk, 'open' | 'events' | 'newest'>;
  now: () => number;
  /** Monotonic, ms. */
  tick: () => number;
  log: Log;
}

/** What clients ask for: a snapshot, the alert events they missed, then membership in their channels. */
export const createSubscriptions = (needs: SubscriptionNeeds, limits: LiveLimits) => {
  const { audience, alerts, log } = needs;
  const streams = new WeakMap<LiveClient, AlertStream>();
  const streamOf = (client: LiveClient): AlertStream => {
    const stream = streams.get(client) ?? new AlertStream(client, alerts, limits);
    streams.set(client, stream);
    return stream;
  };

  const open = async (client: LiveClient, { channels, after }: Subscribe): Promise<void> => {
    client.generation += 1;
    const { generation } = client;
    if (client.behind) await client.drained();
    if (generation !== client.generation || !client.open) return;
    // From here to the membership nothing may wait: what changed in between would be lost.
    audience.join(client, channels);
    client.stale = false;
    for (const frame of snapshotFrames(client.channels, { ...needs, event: alerts.newest })) client.send(frame);
    if (client.channels.has('alerts')) await streamOf(client).start(after);
    else streamOf(client).stop();
  };
  const fail = (client: LiveClient, error: unknown): void => {
    log.warn('A live subscription could not be served', { error, who: client.identity.name });
    client.send(frameOf({ kind: 'error', code: 'internal', message: 'The hub could not serve this subscription; try again' }));
    client.socket.close(CLOSE.failed, 'try again');
  };

  return {
    hear(client: LiveClient, text: string): void {
      const message = readSubscribe(text);
      if (typeof message === 'string') client.mistake(message);
      else if (client.maySubscribe(needs.tick())) open(client, message).catch((error: unknown) => fail(client, error));
      else client.socket.close(CLOSE.too_many, 'too many subscriptions');
    },
    alert(event: LiveAlertEvent): void {
      if (!audience.hears('alerts')) return;
      const frame = frameOf({ kind: 'alert', event });
      for (const client of audience.of('alerts')) streamOf(client).take(event, frame);
    },
    /** In order with the events: a client that is catching up gets them behind what it missed. */
    alerts(alerts: LiveAlert[]): void {
      if (!audience.hears('alerts')) return;
      const frame = frameOf({ kind: 'alerts', alerts });
      for (const client of audience.of('alerts')) streamOf(client).take({ number: null }, frame);
    },
    /** The newest state instead of the deltas that were left out. */
    refresh(client: LiveClient): void {
      client.stale = false;
      const event = client.channels.has('alerts') ? streamOf(client).last : alerts.newest;
      for (const frame of snapshotFrames(client.channels, { ...needs, alerts: null, event })) client.send(frame);
    },
    forget(client: LiveClient): void {
      client.generation += 1;
      audience.leave(client);
      streams.get(client)?.stop();
      client.release();
    },
  };
};
export type Subscriptions = ReturnType<typeof createSubscriptions>;

/** A checked subscription, or what is wrong with it. */
const readSubscribe = (text: string): Subscribe | string => {
  const result = v.safeParse(subscribe, asJson(text), { abortPipeEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const problem = v.getDotPath(issue) ? problemOf(issue) : `the message ${problemOf(issue)}`;
  return `Send {"kind":"subscribe","channels":["fleet","alerts","device:ID"]}; ${problem}`;
};

const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
