import type Database from 'better-sqlite3';

/** A step of the schema; `version` is what `user_version` is after it. Released ones never change. */
export interface Migration {
  version: number;
  sql: string;
  /** What SQL cannot do, after `sql`, in the same transaction. */
  move?(db: Database.Database): void;
}
