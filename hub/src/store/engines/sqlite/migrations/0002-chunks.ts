import type { Migration } from './migration.js';
import { moveRows } from './move-rows.js';

/**
 * Packed chunks instead of plain rows (keys: `ids`). Device ids are never used twice: journal rows of a forgotten one may
 * still lie there. `staged.seal` numbers the transaction that stored it, on from the journal's: it holds all journal rows
 * of its (device, slot) before that number. `pending` names the (device, window)s with staged chunks after seal `since` that
 * are not in `archive` yet.
 */
export const chunks: Migration = {
  version: 2,
  sql: `
    ALTER TABLE rows RENAME TO old_rows;
    ALTER TABLE marks RENAME TO old_marks;
    ALTER TABLE devices RENAME TO old_devices;
    ALTER TABLE lists RENAME TO old_lists;
    ALTER TABLE device_lists RENAME TO old_device_lists;
    CREATE TABLE devices (id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE lists (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, series BLOB NOT NULL) STRICT;
    CREATE TABLE device_lists (device INTEGER NOT NULL, list INTEGER NOT NULL, PRIMARY KEY (device, list)) STRICT, WITHOUT ROWID;
    CREATE TABLE boots (
      id INTEGER PRIMARY KEY AUTOINCREMENT, device INTEGER NOT NULL, boot TEXT NOT NULL, UNIQUE (device, boot)
    ) STRICT;
    CREATE TABLE sequences (boot INTEGER PRIMARY KEY, touched INTEGER NOT NULL, intervals BLOB NOT NULL) STRICT;
    CREATE TABLE journal (id INTEGER PRIMARY KEY, entries BLOB NOT NULL, rows BLOB NOT NULL) STRICT;
    CREATE TABLE staged (
      id INTEGER PRIMARY KEY, seal INTEGER NOT NULL, rows INTEGER NOT NULL, samples INTEGER NOT NULL, blob BLOB NOT NULL
    ) STRICT;
    CREATE TABLE pending (id INTEGER PRIMARY KEY, since INTEGER NOT NULL) STRICT;
    CREATE TABLE archive (id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, samples INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
    CREATE TABLE damage (
      id INTEGER PRIMARY KEY, place TEXT NOT NULL, key INTEGER NOT NULL, fault TEXT NOT NULL, UNIQUE (place, key)
    ) STRICT;
    DROP TABLE totals;
    CREATE TABLE totals (
      one INTEGER PRIMARY KEY CHECK (one = 1), seals INTEGER NOT NULL, trimmed INTEGER NOT NULL,
      staged_rows INTEGER NOT NULL, staged_samples INTEGER NOT NULL, staged_bytes INTEGER NOT NULL,
      archive_rows INTEGER NOT NULL, archive_samples INTEGER NOT NULL, archive_bytes INTEGER NOT NULL
    ) STRICT;
    INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0);
  `,
  move: moveRows,
};
