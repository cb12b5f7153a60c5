/** Another hub, watched from this one: it is asked for /healthz, or it says by itself that it is well; its silence is an alert here. */
import { createHash } from 'node:crypto';
import type { Clock } from '@muster/shared/clock';
import { AppError, asAppError } from '@muster/shared/errors';
import type { Http } from '@muster/shared/http';
import type { Log } from '@muster/shared/log';
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
  log: Log;
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>;
  newId(): string;
  newToken(): string;
  /** An alert of this hub about another one. */
  alarm(watch: string, firing: boolean, why: string): void;
}

export const createWatches = (needs: WatchNeeds, documents: Recovered['documents']) => {
  const { clock, writer } = needs;
  const judge = createJudge(needs);
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

  return {
    all: (): HubWatch[] => [...watched.values()].map(viewOf),
    async add(given: HubWatchSetting): Promise<{ watch: HubWatch; token: string | null }> {
      if (watched.size >= L.watches) throw new AppError('too_many', `At most ${L.watches} hubs are watched; remove one first`);
      const token = (given.url ?? null) === null ? needs.newToken() : null;
      const one = fresh(keptOf(given, { id: needs.newId(), created_at: clock.now(), token_hash: token && hashOf(token) }));
      await save(one.kept.id, () => void watched.set(one.kept.id, one));
      return { watch: viewOf(one), token };
    },
    async remove(id: string): Promise<boolean> {
      const one = watched.get(id);
      if (!one) return false;
      await save(id, () => void watched.delete(id));
      judge.leave(one);
      return true;
    },
    heard(token: string): boolean {
      const hash = hashOf(token);
      const one = [...watched.values()].find(({ kept }) => kept.token_hash === hash);
      if (!one) return false;
      one.at = clock.monotonic();
      judge.well(one);
      return true;
    },
    tick() {
      const now = clock.monotonic();
      const stood_ms = now - before;
      before = now;
      for (const one of watched.values()) {
        const { url } = one.kept;
        // While this hub stood still nobody could be heard.
        if (url === null && stood_ms > STANDSTILL_MS) one.at += stood_ms;
        if (url === null) judge.silence(one);
        else if (!one.busy && now >= one.at) void judge.ask(one, { url, isKept: () => watched.get(one.kept.id) === one });
      }
    },
  };
};
export type Watches = ReturnType<typeof createWatches>;

/** What is seen of one of them, and whether it is an alert. */
const createJudge = ({ clock, http, log, alarm }: WatchNeeds) => {
  const tell = (one: Watched, firing: boolean, why: string) => {
    if (one.alarmed === firing) return;
    try {
      alarm(one.kept.id, firing, why);
      one.alarmed = firing;
    } catch (error) {
      // A store that is full refuses the alert: the next look tries again.
      log.error('An alert about a watched hub could not be kept', { watch: one.kept.id, why, error });
    }
  };
  const well = (one: Watched) => {
    Object.assign(one, { last_ok: clock.now(), last_error: null, failures: 0 });
    tell(one, false, `The hub ${one.kept.title} answers again.`);
  };
  return {
    well,
    leave: (one: Watched) => tell(one, false, `The hub ${one.kept.title} is no longer watched.`),
    async ask(one: Watched, { url, isKept }: { url: string; isKept(): boolean }) {
      one.busy = true;
      one.at = clock.monotonic() + one.kept.every_s * 1_000;
      const why = await healthOf(http, url);
      one.busy = false;
      if (!isKept()) return;
      if (why === null) return well(one);
      one.failures++;
      one.last_error = why;
      if (one.failures < L.watch_failures) return;
      tell(one, true, `The hub ${one.kept.title} does not answer${sinceOf(one)}: ${why}`);
    },
    /** Nothing was heard of a hub that speaks by itself. */
    silence(one: Watched) {
      one.failures = Math.floor((clock.monotonic() - one.at) / (one.kept.every_s * 1_000));
      if (one.failures < L.watch_failures) return;
      one.last_error = 'nothing was heard of it';
      tell(one, true, `The hub ${one.kept.title} is silent${sinceOf(one)}.`);
    },
  };
};

const keptOf = (given: HubWatchSetting, made: Pick<Kept, 'id' | 'created_at' | 'token_hash'>): Kept => {
  const url = given.url ?? null;
  if (url !== null) check(httpAddress(), url, 'The address', 'bad_request');
  const every_s = given.every_s ?? (url === null ? HEARD_S : ASKED_S);
  return { ...made, title: given.title, url: url && originOf(url), every_s };
};

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
