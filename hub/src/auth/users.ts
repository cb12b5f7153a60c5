import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import { ROLES, type UserView } from '../parts.js';
import type { Json, Writer } from '../store/store.js';
import { createMirror } from './mirror.js';
import { passwordRecord } from './password.js';

/** People who sign in with a password; the key is their name. */
const userRecord = v.object({ role: v.picklist(ROLES), created_at: v.number(), password: passwordRecord });
export type UserRecord = v.InferOutput<typeof userRecord>;

export interface Users {
  readonly size: number;
  get(name: string): UserRecord | undefined;
  list(): UserView[];
  put(name: string, record: UserRecord): Promise<void>;
  remove(name: string): Promise<void>;
}

const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._@+-]{0,62}$/u;
const MAX_USERS = 200;

/** A name as it is kept; the same letters typed on another keyboard are the same name. */
export const canonicalName = (name: string): string => name.normalize('NFC').trim();

export const checkNewName = (name: string): void => {
  if (NAME.test(name)) return;
  throw new AppError('bad_request', 'A name has 1 to 63 letters, digits, spaces or . _ @ + - and starts with a letter or digit', {
    path: 'name',
  });
};

export const createUsers = (writer: Writer, documents: readonly { collection: string; key: string; value: Json }[]): Users => {
  const mirror = createMirror(writer, documents, { collection: 'users', schema: userRecord });
  return {
    get size() {
      return mirror.records.size;
    },
    get: (name) => mirror.records.get(name),
    list: () => [...mirror.records].map(([name, { role, created_at }]) => ({ name, role, created_at })),
    async put(name, record) {
      if (mirror.records.size >= MAX_USERS && !mirror.records.has(name))
        throw new AppError('conflict', `There are ${MAX_USERS} users; remove those who left`);
      await mirror.put(name, record);
    },
    remove: (name) => mirror.drop([name]),
  };
};
