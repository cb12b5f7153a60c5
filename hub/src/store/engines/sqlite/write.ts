/** Applies changes inside one transaction; repeating a whole commit changes nothing. */
import { checkChanges } from '../../changes.js';
import type { Change, LedgerEntry, StoredRow } from '../../store.js';
import type { Connection } from './connect.js';
import type { Dictionary } from './dictionary.js';

type Of<K extends Change['kind']> = Extract<Change, { kind: K }>;
interface Writing {
  db: Connection;
  sql: ReturnType<typeof statements>;
  dictionary: Dictionary;
  /** What this commit adds to the totals. */
  added: { rows: number; samples: number };
}

export const createCommit = (db: Connection, dictionary: Dictionary) => {
  const writing: Writing = { db, sql: statements(db), dictionary, added: { rows: 0, samples: 0 } };
  const apply = db.transaction((changes: readonly Change[]) => {
    writing.added = { rows: 0, samples: 0 };
    for (const change of changes) applyChange(writing, change);
    const { rows, samples } = writing.added;
    if (rows !== 0 || samples !== 0) writing.sql.addTotals.run(rows, samples);
  });
  return (changes: readonly Change[]): void => {
    checkChanges(changes);
    try {
      apply.immediate(changes);
    } catch (error) {
      dictionary.forget();
      throw error;
    }
  };
};

const applyChange = (writing: Writing, change: Change): void => {
  if (change.kind === 'rows') writeRows(writing, change);
  else if (change.kind === 'mark') writing.sql.mark.run(writing.dictionary.makeDevice(change.device), change.boot, change.seq);
  else if (change.kind === 'document') writeDocument(writing, change);
  else if (change.kind === 'log') writeLog(writing, change);
  else if (change.kind === 'entry') writeEntry(writing, change.entry);
  else forget(writing, change.device);
};

const writeRows = (writing: Writing, { device: name, columns, rows }: Of<'rows'>): void => {
  const device = writing.dictionary.makeDevice(name);
  const list = writing.dictionary.makeList(columns);
  writing.dictionary.join(device, list);
  for (const row of rows) {
    const identified = row.boot !== null && row.seq !== null;
    if (!identified) replaceCovered(writing, { device, list, row });
    writeRow(writing, { device, list, row }, identified);
  }
};

interface Place {
  device: number;
  list: number;
  row: StoredRow;
}

const count = (values: readonly (number | null)[]): number =>
  values.reduce<number>((sum, value) => sum + (value === null ? 0 : 1), 0);

const writeRow = (writing: Writing, { device, list, row }: Place, identified: boolean): void => {
  const { boot, seq, ts, values } = row;
  const samples = count(values);
  const { insert } = writing.sql;
  const { changes } = insert.run(
    device,
    list,
    ts,
    identified ? boot : null,
    identified ? seq : null,
    samples,
    JSON.stringify(values),
  );
  if (changes === 0) return;
  writing.added.rows++;
  writing.added.samples += samples;
};

/** A row without identity that comes again takes the place of its older copy, unless that one still tells something. */
const replaceCovered = (writing: Writing, { device, list, row }: Place): void => {
  for (const old of writing.sql.unidentified.all(device, list, row.ts)) {
    const values = JSON.parse(old.vals) as (number | null)[];
    if (!values.every((value, index) => value === null || row.values[index] !== null)) continue;
    writing.sql.deleteRow.run(old.id);
    writing.added.rows--;
    writing.added.samples -= count(values);
  }
};

const writeDocument = ({ sql }: Writing, { collection, key, value }: Of<'document'>): void => {
  if (value === null) sql.deleteDocument.run(collection, key);
  else sql.putDocument.run(collection, key, JSON.stringify(value));
};

const writeLog = ({ sql }: Writing, { log, number, ts, device, value, keep }: Of<'log'>): void => {
  sql.log.run(log, number, ts, device, JSON.stringify(value));
  if (keep !== undefined) sql.trimLog.run(log, number - Math.max(1, keep));
};

const writeEntry = ({ sql }: Writing, entry: LedgerEntry): void => {
  const { id, device, network, account, token, decimals, source, ts, amount, exact, kind, seen } = entry;
  sql.entry.run(id, device, network, account, token, decimals, source, ts, amount, exact ? 1 : 0, kind, seen);
};

const forget = ({ db, sql, dictionary, added }: Writing, name: string): void => {
  const device = dictionary.device(name);
  sql.forgetEntries.run(name);
  if (device === undefined) return;
  const had = sql.deviceTotals.get(device) ?? { rows: 0, samples: 0 };
  added.rows -= had.rows;
  added.samples -= had.samples;
  for (const table of ['rows', 'marks', 'device_lists'])
    db.prepare<[number]>(`DELETE FROM ${table} WHERE device = ?`).run(device);
  sql.forgetDevice.run(device);
  dictionary.forget();
};

interface Kept {
  id: number;
  vals: string;
}

const statements = (db: Connection) => ({
  insert: db.prepare<[number, number, number, string | null, number | null, number, string]>(
    `INSERT INTO rows (device, list, ts, boot, seq, samples, vals) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (device, boot, seq) WHERE boot IS NOT NULL DO NOTHING`,
  ),
  unidentified: db.prepare<[number, number, number], Kept>(
    'SELECT id, vals FROM rows WHERE device = ? AND list = ? AND ts = ? AND boot IS NULL',
  ),
  deleteRow: db.prepare<[number]>('DELETE FROM rows WHERE id = ?'),
  mark: db.prepare<[number, string, number]>('INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
  putDocument: db.prepare<[string, string, string]>(
    'INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value',
  ),
  deleteDocument: db.prepare<[string, string]>('DELETE FROM documents WHERE collection = ? AND key = ?'),
  log: db.prepare<[string, number, number, string | null, string]>(
    'INSERT INTO logs VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  ),
  trimLog: db.prepare<[string, number]>('DELETE FROM logs WHERE log = ? AND number <= ?'),
  entry: db.prepare<(string | number)[]>(
    'INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  ),
  forgetEntries: db.prepare<[string]>('DELETE FROM entries WHERE device = ?'),
  forgetDevice: db.prepare<[number]>('DELETE FROM devices WHERE id = ?'),
  deviceTotals: db.prepare<[number], { rows: number; samples: number }>(
    'SELECT count(*) AS rows, coalesce(sum(samples), 0) AS samples FROM rows WHERE device = ?',
  ),
  addTotals: db.prepare<[number, number]>('UPDATE totals SET rows = rows + ?, samples = samples + ?'),
});
