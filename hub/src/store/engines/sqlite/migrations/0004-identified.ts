import type { Migration } from './migration.js';

/** Of journal records up to this number `sequences` holds all identities: a start reads only those of later ones. */
export const identified: Migration = {
  version: 4,
  sql: 'ALTER TABLE totals ADD COLUMN identified INTEGER NOT NULL DEFAULT 0',
};
