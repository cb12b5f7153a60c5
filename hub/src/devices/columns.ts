/** The column lists of every device: equal lists are held once, however many devices use them. */
import { AppError } from '@muster/shared/errors';
import { createInterner } from '@muster/shared/intern';
import { canonicalKey } from '@muster/shared/metrics';
import { idOfColumns } from '@muster/shared/wire/codec';
import type { ColumnList } from '@muster/shared/wire/messages';
import { hashOf } from './keys.js';
import { DEVICE_LIMITS } from './limits.js';

export type Columns = readonly string[];

export interface ColumnShelf {
  get(device: string, id: string): Columns | undefined;
  /** Takes a checked list; answers the ids that had to go, null when it was known. */
  put(device: string, list: { id: string; columns: Columns }): string[] | null;
  /** What `put` would answer null to from then on. */
  restore(device: string, list: { id: string; columns: Columns }): void;
  ids(device: string): string[];
  forget(device: string): void;
}

/** The list with canonical keys; throws `bad_request` when its id is wrong or a series is named twice. */
export const checkColumns = ({ id, list }: ColumnList): { id: string; columns: Columns } => {
  if (idOfColumns(list) !== id)
    throw new AppError('bad_request', `columns id ${id} is not the hash of its list; send ${idOfColumns(list)}`);
  const columns = list.map(canonicalKey);
  if (new Set(columns).size !== columns.length) throw new AppError('bad_request', `columns ${id} names a series twice`);
  return { id, columns };
};

interface Entry {
  columns: Columns;
  chars: number;
}

export const createColumnShelf = (): ColumnShelf => {
  const devices = new Map<string, Map<string, Entry>>();
  const interner = createInterner<Entry>();
  const entryOf = (columns: Columns): Entry => {
    const text = columns.join('\n');
    return interner.intern(hashOf(text).toString('base64'), () => ({ columns, chars: text.length }));
  };
  const listsOf = (device: string): Map<string, Entry> => {
    const known = devices.get(device);
    if (known) return known;
    const fresh = new Map<string, Entry>();
    devices.set(device, fresh);
    return fresh;
  };
  /** Lists that are one array need be looked at once. */
  const seen = new WeakMap<Columns, Entry>();
  return {
    restore(device, { id, columns }) {
      const entry = seen.get(columns) ?? entryOf(columns);
      seen.set(columns, entry);
      listsOf(device).set(id, entry);
    },
    get: (device, id) => devices.get(device)?.get(id)?.columns,
    put(device, { id, columns }) {
      const lists = listsOf(device);
      const known = lists.get(id);
      lists.delete(id);
      lists.set(id, known ?? entryOf(columns));
      return known ? null : evict(lists);
    },
    ids: (device) => [...(devices.get(device)?.keys() ?? [])],
    forget: (device) => void devices.delete(device),
  };
};

/** The lists that a birth named last stay; the newest one always does. */
const evict = (lists: Map<string, Entry>): string[] => {
  const gone: string[] = [];
  let chars = 0;
  for (const entry of lists.values()) chars += entry.chars;
  for (const [id, entry] of lists) {
    const fits = lists.size <= DEVICE_LIMITS.column_lists && chars <= DEVICE_LIMITS.column_chars;
    if (fits || lists.size === 1) break;
    lists.delete(id);
    chars -= entry.chars;
    gone.push(id);
  }
  return gone;
};
