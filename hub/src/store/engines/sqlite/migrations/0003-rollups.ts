import type { Migration } from './migration.js';

/**
 * `five`: 5-minute roll-ups by (device, 4 windows); `hour`: 1-hour ones by (device, 16 windows). Keys as in `archive`;
 * `tag` is of the blob, to be seen without reading it; `rolled` counts the changes of both;
 * by their seal the newest staged chunks are found.
 */
export const rollups: Migration = {
  version: 3,
  sql: `
    CREATE TABLE five (id INTEGER PRIMARY KEY, tag INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
    CREATE TABLE hour (id INTEGER PRIMARY KEY, blob BLOB NOT NULL) STRICT;
    CREATE TABLE rolled (one INTEGER PRIMARY KEY CHECK (one = 1), changes INTEGER NOT NULL) STRICT;
    INSERT INTO rolled VALUES (1, 0);
    CREATE INDEX staged_seal ON staged (seal);
  `,
};
