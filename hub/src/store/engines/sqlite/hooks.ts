/** What the write path and the read path of this engine need of each other. */
import type { ChunkInput } from './codec/chunk.js';
import type { Table } from './table.js';

/** Rows that are in memory only, of one device in [from, to); merge them after what is on disk (`mergeTables`). */
export type HeadTables = (device: number, wanted: ReadonlySet<number> | null, range: { from: number; to: number }) => Table[];

/** Roll-ups, kept by the read path; all of it runs inside a transaction of the write path. */
export interface RollupHook {
  /** The raw rows of a (device, window) were merged anew: whole, later than anything rolled up of it before. */
  rolled(device: number, window: number, raw: ChunkInput): void;
  forget(device: number): void;
  /** Deletes what ended before these times (null: kept for ever) of one device; answers how many blobs went. */
  expire(device: number, before: { five: number | null; hour: number | null }): number;
}

export const NO_ROLLUPS: RollupHook = { rolled: () => {}, forget: () => {}, expire: () => 0 };

/** Answers when no writer is at hand. */
export const NO_HEAD: HeadTables = () => [];
