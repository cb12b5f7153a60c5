import type Database from 'better-sqlite3';
import { asStored, createChunks } from '../chunks.js';
import { createDictionary, type Dictionary } from '../dictionary.js';
import { createIdentities, type Identities } from '../identities.js';
import { archiveId, slotOf, stagedId, windowOfSlot } from '../ids.js';
import { mergeTables, type Table } from '../table.js';
import { createTotals } from '../totals.js';

/** Plain rows of schema 1 become staged chunks, slot by slot; merging and rolling them up is left to the running store. */
interface OldRow {
  list: number;
  ts: number;
  boot: string | null;
  seq: number | null;
  vals: string;
}

interface Moving {
  db: Database.Database;
  dictionary: Dictionary;
  identities: Identities;
  /** New list by old list. */
  lists: Map<number, number>;
}

const SEAL = 1;

export const moveRows = (db: Database.Database): void => {
  db.exec('INSERT INTO devices SELECT id, device FROM old_devices');
  const moving: Moving = {
    db,
    dictionary: createDictionary(db, { alone: true }),
    identities: createIdentities(db),
    lists: new Map(),
  };
  for (const { id, columns } of db.prepare<[], { id: number; columns: string }>('SELECT id, columns FROM old_lists').all())
    moving.lists.set(id, moving.dictionary.makeList(JSON.parse(columns)));
  for (const { device, list } of db.prepare<[], { device: number; list: number }>('SELECT * FROM old_device_lists').all())
    moving.dictionary.join(device, moving.lists.get(list) ?? 0);
  for (const device of db.prepare<[], number>('SELECT id FROM devices').pluck().all()) moveDevice(moving, device);
  moving.identities.save(moving.identities.dirty());
  createTotals(db).add({ seals: SEAL });
  for (const table of ['old_rows', 'old_marks', 'old_device_lists', 'old_lists', 'old_devices']) db.exec(`DROP TABLE ${table}`);
};

const moveDevice = ({ db, dictionary, identities, lists }: Moving, device: number): void => {
  const marks = db
    .prepare<[number], { boot: string; seq: number }>('SELECT boot, seq FROM old_marks WHERE device = ?')
    .all(device);
  for (const { boot, seq } of marks) identities.add(identities.of(device, boot), seq, Date.now());
  const rows = db.prepare<[number], OldRow>('SELECT list, ts, boot, seq, vals FROM old_rows WHERE device = ? ORDER BY ts, id');
  let slot = -1;
  let tables: Table[] = [];
  for (const { list, ts, boot, seq, vals } of rows.all(device)) {
    if (boot !== null && seq !== null) identities.add(identities.of(device, boot), seq, Date.now());
    if (slotOf(device, ts) !== slot) {
      stage(db, { device, slot, tables });
      [slot, tables] = [slotOf(device, ts), []];
    }
    const values = (JSON.parse(vals) as (number | null)[]).map((value) => Float64Array.of(value ?? Number.NaN));
    tables.push({ ts: Float64Array.of(ts), ids: dictionary.seriesOf(lists.get(list) ?? 0), columns: values });
  }
  stage(db, { device, slot, tables });
};

const stage = (db: Database.Database, { device, slot, tables }: { device: number; slot: number; tables: Table[] }): void => {
  const merged = mergeTables(tables);
  if (!merged) return;
  const chunk = asStored(merged);
  createChunks(db).stage({ id: stagedId(device, slot, 0), seal: SEAL, ...chunk });
  db.prepare<[number]>('INSERT INTO pending VALUES (?, 0) ON CONFLICT DO NOTHING').run(archiveIdOf(device, slot));
  createTotals(db).add({ staged_rows: chunk.rows, staged_samples: chunk.samples, staged_bytes: chunk.blob.length });
};

const archiveIdOf = (device: number, slot: number): number => archiveId(device, windowOfSlot(slot));
