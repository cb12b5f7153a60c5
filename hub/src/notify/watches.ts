/** Another hub, watched from this one: it is asked for /healthz, or it says by itself that it is well; its silence is an alert here. */
import { createHash } from 'node:crypto';
import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import { check, url as httpAddress } from '@muster/shared/schema';
import { utcTime } from '@muster/shared/text';
import type { HubWatch, HubWatchSetting } from '../parts.js';
import { documentsOf, keep } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import { NOTIFY_LIMITS as L } from './limits.js';

const COLLECTION = 'hub_watches';
const ASKED_S = 30;
const HEARD_S = 60;
/** Looked at every second. */
const STANDSTILL_MS = 5_000;

interface Kept {
  id: string;
  title: string;
  url: string | null;
  every_s: number;
  created_at: number;
  /** SHA-256 of the secret in the address that the other hub asks. */
  token_hash: string | null;
}
interface Watched {
  kept: Kept;
  last_ok: number | null;
  last_error: string | null;
  failures: number;
  /** Monotonic: when it is asked again, or was last heard. */
  at: number;
  busy: boolean;
  alarmed: boolean;
}

export interface WatchNeeds {
  clock: Clock;
  http: Http;
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>;
  newId(): string;
  newToken(): string;
  /** An alert of this hub about another one. */
  alarm(watch: string, firing: boolean, why: string): void;
}

export const createWatches = (needs: WatchNeeds, documents: Recovered['documents']) => {
  const { clock, writer } = needs;
  const fresh = (kept: Kept): Watched => ({
    ...{ kept, last_ok: null, last_error: null, failures: 0, busy: false, alarmed: false },
    at: kept.url === null ? clock.monotonic() : 0,
  });
  const watched = new Map([...documentsOf<Kept>(documents, COLLECTION).values()].map((kept) => [kept.id, fresh(kept)]));
  let before = clock.monotonic();
  const save = (id: string, change: () => void): Promise<void> =>
    keep(writer, 2_000, () => {
      change();
      const value = (watched.get(id)?.kept ?? null) as unknown as Json;
      return [{ kind: 'document', collection: COLLECTION, key: id, value }];
    });
  const tell = (one: Watched, firing: boolean, why: string) => {
    if (one.alarmed === firing) return;
    one.alarmed = firing;
    needs.alarm(one.kept.id, firing, why);
  };
  const well = (one: Watched) => {
    Object.assign(one, { last_ok: clock.now(), last_error: null, failures: 0 });
    tell(one, false, `The hub ${one.kept.title} answers again.`);
  };
  const ill = (one: Watched, why: string) => {
    one.failures++;
    one.last_error = why;
    if (one.failures < L.watch_failures) return;
    tell(one, true, `The hub ${one.kept.title} does not answer${sinceOf(one)}: ${why}`);
  };
  const ask = async (one: Watched, url: string) => {
    one.busy = true;
    one.at = clock.monotonic() + one.kept.every_s * 1_000;
    const why = await healthOf(needs.http, url);
    one.busy = false;
    if (watched.get(one.kept.id) !== one) return;
    if (why === null) well(one);
    else ill(one, why);
  };
  /** Nothing was heard of a hub that speaks by itself. */
  const judgeSilence = (one: Watched) => {
    const silent_ms = clock.monotonic() - one.at;
    one.failures = Math.floor(silent_ms / (one.kept.every_s * 1_000));
    if (one.failures < L.watch_failures) return;
    one.last_error = 'nothing was heard of it';
    tell(one, true, `The hub ${one.kept.title} is silent${sinceOf(one)}.`);
  };

  return {
    all: (): HubWatch[] => [...watched.values()].map(viewOf),
    async add(given: HubWatchSetting): Promise<{ watch: HubWatch; token: string | null }> {
      if (watched.size >= L.watches) throw new AppError('too_many', `At most ${L.watches} hubs are watched; remove one first`);
      const url = given.url ?? null;
      if (url !== null) check(httpAddress(), url, 'The address', 'bad_request');
      const token = url === null ? needs.newToken() : null;
      const every_s = given.every_s ?? (url === null ? HEARD_S : ASKED_S);
      const kept: Kept = {
        ...{ id: needs.newId(), title: given.title, url: url && originOf(url), every_s, created_at: clock.now() },
        token_hash: token && hashOf(token),
      };
      const one = fresh(kept);
      await save(kept.id, () => void watched.set(kept.id, one));
      return { watch: viewOf(one), token };
    },
    async remove(id: string): Promise<boolean> {
      const one = watched.get(id);
      if (!one) return false;
      await save(id, () => void watched.delete(id));
      tell(one, false, `The hub ${one.kept.title} is no longer watched.`);
      return true;
    },
    heard(token: string): boolean {
      const hash = hashOf(token);
      const one = [...watched.values()].find(({ kept }) => kept.token_hash === hash);
      if (!one) return false;
      one.at = clock.monotonic();
      well(one);
      return true;
    },
    tick() {
      const now = clock.monotonic();
      const stood_ms = now - before;
      before = now;
      // While this hub stood still nobody could be heard.
      if (stood_ms > STANDSTILL_MS) for (const one of watched.values()) if (one.kept.url === null) one.at += stood_ms;
      for (const one of watched.values()) {
        if (one.kept.url === null) judgeSilence(one);
        else if (!one.busy && clock.monotonic() >= one.at) void ask(one, one.kept.url);
      }
    },
  };
};
export type Watches = ReturnType<typeof createWatches>;

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Whatever page of it was copied, the hub is at its root. */
const originOf = (url: string): string => new URL(url).origin;

const sinceOf = ({ last_ok }: Watched): string => (last_ok === null ? '' : ` since ${utcTime(last_ok)}`);

/** Null: it takes reports. */
const healthOf = async (http: Http, url: string): Promise<string | null> => {
  try {
    const { status } = await http.request({ url: `${url}/healthz`, timeout_ms: L.watch_deadline_ms, max_bytes: 64_000 });
    if (status === 200) return null;
    return status === 503 ? 'it cannot store anything (status 503)' : `it answers with status ${status}`;
  } catch (error) {
    return asAppError(error).message;
  }
};

const viewOf = ({ kept, last_ok, last_error, failures, alarmed }: Watched): HubWatch => {
  const { id, title, url, every_s, created_at } = kept;
  const calm = last_ok === null ? 'waiting' : 'ok';
  const state = alarmed ? 'away' : failures > 0 && (url !== null || last_ok !== null) ? 'failing' : calm;
  return { id, title, url, every_s, state, last_ok, last_error, created_at };
};
