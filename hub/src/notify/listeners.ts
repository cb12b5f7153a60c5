/** Hears answers to notices (a button pressed) from services that must be asked for them, one listener for all channels that share one. */
import { type Clock, sleep } from '@muster/shared/clock';
import { asAppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
import type { Channel, Channels } from './channels.js';
import { NOTIFY_LIMITS as L } from './limits.js';

export interface ListenerNeeds {
  channels: Pick<Channels, 'all'>;
  clock: Clock;
  http: Http;
  log: Log;
  pressed(code: string, by: string): Promise<string>;
}

interface Ear {
  stop: AbortController;
  failures: number;
  /** Monotonic; not tried before. */
  next: number;
  busy: boolean;
}

export const createListeners = (needs: ListenerNeeds) => {
  const { channels, clock } = needs;
  const ears = new Map<string, Ear>();
  const hush = (key: string) => {
    ears.get(key)?.stop.abort();
    ears.delete(key);
  };
  return {
    /** Begins and ends listening as the channels are set now. */
    tick() {
      const wanted = wantedOf(channels);
      for (const key of [...ears.keys()]) if (!wanted.has(key)) hush(key);
      for (const [key, sharing] of wanted) {
        const ear = ears.get(key) ?? { stop: new AbortController(), failures: 0, next: 0, busy: false };
        ears.set(key, ear);
        if (!ear.busy && clock.monotonic() >= ear.next) void listen(needs, ear, sharing);
      }
    },
    stop() {
      for (const key of [...ears.keys()]) hush(key);
    },
  };
};

/** The channels that share what is listened to; a change of settings makes a new channel, and is heard anew. */
const wantedOf = (channels: ListenerNeeds['channels']): Map<string, Channel[]> => {
  const found = new Map<string, Channel[]>();
  for (const channel of channels.all()) {
    const { record, declaration, config } = channel;
    const heard = record.enabled && record.acknowledge !== false ? (declaration.hears?.(config) ?? null) : null;
    if (heard === null) channel.listen_error = null;
    else found.set(`${declaration.id}\n${heard}`, [...(found.get(`${declaration.id}\n${heard}`) ?? []), channel]);
  }
  return found;
};

const listen = async (needs: ListenerNeeds, ear: Ear, sharing: readonly Channel[]): Promise<void> => {
  const { clock, http, log } = needs;
  const [channel] = sharing;
  if (!channel?.declaration.listen) return;
  const tell = (error: string | null) => {
    for (const one of sharing) one.listen_error = error;
  };
  const well = () => {
    if (ear.failures > 0) log.info('Answers to notices are heard again', { notifier: channel.record.id });
    ear.failures = 0;
    tell(null);
  };
  let asked_ms = 0;
  ear.busy = true;
  try {
    const { signal } = ear.stop;
    const time = { now: () => clock.now(), pause: (ms: number) => sleep(clock, ms, signal) };
    await channel.declaration.listen({ config: channel.config, http, signal, ...time, answered: needs.pressed, well });
  } catch (error) {
    const failure = asAppError(error);
    asked_ms = Number(failure.details['retry_after_ms']) || 0;
    if (!ear.stop.signal.aborted) {
      const why = channel.scrub(failure.message).slice(0, 500);
      tell(why);
      if (ear.failures++ === 0) log.warn('Answers to notices cannot be heard', { notifier: channel.record.id, error: why });
    }
  }
  ear.busy = false;
  const pace = Math.max(asked_ms, L.listen_again_ms * 2 ** Math.min(Math.max(ear.failures - 1, 0), 10));
  ear.next = clock.monotonic() + Math.min(L.longest_listen_again_ms, pace);
};
