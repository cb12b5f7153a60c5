import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { ROLES, type Role, type TokenView } from '../parts.js';
import type { Json, Writer } from '../store/store.js';
import { createMirror } from './mirror.js';
import { freshSecret, type Random, sha256 } from './secrets.js';

/** API tokens: `mt_` and 256 random bits, shown once and kept as SHA-256. */
const tokenRecord = v.object({
  title: v.string(),
  role: v.picklist(ROLES),
  created_at: v.number(),
  created_by: v.string(),
  last_used: v.nullable(v.number()),
  hash: v.string(),
});
type TokenRecord = v.InferOutput<typeof tokenRecord>;

export interface Tokens {
  list(): TokenView[];
  find(token: string): TokenView | null;
  add(token: { title: string; role: Role; by: string }): Promise<TokenView & { token: string }>;
  get(id: string): TokenView | undefined;
  remove(id: string): Promise<void>;
}

export interface TokenNeeds {
  writer: Writer;
  now: () => number;
  random: Random;
}

/** `last_used` is for people; a commit an hour is enough. */
const TOUCH_MS = 3_600_000;
/** All are listed at once and checked at start; nobody keeps an eye on more. */
const MAX_TOKENS = 1_000;

type Documents = readonly { collection: string; key: string; value: Json }[];

const viewOf = (id: string, { hash: _hash, ...record }: TokenRecord): TokenView => ({ id, ...record });

export const createTokens = ({ writer, now, random }: TokenNeeds, documents: Documents): Tokens => {
  const mirror = createMirror(writer, documents, { collection: 'tokens', schema: tokenRecord });
  const ids = new Map([...mirror.records].map(([id, record]) => [record.hash, id]));
  const use = (id: string, record: TokenRecord): TokenView => {
    if (now() - (record.last_used ?? 0) >= TOUCH_MS) mirror.touch(id, { ...record, last_used: now() });
    return viewOf(id, record);
  };
  return {
    list: () => [...mirror.records].map(([id, record]) => viewOf(id, record)),
    get: (id) => {
      const record = mirror.records.get(id);
      return record && viewOf(id, record);
    },
    find(token) {
      const id = ids.get(sha256(token));
      const record = id === undefined ? undefined : mirror.records.get(id);
      return id === undefined || !record ? null : use(id, record);
    },
    async add({ title, role, by }) {
      if (ids.size >= MAX_TOKENS) throw new AppError('conflict', `There are ${MAX_TOKENS} tokens; remove those no longer used`);
      const token = `mt_${freshSecret(random)}`;
      const id = freshSecret(random, 9);
      const record = { title, role, created_at: now(), created_by: by, last_used: null, hash: sha256(token) };
      await mirror.put(id, record);
      ids.set(record.hash, id);
      return { ...viewOf(id, record), token };
    },
    async remove(id) {
      ids.delete(mirror.records.get(id)?.hash ?? '');
      await mirror.drop([id]);
    },
  };
};
