import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { Change, Json, Writer } from '../store/store.js';

/** A map in memory whose records are documents of one collection. */
export interface Mirror<T> {
  readonly records: ReadonlyMap<string, T>;
  /** On disk before it is in memory. */
  put(key: string, record: T): Promise<void>;
  /** In memory at once, on disk with the next commit. */
  touch(key: string, record: T): void;
  /** Out of memory at once; resolves when it is off the disk, or at once while the store cannot commit (it is retried). */
  drop(keys: readonly string[]): Promise<void>;
}

const DOCUMENT_BYTES = 300;

type Documents = readonly { collection: string; key: string; value: Json }[];

export const createMirror = <S extends v.GenericSchema<Json, Json>>(
  writer: Writer,
  documents: Documents,
  { collection, schema }: { collection: string; schema: S },
): Mirror<v.InferOutput<S>> => {
  type T = v.InferOutput<S>;
  const records = new Map<string, T>(
    documents.filter((one) => one.collection === collection).map(({ key, value }) => [key, read(schema, key, value, collection)]),
  );
  const change = (key: string, value: Json): Change => ({ kind: 'document', collection, key, value });
  return {
    records,
    async put(key, record) {
      await writer.write([change(key, record)]);
      records.set(key, record);
    },
    touch(key, record) {
      records.set(key, record);
      writer.queue([change(key, record)], { bytes: DOCUMENT_BYTES });
    },
    drop(keys) {
      for (const key of keys) records.delete(key);
      return dropped(
        writer,
        keys.map((key) => change(key, null)),
      );
    },
  };
};

/** A damaged record stops the start: skipping a user would open the hub to whoever sets it up next. */
const read = <S extends v.GenericSchema>(schema: S, key: string, value: Json, collection: string): v.InferOutput<S> => {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new AppError('damaged', `The record "${key}" of ${collection} is damaged; restore the hub from a backup`);
};

const dropped = (writer: Writer, changes: Change[]): Promise<void> =>
  new Promise((resolve) => {
    if (changes.length === 0) return resolve();
    writer.queue(changes, { bytes: changes.length * DOCUMENT_BYTES, urgent: true, done: resolve });
    if (!writer.healthy) resolve();
  });
