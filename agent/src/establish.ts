import type { Clock } from '@muster/shared/clock';
import { topicOf } from '@muster/shared/wire/topics';
import type { Announcer } from './announcer.js';
import type { Link, OpenLink } from './link.js';

/** Opens a connection on which the hub knows who speaks: CONNACK, own commands subscribed, births acknowledged. */
export interface EstablishNeeds {
  open: OpenLink;
  clock: Clock;
  announcer: Announcer;
  boot: string;
  onCommand(payload: Uint8Array): void;
}

export interface LinkSettings {
  address: string;
  pin: string | null;
  device: string;
  key: string;
  keepalive_s: number;
}

/** From opening the socket to the PUBACK of the birth. */
const DEADLINE_MS = 15_000;

export const createEstablish = (needs: EstablishNeeds, settings: LinkSettings) => {
  const { announcer, boot, clock } = needs;
  const { device } = settings;

  const open = (session: number, signal: AbortSignal) => {
    const will = { topic: topicOf(device, 'status'), payload: JSON.stringify({ boot, session, state: 'lost' }) };
    return needs.open({ ...settings, will, signal, onMessage: (_topic, payload) => needs.onCommand(payload) });
  };
  /** Birth first after CONNACK, and nothing else before its PUBACK. */
  const introduce = async (link: Link, session: number) => {
    await link.subscribe(topicOf(device, 'command'));
    announcer.begin(session);
    for (let birth = announcer.next(); birth; birth = announcer.next()) {
      await link.publish(birth.topic, birth.payload);
      birth.acknowledged();
    }
  };

  return async (session: number, stopping: AbortSignal): Promise<Link> => {
    const deadline = new AbortController();
    const cancel = clock.after(DEADLINE_MS, () => deadline.abort());
    // AbortSignal.any would leave 60 bytes at the long-lived signal with every try (measured).
    const stop = () => deadline.abort();
    const { signal } = deadline;
    stopping.addEventListener('abort', stop);
    if (stopping.aborted) stop();
    try {
      const link = await open(session, signal);
      await whileNotAborted(signal, link, introduce(link, session));
      return link;
    } finally {
      cancel();
      stopping.removeEventListener('abort', stop);
    }
  };
};

/** Cuts the link when the work fails or the signal comes: the work then rejects by itself. */
const whileNotAborted = async (signal: AbortSignal, link: Link, work: Promise<void>): Promise<void> => {
  signal.addEventListener('abort', link.cut);
  try {
    if (signal.aborted) link.cut();
    await work;
  } catch (error) {
    link.cut();
    throw error;
  } finally {
    signal.removeEventListener('abort', link.cut);
  }
};
