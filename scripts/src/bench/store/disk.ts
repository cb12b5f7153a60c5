import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AppError } from '@muster/shared/errors';
import Database from 'better-sqlite3';

/** Bytes that this process has caused to be written to a disk so far (all threads); cut files are not taken off. */
export const bytesWritten = (): number => {
  const found = /^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'));
  return Number(found?.[1] ?? Number.NaN);
};

export interface BenchFolder {
  path(name: string): string;
  remove(): void;
}

/** A folder whose files stay, for a bench whose files take minutes to make. */
export const keptFolder = (path: string): BenchFolder => {
  const folder = resolve(process.env['INIT_CWD'] ?? '.', path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { path: (name) => join(folder, name), remove: () => {} };
};

/** A folder on a disk for one bench; `TMPDIR` chooses where. */
export const benchFolder = (needed_bytes: number): BenchFolder => {
  const { bavail, bsize } = statfsSync(tmpdir());
  const free = bavail * bsize;
  if (free < needed_bytes)
    throw new AppError(
      'bad_request',
      `${tmpdir()} has ${gigabytes(free)} free and this bench needs ${gigabytes(needed_bytes)}; choose another folder by TMPDIR`,
    );
  const folder = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // Ctrl-C too must not leave gigabytes behind.
  process.once('exit', remove);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return { path: (name) => join(folder, name), remove };
};

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

export interface TableSize {
  name: string;
  bytes: number;
}

/** Vacuums a closed database and says what each table and index takes; the pages add up to the file. */
export const vacuum = (file: string): { bytes: number; tables: TableSize[] } => {
  const db = new Database(file);
  try {
    db.exec('VACUUM');
    db.pragma('wal_checkpoint(TRUNCATE)');
    const bytes = Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }));
    const tables = db
      .prepare<[], TableSize>('SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name ORDER BY bytes DESC')
      .all();
    return { bytes, tables };
  } finally {
    db.close();
  }
};
