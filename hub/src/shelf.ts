/** PORT-level helper: a small set of records kept by id, in memory and mirrored as documents of one collection. */
import { createHash } from 'node:crypto';
import { AppError } from '@muster/shared/errors';
import type { Shelf } from './parts.js';
import type { Change, Json, Writer } from './store/store.js';

/** The values of one collection among the recovered documents, by key. */
export const documentsOf = <T>(documents: readonly { collection: string; key: string; value: Json }[], collection: string) =>
  new Map(documents.filter((one) => one.collection === collection).map((one) => [one.key, one.value as T]));

/** Memory changes first, so that documents are queued in the order of the changes; a refused write is taken back. */
export const createShelf = <T extends { id: string }>(
  collection: string,
  writer: Writer,
  initial: Iterable<T> = [],
): Shelf<T> => {
  const records = new Map([...initial].map((record) => [record.id, record]));
  const restore = (id: string, before: T | undefined) => {
    if (before) records.set(id, before);
    else records.delete(id);
  };
  const commit = async (id: string, before: T | undefined) => {
    const value = (records.get(id) ?? null) as Json;
    try {
      await writer.write([{ kind: 'document', collection, key: id, value }]);
    } catch (error) {
      restore(id, before);
      throw error;
    }
  };
  return {
    all: () => [...records.values()],
    get: (id) => records.get(id),
    async put(record) {
      const before = records.get(record.id);
      records.set(record.id, record);
      await commit(record.id, before);
    },
    async delete(id) {
      const before = records.get(id);
      if (!before) return false;
      records.delete(id);
      await commit(id, before);
      return true;
    },
  };
};

/**
 * Memory and store together: `make` changes memory, and only while the store can take what follows from it. Resolves once that is
 * on disk; refused with `storage` or `busy` before anything changed.
 */
export const keep = (
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>,
  bytes: number,
  make: () => readonly Change[],
): Promise<void> =>
  new Promise((done) => {
    if (!writer.healthy) throw new AppError('storage', 'The store cannot write at the moment; nothing was changed');
    if (!writer.accepts(bytes)) throw new AppError('busy', 'The store is behind by more than it may hold; nothing was changed');
    // What memory says now must reach the disk: queued changes are tried again until they do.
    writer.queue(make(), { bytes, urgent: true, done });
  });

/** Of a whole list that people edit: the same content has the same version. */
export const versionOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

/** Whoever sends the version that was read does not overwrite what somebody else did since. */
export const requireVersion = (what: string, value: unknown, version: string | undefined): void => {
  if (version === undefined || version === versionOf(value)) return;
  throw new AppError('conflict', `${what} were changed by somebody else meanwhile; nothing was saved`, {
    path: 'version',
    hint: 'Read them again and repeat the change.',
  });
};
