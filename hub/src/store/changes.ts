/** What every engine refuses before it touches anything: changes that no store could hold. */
import { AppError } from '@muster/shared/errors';
import { BASE_UNITS } from '@muster/shared/money';
import { type Change, type LedgerEntry, MOST_SERIES, type SeriesQuery, type StoredRow } from './store.js';

/** Throws `bad_request` naming the first bad change; `sound`: lists looked at before, which is most of the work (1 µs of 30 columns). */
export const checkChanges = (changes: readonly Change[], sound: WeakSet<readonly string[]> = new WeakSet()): void => {
  let index = 0;
  for (const change of changes) {
    const fault = faultOf(change, sound);
    if (fault) {
      const path = `${index}`;
      throw new AppError('bad_request', `Change ${index} (${change.kind}) cannot be stored: ${fault}`, { path });
    }
    index++;
  }
};

/** Throws `bad_request` on more series than are answered at once. */
export const checkQueries = (queries: readonly SeriesQuery[]): void => {
  if (queries.length > MOST_SERIES)
    throw new AppError('bad_request', `${queries.length} series are asked for at once; ask for at most ${MOST_SERIES}`);
};

const faultOf = (change: Change, sound: WeakSet<readonly string[]>): string | null => {
  switch (change.kind) {
    case 'rows':
      return named(change.device) ?? listFault(change.columns, sound) ?? rowsFault(change.columns, change.rows);
    case 'mark':
      return named(change.device) ?? identityFault(change.boot, change.seq);
    case 'log':
      return whole(change.number, 1) && whole(change.ts, 0) ? null : 'number and ts must be whole numbers';
    case 'entry':
      return entryFault(change.entry);
    case 'document':
      return typeof change.collection === 'string' && typeof change.key === 'string' ? null : 'it needs a collection and a key';
    case 'forget':
      return named(change.device);
    default:
      return 'its kind is unknown';
  }
};

const whole = (value: number, min: number): boolean => Number.isSafeInteger(value) && value >= min;
const named = (device: string): string | null => (typeof device === 'string' && device !== '' ? null : 'it names no device');

const identityFault = (boot: string, seq: number): string | null =>
  typeof boot === 'string' && boot !== '' && whole(seq, 0) ? null : 'boot and seq must be a text and a whole number';

const listFault = (columns: readonly string[], sound: WeakSet<readonly string[]>): string | null => {
  if (sound.has(columns)) return null;
  if (new Set(columns).size !== columns.length) return 'a column comes twice';
  sound.add(columns);
  return null;
};

const LAST_TS = Date.UTC(2220, 0);

const rowsFault = (columns: readonly string[], rows: readonly StoredRow[]): string | null => {
  for (const row of rows) {
    if (!whole(row.ts, 0) || row.ts > LAST_TS) return 'ts must be a whole number of ms before the year 2220';
    if (row.boot !== null && row.seq !== null && identityFault(row.boot, row.seq)) return identityFault(row.boot, row.seq);
    if (row.values.length !== columns.length) return `a row has ${row.values.length} values for ${columns.length} columns`;
    if (!isFiniteOrMissing(row.values)) return 'a value is not a finite number';
  }
  return null;
};

/** NaN is no value, as null is. */
const isFiniteOrMissing = (values: ArrayLike<number | null>): boolean => {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const fits =
      value === null || (typeof value === 'number' && value !== Number.POSITIVE_INFINITY && value !== Number.NEGATIVE_INFINITY);
    if (!fits) return false;
  }
  return true;
};

const entryFault = (entry: LedgerEntry): string | null => {
  if (!BASE_UNITS.test(entry.amount)) return 'amount must be a whole decimal number as a string';
  if (!whole(entry.ts, 0) || !whole(entry.seen, 0)) return 'ts and seen must be whole numbers of ms';
  return typeof entry.id === 'string' && entry.id !== '' ? null : 'it has no id';
};
