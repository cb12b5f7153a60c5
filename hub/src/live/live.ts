import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Clock } from '@muster/shared/clock';
import type { Log } from '@muster/shared/log';
import type { Signal } from '@muster/shared/signal';
import type { AlertsDesk, Auth, EarningsBook, Latest, Parts, PresenceKeeper, Registry } from '../parts.js';
import { createAlertFeed } from './alert-feed.js';
import { createAudience } from './audience.js';
import { createDeviceFeed, type DeviceFeed } from './device-feed.js';
import { createFleetFeed, type FleetFeed } from './fleet-feed.js';
import { LIVE_LIMITS, type LiveLimits } from './limits.js';
import { createSockets } from './sockets.js';
import { createSubscriptions, type Subscriptions } from './subscriptions.js';

export interface LiveNeeds {
  identify: Auth['identify'];
  /** Id of a session or token that is no longer good. */
  ended: Signal<string>;
  views: Parts['views'];
  view: Parts['view'];
  latest: Pick<Latest, 'of' | 'updated'>;
  presence: Pick<PresenceKeeper, 'changed'>;
  registry: Pick<Registry, 'changed' | 'removed'>;
  alerts: Pick<AlertsDesk, 'open' | 'get' | 'events' | 'newest' | 'event' | 'touched'>;
  earnings: Pick<EarningsBook, 'today' | 'changed'>;
  now: () => number;
  clock: Clock;
  log: Log;
}

export interface LiveSettings {
  limits?: Partial<LiveLimits> | undefined;
}

export interface Live {
  /** Serves `/api/v1/live` on this server's upgrades; may be called for several servers. */
  attach(server: HttpServer | HttpsServer): void;
  /** Closes every socket and lets go of the servers. */
  stop(): void;
  counts(): { sockets: number };
}

/** The live channel: snapshot, then deltas; alert events by number, none missed and none twice. */
export const createLive = (needs: LiveNeeds, settings: LiveSettings = {}): Live => {
  const limits: LiveLimits = { ...LIVE_LIMITS, ...settings.limits };
  const tick = () => needs.clock.monotonic();
  const audience = createAudience();
  const guarded = (task: () => void) => () => {
    try {
      task();
    } catch (error) {
      needs.log.error('The live channel failed to send a change', { error });
    }
  };
  const fleet = createFleetFeed({ ...needs, audience, soon: (task) => void setImmediate(guarded(task)) }, limits);
  const devices = createDeviceFeed(audience, needs.earnings);
  const subscriptions = createSubscriptions({ ...needs, audience, fleet, tick }, limits);
  const sockets = createSockets({ ...needs, hear: subscriptions.hear, gone: subscriptions.forget, tick }, limits);
  const alerts = createAlertFeed({ alerts: needs.alerts, hears: () => audience.hears('alerts'), send: subscriptions.alerts });
  const servers = new Set<HttpServer | HttpsServer>();
  let undo: (() => void)[] = [];

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => sockets.upgrade(request, socket, head);
  const onTick = (): void => {
    fleet.tick();
    devices.tick();
    alerts.tick();
    for (const client of sockets.clients) if (client.watch(tick())) subscriptions.refresh(client);
  };
  const start = (): (() => void)[] => [
    ...connect(needs, { fleet, devices, subscriptions }),
    ...(needs.alerts.touched ? [needs.alerts.touched.on(alerts.touch)] : []),
    needs.ended.on((identity) => sockets.end(identity)),
    needs.clock.every(limits.tick_ms, guarded(onTick)),
    needs.clock.every(limits.ping_ms, () => sockets.ping()),
  ];

  return {
    attach(server) {
      if (undo.length === 0) undo = start();
      servers.add(server);
      server.on('upgrade', upgrade);
    },
    stop() {
      for (const server of servers) server.off('upgrade', upgrade);
      servers.clear();
      for (const disconnect of undo) disconnect();
      undo = [];
      sockets.closeAll();
    },
    counts: () => ({ sockets: sockets.clients.size }),
  };
};

interface Feeds {
  fleet: FleetFeed;
  devices: DeviceFeed;
  subscriptions: Subscriptions;
}

const connect = (needs: LiveNeeds, { fleet, devices, subscriptions }: Feeds): (() => void)[] => [
  needs.presence.changed.on(({ device }) => fleet.changeNow(device)),
  needs.registry.changed.on((device) => fleet.change(device)),
  needs.registry.removed.on((device) => {
    fleet.remove(device);
    devices.remove(device);
  }),
  needs.latest.updated.on((update) => {
    fleet.change(update.device);
    devices.sample(update);
  }),
  needs.earnings.changed.on((device) => {
    fleet.change(device);
    devices.earn(device);
  }),
  needs.alerts.event.on((event) => {
    fleet.change(event.alert.device);
    subscriptions.alert(event);
  }),
];
