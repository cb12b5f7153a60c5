/** A check of the whole file: pages, every chunk down to its last value, every journal record, and sums. */
import { AppError } from '@muster/shared/errors';
import { BASE_UNITS } from '@muster/shared/money';
import { openChunk } from './codec/chunk.js';
import type { Connection } from './connect.js';
import { deviceOfArchive, deviceOfStaged, windowOfArchive, windowStart } from './ids.js';
import { readEntries, rowsOf } from './journal.js';
import type { RollupTier } from './rollup-format.js';
import { windowsOfRollup } from './rollups.js';
import { decodeSpans } from './spans.js';
import { createTotals } from './totals.js';

/** Beyond it the rest is only counted. */
const NAMED = 100;

/** Every fault in words; empty when sound. */
export const findFaults = (db: Connection): string[] => {
  const pages = pageFaults(db);
  if (pages.length) return pages;
  // One state of the file: a writer may go on meanwhile.
  const all = db.transaction(() => [
    ...bounded(chunkFaults(db)),
    ...bounded(journalFaults(db)),
    ...spanFaults(db),
    ...countFaults(db),
    ...totalFaults(db),
    ...badAmounts(db),
  ]);
  return all();
};

function* chunkFaults(db: Connection): Generator<string> {
  for (const place of ['staged', 'archive', 'five', 'hour'] as const)
    for (const { id, blob } of db.prepare<[], { id: number; blob: Buffer }>(`SELECT id, blob FROM ${place}`).iterate()) {
      const fault = faultOf(() => {
        const chunk = openChunk(blob);
        chunk.ts();
        for (const series of chunk.ids) chunk.column(series);
      });
      if (fault) yield `${placeOf(db, place, id)}: ${fault}`;
    }
}

const placeOf = (db: Connection, place: 'staged' | 'archive' | RollupTier, id: number): string => {
  const device = place === 'staged' ? deviceOfStaged(id) : deviceOfArchive(id);
  const name = db.prepare<[number], string>('SELECT device FROM devices WHERE id = ?').pluck().get(device) ?? `number ${device}`;
  const window = place === 'archive' ? windowOfArchive(id) : place === 'staged' ? null : windowsOfRollup(place, id)[0];
  const when = window === null ? '' : `, from ${new Date(windowStart(device, window)).toISOString()}`;
  return `a chunk of ${name} (${place} ${id}${when})`;
};

function* journalFaults(db: Connection): Generator<string> {
  const records = db.prepare<[], { id: number; entries: Buffer; rows: Buffer }>('SELECT id, entries, rows FROM journal');
  for (const { id, entries, rows } of records.iterate()) {
    const fault = faultOf(() => {
      readEntries(entries, () => {});
      rowsOf(entries, rows);
    });
    if (fault) yield `journal record ${id}: ${fault}`;
  }
}

const faultOf = (read: () => void): string | null => {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
};

const bounded = (faults: Iterable<string>): string[] => {
  const named: string[] = [];
  let more = 0;
  for (const fault of faults)
    if (named.length < NAMED) named.push(fault);
    else more++;
  return more > 0 ? [...named, `and ${more} more like these`] : named;
};

/** Damage can also stop the check itself. */
const pageFaults = (db: Connection): string[] => {
  try {
    const found = (db.pragma('integrity_check(100)') as { integrity_check: string }[]).map((row) => row.integrity_check);
    return found.join() === 'ok' ? [] : found;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
};

const spanFaults = (db: Connection): string[] =>
  db
    .prepare<[], { boot: number; intervals: Buffer }>('SELECT boot, intervals FROM sequences')
    .all()
    .flatMap(({ boot, intervals }) => {
      const fault = faultOf(() => decodeSpans(intervals));
      return fault ? [`identities of boot ${boot}: ${fault}`] : [];
    });

const COUNTS: Record<string, string> = {
  'a device without a name, or a boot without a device':
    'SELECT count(*) FROM boots WHERE device NOT IN (SELECT id FROM devices)',
  'identities without their boot': 'SELECT count(*) FROM sequences WHERE boot NOT IN (SELECT id FROM boots)',
  'a device with a column list that is not there': `
    SELECT count(*) FROM device_lists WHERE device NOT IN (SELECT id FROM devices) OR list NOT IN (SELECT id FROM lists)`,
  'a 6-h chunk without its device': 'SELECT count(*) FROM archive WHERE id / 16777216 NOT IN (SELECT id FROM devices)',
  'a document or log record that is no JSON': `
    SELECT (SELECT count(*) FROM documents WHERE NOT json_valid(value)) + (SELECT count(*) FROM logs WHERE NOT json_valid(value))`,
};

const countFaults = (db: Connection): string[] =>
  Object.entries(COUNTS).flatMap(([fault, sql]) => {
    const count = db.prepare<[], number>(sql).pluck().get() ?? 0;
    return count > 0 ? [`${count} × ${fault}`] : [];
  });

const totalFaults = (db: Connection): string[] => {
  const kept = createTotals(db).read();
  const found = db
    .prepare<[], { staged_bytes: number; archive_rows: number; archive_samples: number; archive_bytes: number }>(
      `SELECT (SELECT coalesce(sum(length(blob)), 0) FROM staged) AS staged_bytes, coalesce(sum(rows), 0) AS archive_rows,
       coalesce(sum(samples), 0) AS archive_samples, coalesce(sum(length(blob)), 0) AS archive_bytes FROM archive`,
    )
    .get();
  return Object.entries(found ?? {}).flatMap(([name, value]) =>
    kept[name as keyof typeof kept] === value
      ? []
      : [`the sum ${name} is kept as ${kept[name as keyof typeof kept]}, it is ${value}`],
  );
};

const badAmounts = (db: Connection): string[] => {
  const faults: string[] = [];
  for (const { id, amount } of db.prepare<[], { id: string; amount: string }>('SELECT id, amount FROM entries').iterate())
    if (!BASE_UNITS.test(amount)) faults.push(`ledger entry ${id} has the amount "${amount}"`);
  return faults;
};
