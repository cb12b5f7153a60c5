import type { Migration } from './migration.js';

/** Of journal records up to this number `sequences` holds all identities: a start reads only those of later ones. */
export const identified: Migration = {
  version: 4,
  sql: `
    CREATE TABLE identified (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL) STRICT;
    INSERT INTO identified VALUES (1, 0);
  `,
};
