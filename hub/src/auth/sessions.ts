import * as v from 'valibot';
import type { Json, Writer } from '../store/store.js';
import { createMirror } from './mirror.js';
import { freshSecret, type Random, sha256 } from './secrets.js';

/** Sessions, kept by the SHA-256 of their cookie; 30 days from the last use. */
const sessionRecord = v.object({ user: v.string(), created_at: v.number(), seen_at: v.number() });
type SessionRecord = v.InferOutput<typeof sessionRecord>;

export interface Sessions {
  /** The value of the cookie. */
  open(user: string): Promise<string>;
  find(cookie: string): { id: string; user: string } | null;
  end(id: string): Promise<void>;
  endOf(user: string): Promise<void>;
}

export interface SessionNeeds {
  writer: Writer;
  now: () => number;
  random: Random;
  ended: (id: string) => void;
}

const LIFE_MS = 30 * 86_400_000;
/** How stale `seen_at` may be on disk: a commit an hour, not one a request. */
const TOUCH_MS = 3_600_000;
/** Browsers of one person; beyond, the one unused for longest ends. */
const PER_USER = 50;

type Documents = readonly { collection: string; key: string; value: Json }[];

export const createSessions = ({ writer, now, random, ended }: SessionNeeds, documents: Documents): Sessions => {
  const mirror = createMirror(writer, documents, { collection: 'sessions', schema: sessionRecord });
  const isOver = (record: SessionRecord) => now() - record.seen_at >= LIFE_MS;
  const where = (test: (record: SessionRecord) => boolean) =>
    [...mirror.records].filter(([, record]) => test(record)).map(([id]) => id);
  const end = async (ids: readonly string[]) => {
    const known = ids.filter((id) => mirror.records.has(id));
    const dropping = mirror.drop(known);
    for (const id of known) ended(id);
    await dropping;
  };
  const makeRoom = async (user: string) => {
    const mine = [...mirror.records].filter(([, record]) => record.user === user);
    const oldest = mine.sort(([, a], [, b]) => a.seen_at - b.seen_at).slice(0, Math.max(0, mine.length - PER_USER + 1));
    await end([...where(isOver), ...oldest.map(([id]) => id)]);
  };
  return {
    async open(user) {
      await makeRoom(user);
      const cookie = freshSecret(random);
      await mirror.put(sha256(cookie), { user, created_at: now(), seen_at: now() });
      return cookie;
    },
    find(cookie) {
      const id = sha256(cookie);
      const record = mirror.records.get(id);
      if (!record || isOver(record)) return null;
      if (now() - record.seen_at >= TOUCH_MS) mirror.touch(id, { ...record, seen_at: now() });
      return { id, user: record.user };
    },
    end: (id) => end([id]),
    endOf: (user) => end(where((record) => record.user === user)),
  };
};
