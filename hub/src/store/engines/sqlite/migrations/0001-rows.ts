import type { Migration } from './migration.js';

/** Plain rows: one table row per report row; devices and column lists are kept once. */
export const rows: Migration = {
  version: 1,
  sql: `
    CREATE TABLE devices (id INTEGER PRIMARY KEY, device TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE lists (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, columns TEXT NOT NULL) STRICT;
    CREATE TABLE device_lists (
      device INTEGER NOT NULL REFERENCES devices, list INTEGER NOT NULL REFERENCES lists, PRIMARY KEY (device, list)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rows (
      id INTEGER PRIMARY KEY, device INTEGER NOT NULL REFERENCES devices, list INTEGER NOT NULL REFERENCES lists,
      ts INTEGER NOT NULL, boot TEXT, seq INTEGER, samples INTEGER NOT NULL, vals TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX rows_identity ON rows (device, boot, seq) WHERE boot IS NOT NULL;
    CREATE INDEX rows_time ON rows (device, list, ts);
    CREATE TABLE marks (
      device INTEGER NOT NULL REFERENCES devices, boot TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (device, boot, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE documents (
      collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (collection, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE logs (
      log TEXT NOT NULL, number INTEGER NOT NULL, ts INTEGER NOT NULL, device TEXT, value TEXT NOT NULL, PRIMARY KEY (log, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX logs_device ON logs (log, device, number) WHERE device IS NOT NULL;
    CREATE TABLE entries (
      id TEXT PRIMARY KEY, device TEXT NOT NULL, network TEXT NOT NULL, account TEXT NOT NULL, token TEXT NOT NULL,
      decimals INTEGER NOT NULL, source TEXT NOT NULL, ts INTEGER NOT NULL, amount TEXT NOT NULL, exact INTEGER NOT NULL,
      kind TEXT NOT NULL, seen INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX entries_time ON entries (ts, id);
    CREATE INDEX entries_device ON entries (device, ts, id);
    CREATE TABLE totals (one INTEGER PRIMARY KEY CHECK (one = 1), rows INTEGER NOT NULL, samples INTEGER NOT NULL) STRICT;
    INSERT INTO totals VALUES (1, 0, 0);
  `,
};
