/** A step of the schema; `version` is what `user_version` is after it. Released ones never change. */
export interface Migration {
  version: number;
  sql: string;
}
