/** Dead man's switch: an outside address hears from this hub as long as it is healthy; its silence is the alarm. */
import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import { check, url } from '@muster/shared/schema';
import type { HeartbeatView } from '../parts.js';
import { keep } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';

const COLLECTION = 'notify';
const KEY = 'heartbeat';
const DEFAULT_S = 60;
const DEADLINE_MS = 10_000;

interface Setting {
  url: string | null;
  every_s: number;
}

export interface HeartbeatNeeds {
  clock: Clock;
  http: Http;
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>;
}

export const createHeartbeat = ({ clock, http, writer }: HeartbeatNeeds, documents: Recovered['documents']) => {
  const found = documents.find(({ collection, key }) => collection === COLLECTION && key === KEY);
  let setting = (found?.value ?? { url: null, every_s: DEFAULT_S }) as unknown as Setting;
  let last_ok: number | null = null;
  let last_error: string | null = null;
  let next = 0;
  let busy = false;

  const view = (): HeartbeatView => ({
    address: setting.url === null ? null : new URL(setting.url).origin,
    every_s: setting.every_s,
    ...{ last_ok, last_error },
  });
  const ping = async (address: string) => {
    busy = true;
    try {
      const { status } = await http.request({ url: address, timeout_ms: DEADLINE_MS });
      if (status >= 400) throw new AppError('bad_reply', `it answered with status ${status}`);
      last_ok = clock.now();
      last_error = null;
    } catch (error) {
      // The path is the secret.
      last_error = asAppError(error).message.replaceAll(new URL(address).pathname, '/…');
    }
    busy = false;
  };
  return {
    view,
    async set(change: { url?: string | null | undefined; every_s?: number | undefined }): Promise<HeartbeatView> {
      const next_url = change.url === undefined ? setting.url : change.url;
      if (next_url !== null) check(url(), next_url, 'The address', 'bad_request');
      const made: Setting = { url: next_url, every_s: change.every_s ?? setting.every_s };
      await keep(writer, 1_000, () => {
        setting = made;
        last_ok = null;
        last_error = null;
        next = 0;
        return [{ kind: 'document', collection: COLLECTION, key: KEY, value: made as unknown as Json }];
      });
      return view();
    },
    tick() {
      if (setting.url === null || busy || !writer.healthy || clock.monotonic() < next) return;
      next = clock.monotonic() + setting.every_s * 1_000;
      void ping(setting.url);
    },
  };
};
