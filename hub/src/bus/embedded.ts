import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Clock } from '@muster/shared/clock';
import { assert } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { Aedes } from 'aedes';
import { type Bus, type BusHandlers, type BusRefusal, noBusCounts } from './bus.js';
import { noteUnsubscribe, sendCommand } from './commands.js';
import { createHooks, createReportIntake, type HookNeeds } from './hooks.js';
import { BUS_LIMITS, type BusLimits } from './limits.js';
import { createListener, type ListenAt, type Listener, type ListenerName } from './listeners.js';
import { blameFailure, createSessions, type Sessions, safely } from './sessions.js';
import { createSocketCap, createTries, plainAddress } from './tries.js';

export interface EmbeddedBusNeeds {
  handlers: BusHandlers;
  log: Log;
  clock: Clock;
  /** PEM; needed for the `mqtts` listener. */
  tls: { key: string; cert: string } | null;
}

export interface EmbeddedBusSettings {
  mqtt: ListenAt | null;
  mqtts: ListenAt | null;
  limits?: Partial<BusLimits> | undefined;
}

/** Period of the one loop that watches unfinished packets, pauses and logins. */
const SWEEP_MS = 250;

/** The bus on aedes: its hooks decide, our guard reads, our sessions answer; nothing is ever routed to anyone. */
export const createEmbeddedBus = (needs: EmbeddedBusNeeds, settings: EmbeddedBusSettings): Bus => {
  const limits: BusLimits = { ...BUS_LIMITS, ...settings.limits };
  const counts = noBusCounts();
  const refuse = (refusal: BusRefusal): void => {
    counts.refused[refusal.reason] += 1;
    safely(needs.log, () => needs.handlers.refused(refusal));
  };
  const sessions = createSessions({ ...needs, refuse, takeReport: createReportIntake({ ...needs, counts }) }, limits);
  let running: { broker: Aedes; listeners: Map<ListenerName, Listener>; stopSweep: () => void } | null = null;

  const start = async (): Promise<void> => {
    assert(!running, 'a bus is started once');
    const tries = createTries(limits, () => needs.clock.monotonic());
    const broker = await createBroker({ ...needs, limits, sessions, tries, counts });
    const listeners = createListeners({ ...needs, limits, sessions, broker, refuse }, settings);
    running = { broker, listeners, stopSweep: needs.clock.every(SWEEP_MS, sessions.sweep) };
    try {
      for (const listener of listeners.values()) await listener.start();
    } catch (error) {
      await stop();
      throw error;
    }
  };
  const stop = async (): Promise<void> => {
    const stopping = running;
    running = null;
    if (!stopping) return;
    stopping.stopSweep();
    const closed = [...stopping.listeners.values()].map((listener) => listener.stop());
    sessions.endAll();
    await Promise.all(closed);
    await new Promise<void>((resolve) => stopping.broker.close(() => resolve()));
  };

  return {
    start,
    stop,
    command: (agent, payload) => sendCommand(sessions, limits, { agent, payload }),
    disconnect: (agent) => sessions.disconnect(agent),
    press: (full) => sessions.press(full),
    addresses() {
      const mqtt = running?.listeners.get('mqtt')?.address();
      const mqtts = running?.listeners.get('mqtts')?.address();
      return { ...(mqtt && { mqtt }), ...(mqtts && { mqtts }) };
    },
    counts: () => ({ ...counts, connections: sessions.size(), refused: { ...counts.refused } }),
  };
};

/** Periods that aedes multiplies by four and hands to setInterval, which turns anything above 2^31 ms into 1 ms. */
const NEVER_MS = 500_000_000;

const createBroker = async (needs: HookNeeds): Promise<Aedes> => {
  const { limits, log, sessions } = needs;
  const { persistence, mq, hooks } = createHooks(needs);
  const broker = await Aedes.createBroker({
    ...hooks,
    mq,
    persistence,
    connectTimeout: limits.connect_ms,
    drainTimeout: 5_000,
    heartbeatInterval: NEVER_MS,
    maxClientsIdLength: 63,
    queueLimit: 42,
  });
  const failed = (client: object, error: Error): void => {
    const session = sessions.of(client);
    if (session) blameFailure(session, error);
  };
  broker.on('client', (client) => sessions.opened(client));
  broker.on('clientReady', (client) => sessions.ready(client));
  broker.on('clientError', failed);
  broker.on('connectionError', failed);
  broker.on('unsubscribe', (topics, client) => noteUnsubscribe(sessions, topics, client));
  // Without a listener Node would throw; its types name no such event.
  (broker as EventEmitter).on('error', (error: Error) => log.error('The MQTT broker failed', { error }));
  return broker;
};

interface ListenersNeeds extends EmbeddedBusNeeds {
  limits: BusLimits;
  sessions: Sessions;
  broker: Aedes;
  refuse: (refusal: BusRefusal) => void;
}

const createListeners = (needs: ListenersNeeds, settings: EmbeddedBusSettings): Map<ListenerName, Listener> => {
  const { limits, log, sessions, broker, refuse } = needs;
  const cap = createSocketCap(limits);
  const admit = (socket: Socket): boolean => {
    const remote = plainAddress(socket.remoteAddress);
    const free = cap.enter(remote);
    if (free) socket.once('close', () => cap.left(remote));
    else refuse({ reason: 'too_many_tries', agent: null, remote, detail: 'too many connections from this address' });
    return free;
  };
  const accept = (socket: Socket): void => {
    if (!socket.destroyed) sessions.accept(socket, plainAddress(socket.remoteAddress), broker);
  };
  const failed = (error: Error) => log.error('A listener of the bus failed', { error });
  const common = { handshake_ms: limits.connect_ms, admit, accept, failed };
  const listeners = new Map<ListenerName, Listener>();
  if (settings.mqtt) listeners.set('mqtt', createListener({ ...common, name: 'mqtt', at: settings.mqtt, tls: null }));
  if (settings.mqtts) {
    assert(needs.tls, 'a TLS listener has a certificate');
    listeners.set('mqtts', createListener({ ...common, name: 'mqtts', at: settings.mqtts, tls: needs.tls }));
  }
  return listeners;
};
