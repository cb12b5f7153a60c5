/** Logs, ledger entries, totals, and what a start finds. */
import { AppError } from '@muster/shared/errors';
import type { RawRecovered } from '../../recovered.js';
import type { EntryQuery, LedgerEntry, LogQuery, LogRecord, StoreStats } from '../../store.js';
import type { Connection } from './connect.js';
import { createTotals } from './totals.js';

type Parameter = string | number;
interface LogText extends Omit<LogRecord, 'value'> {
  value: string;
}

export const readLog = (db: Connection, { log, after, limit, device, newest = false }: LogQuery): LogRecord[] => {
  const where = ['log = ?', newest ? '(? <= 0 OR number < ?)' : 'number > ?'];
  const parameters: Parameter[] = newest ? [log, after, after] : [log, after];
  if (device !== undefined) {
    where.push('device = ?');
    parameters.push(device);
  }
  const sql = `SELECT number, ts, device, value FROM logs WHERE ${where.join(' AND ')} ORDER BY number ${newest ? 'DESC' : 'ASC'} LIMIT ?`;
  const records = db.prepare<Parameter[], LogText>(sql).all(...parameters, limit);
  return records.map((record) => ({ ...record, value: JSON.parse(record.value) }));
};

const CONDITIONS: Partial<Record<keyof EntryQuery, string>> = {
  from: 'ts >= ?',
  to: 'ts < ?',
  device: 'device = ?',
  network: 'network = ?',
};

export const readEntries = (db: Connection, query: EntryQuery): LedgerEntry[] => {
  const where = ['1'];
  const parameters: Parameter[] = [];
  for (const key of ['from', 'to', 'device', 'network'] as const) {
    const value = query[key];
    if (value === undefined) continue;
    where.push(CONDITIONS[key] ?? '1');
    parameters.push(value);
  }
  if (query.without_opening) where.push("kind <> 'opening'");
  if (query.after !== undefined) {
    where.push('(ts, id) > (?, ?)');
    parameters.push(timeOfEntry(db, query.after), query.after);
  }
  const sql = `SELECT * FROM entries WHERE ${where.join(' AND ')} ORDER BY ts, id LIMIT ?`;
  const found = db.prepare<Parameter[], Omit<LedgerEntry, 'exact'> & { exact: number }>(sql).all(...parameters, query.limit);
  return found.map((entry) => ({ ...entry, exact: entry.exact === 1 }));
};

const timeOfEntry = (db: Connection, id: string): number => {
  const ts = db.prepare<[string], number>('SELECT ts FROM entries WHERE id = ?').pluck().get(id);
  if (ts === undefined) throw new AppError('bad_request', `There is no ledger entry "${id}" to go on after`);
  return ts;
};

/** What lies in the file, in records. */
export interface Contents {
  devices: number;
  journal: number;
  chunks: number;
  rollups: number;
}

/** Reads every page of these tables' trees: minutes of a large file. */
export const readContents = (db: Connection): Contents => {
  const count = (table: string) => db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
  return {
    devices: count('devices'),
    journal: count('journal'),
    chunks: count('staged') + count('archive'),
    rollups: count('five') + count('hour'),
  };
};

/** `head`: what is in memory only. */
export const readStats = (db: Connection, head: { rows: number; samples: number }): StoreStats => {
  const bytes = Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }));
  const totals = createTotals(db).read();
  const damaged = db.prepare<[], number>('SELECT count(*) FROM damage').pluck().get() ?? 0;
  return {
    bytes,
    rows: totals.archive_rows + totals.staged_rows + head.rows,
    samples: totals.archive_samples + totals.staged_samples + head.samples,
    raw_bytes: totals.archive_bytes,
    staged_bytes: totals.staged_bytes,
    damaged,
  };
};

export const recoverRecords = (db: Connection): Omit<RawRecovered, 'sequences'> => {
  const documents = db
    .prepare<[], [collection: string, key: string, text: string]>('SELECT collection, key, value FROM documents')
    .raw()
    .iterate();
  const newest = new Map(
    db.prepare<[], { log: string; number: number }>('SELECT log, max(number) AS number FROM logs GROUP BY log').all().map(asPair),
  );
  return {
    documents,
    numbers: {
      alerts: newest.get('alerts') ?? 0,
      audit: newest.get('audit') ?? 0,
      quarantine: newest.get('quarantine') ?? 0,
    },
  };
};

const asPair = ({ log, number }: { log: string; number: number }): [string, number] => [log, number];
