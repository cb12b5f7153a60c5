/** Browsers that people switched notices on in: kept per person, with the one key that signs for this hub. */
import { createHash } from 'node:crypto';
import { AppError } from '@muster/shared/errors';
import type { PushRequest, PushView } from '../parts.js';
import { documentsOf, keep } from '../shelf.js';
import type { Change, Json, Recovered, Writer } from '../store/store.js';
import { NOTIFY_LIMITS as L } from './limits.js';
import type { PushSubscription, PushWay } from './notifier.js';
import { createVapidKeys, vapidPublicKey } from './notifiers/lib/push.js';

const COLLECTION = 'push_subscriptions';

interface Kept extends PushSubscription {
  user: string;
  title: string;
  created_at: number;
}

export interface PushNeeds {
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>;
  now(): number;
  /** VAPID key, made once and kept. */
  key(): string;
  /** Whether a push service may be asked at this address. */
  allows(endpoint: URL): boolean;
  /** People who left get nothing; missing: everybody is there. */
  hasUser?: ((name: string) => boolean) | undefined;
  /** The first browser is there: somebody must deliver to it. */
  first(): Promise<void>;
  /** Once all that was put so far is on disk. */
  stored(then: () => void): void;
}

export const newPushKey = (): string => createVapidKeys().private_key;

export const createPushes = (needs: PushNeeds, documents: Recovered['documents']) => {
  const { writer, now } = needs;
  const kept = new Map(structuredClone([...documentsOf<Kept>(documents, COLLECTION)]));
  const saved = (id: string): Change => {
    const value = (kept.get(id) ?? null) as unknown as Json;
    return { kind: 'document', collection: COLLECTION, key: id, value };
  };
  const of = (user: string) => [...kept.values()].filter((one) => one.user === user);
  const drop = (ids: readonly string[]): Promise<void> =>
    keep(writer, 1_000 * ids.length, () => {
      for (const id of ids) kept.delete(id);
      return ids.map(saved);
    });
  return {
    way: (): PushWay => ({
      // Made only once there is somebody to send to.
      get private_key() {
        return needs.key();
      },
      subscriptions: [...kept.values()].map(({ id, endpoint, keys }) => ({ id, endpoint, keys })),
    }),
    /** On disk before a browser takes it: under another key nothing would ever reach that browser. */
    async public_key(): Promise<string> {
      const key = vapidPublicKey(needs.key());
      await new Promise<void>((resolve) => needs.stored(resolve));
      return key;
    },
    of: (user: string): PushView[] => of(user).map(viewOf),
    async add(user: string, request: PushRequest): Promise<PushView> {
      const { endpoint, keys, title = 'Browser' } = request;
      if (!needs.allows(new URL(endpoint)))
        throw new AppError('bad_request', 'This is not the address of a push service', { path: 'endpoint' });
      // One browser has one address: whoever signs in there last gets its notices.
      const id = createHash('sha256').update(endpoint).digest('base64url').slice(0, 22);
      if (!kept.has(id)) refuseMore(kept.size, of(user).length);
      await needs.first();
      const made: Kept = { id, user, endpoint, keys, title, created_at: now() };
      await keep(writer, 4_000, () => {
        kept.set(id, made);
        return [saved(id)];
      });
      return viewOf(made);
    },
    async remove(user: string, id: string): Promise<boolean> {
      if (kept.get(id)?.user !== user) return false;
      await drop([id]);
      return true;
    },
    /** Their service calls them gone. */
    gone(ids: readonly string[]) {
      const found = ids.filter((id) => kept.has(id));
      if (found.length > 0) drop(found).catch(() => {});
    },
    tidy() {
      const left = [...kept.values()].filter(({ user }) => needs.hasUser?.(user) === false).map(({ id }) => id);
      if (left.length > 0) drop(left).catch(() => {});
    },
    get size() {
      return kept.size;
    },
  };
};
export type Pushes = ReturnType<typeof createPushes>;

const viewOf = ({ id, endpoint, title, created_at }: Kept): PushView => ({
  ...{ id, title, created_at },
  address: new URL(endpoint).origin,
});

const refuseMore = (all: number, own: number): void => {
  if (own >= L.subscriptions_each)
    throw new AppError('too_many', `At most ${L.subscriptions_each} browsers of yours get notices; remove one first`);
  if (all >= L.subscriptions) throw new AppError('too_many', `At most ${L.subscriptions} browsers get notices from this hub`);
};

/** Every push service has a public name and TLS; whoever may read alerts must not make the hub ask a machine of its own network. */
export const isPushService = ({ protocol, hostname, username, password }: URL): boolean =>
  protocol === 'https:' &&
  username === '' &&
  password === '' &&
  /^[a-z0-9.-]+\.[a-z]{2,}$/i.test(hostname) &&
  !/\.(local|localhost|internal|lan|home|arpa|test|invalid|onion|corp|intranet)$/i.test(hostname);
