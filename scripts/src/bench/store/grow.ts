import { statSync } from 'node:fs';
import Database from 'better-sqlite3';

/** Makes a closed store large with copies of its archived chunks under other devices and earlier windows (layout: `ids` of the engine). */
export interface Grown {
  bytes: number;
  chunks: number;
}

const WINDOWS = 2 ** 24;
/** As many rows in one transaction; a crash of the bench costs the file, not the machine. */
const BATCH = 20_000;

interface Archived {
  id: number;
  rows: number;
  samples: number;
  blob: Buffer;
}

export const grow = (file: string, to_bytes: number): Grown => {
  const db = new Database(file);
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = OFF');
    db.pragma('wal_autocheckpoint = 4000');
    if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'archive'").get()) return { bytes: statSync(file).size, chunks: 0 };
    const models = db.prepare<[number], Archived>('SELECT id, rows, samples, blob FROM archive LIMIT ?').all(500);
    const devices = db.prepare<[], number>('SELECT id FROM devices ORDER BY id').pluck().all();
    if (models.length === 0) return { bytes: statSync(file).size, chunks: 0 };
    const each = models.reduce((sum, { blob }) => sum + blob.length + 40, 0) / models.length;
    const wanted = Math.max(0, Math.ceil((to_bytes - statSync(file).size) / each));
    const chunks = copy(db, models, { devices, wanted });
    recount(db);
    db.pragma('wal_checkpoint(TRUNCATE)');
    return { bytes: statSync(file).size, chunks };
  } finally {
    db.close();
  }
};

const copy = (db: Database.Database, models: readonly Archived[], { devices, wanted }: { devices: number[]; wanted: number }) => {
  const insert = db.prepare('INSERT OR IGNORE INTO archive (id, rows, samples, blob) VALUES (?, ?, ?, ?)');
  const oldest = Math.min(...models.map(({ id }) => id % WINDOWS));
  const each = Math.ceil(wanted / devices.length);
  let chunks = 0;
  const some = db.transaction((from: number) => {
    for (let n = from; n < Math.min(from + BATCH, wanted); n++) {
      const model = models[n % models.length];
      const device = devices[Math.floor(n / each)];
      if (!model || device === undefined) continue;
      // Rising ids: pages are appended, as by a hub over the years.
      chunks += insert.run(device * WINDOWS + oldest - each + (n % each), model.rows, model.samples, model.blob).changes;
    }
  });
  for (let from = 0; from < wanted; from += BATCH) some(from);
  return chunks;
};

const recount = (db: Database.Database): void => {
  const columns = db.prepare<[], string>("SELECT name FROM pragma_table_info('totals')").pluck().all();
  if (!columns.includes('archive_rows')) return;
  db.exec(`UPDATE totals SET (archive_rows, archive_samples, archive_bytes) =
    (SELECT coalesce(sum(rows), 0), coalesce(sum(samples), 0), coalesce(sum(length(blob)), 0) FROM archive)`);
};
