/** PORT: what the hub keeps, engine-neutral. Asynchronous and bulk-first; every engine passes `conformance`. */
import type { MetricKind } from '@muster/shared/metrics';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** One row of a device: `values[i]` belongs to `columns[i]` of its change; null or NaN = no value. `boot`/`seq` null: a named report without identity. */
export interface StoredRow {
  boot: string | null;
  seq: number | null;
  ts: number;
  values: ArrayLike<number | null>;
}

/** Numbered, append-only logs. */
export type LogName = 'alerts' | 'audit' | 'quarantine';

/** A dated amount of the ledger; `amount` is a decimal string in base units, never a float. */
export interface LedgerEntry {
  id: string;
  device: string;
  network: string;
  account: string;
  token: string;
  decimals: number;
  source: string;
  /** Time earned, ms. */
  ts: number;
  amount: string;
  exact: boolean;
  /** `opening`: history before Muster watched; part of the lifetime total, of no day or period. */
  kind: 'opening' | 'increase' | 'correction';
  /** When the hub first saw it, ms. */
  seen: number;
}

/** Everything that can be written; a commit applies its changes in order, all or none. */
export type Change =
  | { kind: 'rows'; device: string; columns: readonly string[]; rows: readonly StoredRow[] }
  /** Marks (device, boot, seq) as stored for messages that leave no row (rewards, events). */
  | { kind: 'mark'; device: string; boot: string; seq: number }
  /** Small state that its part keeps in memory and mirrors here; `value` null deletes. */
  | { kind: 'document'; collection: string; key: string; value: Json }
  /** `number` is given by the writer, rising by one in each log; keeps at most `keep` newest when given. */
  | { kind: 'log'; log: LogName; number: number; ts: number; device: string | null; value: Json; keep?: number }
  /** Stored once per id; a second one with the same id changes nothing. */
  | { kind: 'entry'; entry: LedgerEntry }
  /** Deletes all rows, marks and entries of a device. */
  | { kind: 'forget'; device: string };

/** What a start finds on disk. Values are not to be changed: equal ones may be one object. */
export interface Recovered {
  documents: { readonly collection: string; readonly key: string; readonly value: Json }[];
  /** Closed seq intervals stored so far. */
  sequences: { device: string; boot: string; intervals: [from: number, to: number][] }[];
  /** Newest number of each log, 0 when empty. */
  numbers: Record<LogName, number>;
}

export interface SeriesQuery {
  device: string;
  /** Series key: metric with labels. */
  series: string;
  kind: MetricKind;
  /** [from, to) in ms. */
  from: number;
  to: number;
  /** At most this many buckets. */
  points: number;
}

/** Series of one question: a page of charts; more would hold up other readers for too long. */
export const MOST_SERIES = 50;

/** `[bucket start, min, mean, max]`; counters as rate per second; no point = gap. */
export type Point = [ts: number, min: number, mean: number, max: number];
export interface SeriesResult {
  tier: 'raw' | '5m' | '1h';
  points: Point[];
}

export interface LatestValue {
  device: string;
  series: string;
  ts: number;
  value: number;
}

export interface TopQuery {
  metric: string;
  from: number;
  to: number;
  n: number;
  by: 'increase' | 'mean' | 'max';
}

export interface LogQuery {
  log: LogName;
  after: number;
  limit: number;
  device?: string;
  /** Newest first instead of rising numbers; `after` > 0 then goes on below that number. */
  newest?: boolean;
}
export interface LogRecord {
  number: number;
  ts: number;
  device: string | null;
  value: Json;
}

export interface EntryQuery {
  from?: number;
  to?: number;
  device?: string;
  network?: string;
  /** Leaves out `opening` entries, as every day and period must. */
  without_opening?: boolean;
  after?: string;
  limit: number;
}

/** How large the store will be if every day goes on like the last one, all tiers counted. */
export interface Forecast {
  /** Bytes that a day adds to each tier. */
  per_day: { raw: number; five: number; hour: number };
  after: { days: number; bytes: number }[];
}

export interface StoreStats {
  bytes: number;
  /** Rows by (device, time); late copies of one count until they are merged. */
  rows: number;
  samples: number;
  /** Payload of raw chunks, and of those that wait to be merged. */
  raw_bytes?: number;
  staged_bytes?: number;
  /** Damaged chunks that were met. */
  damaged?: number;
  /** Why nothing is sealed or merged at present; null when all is well. */
  fault?: string | null;
  /** Null: too early to tell. */
  forecast?: Forecast | null;
}

export interface ExportedRow {
  ts: number;
  series: Record<string, number>;
}

export interface ReadOptions {
  /** Once it aborts nobody waits for the answer: the read ends early or never begins. */
  signal?: AbortSignal | undefined;
}

export interface Engine {
  /** Opens or creates; throws AppError `damaged` on a damaged or newer file and changes nothing in it. */
  open(): Promise<Recovered>;
  /** Durable when it resolves; on rejection nothing of it is stored. */
  commit(changes: readonly Change[]): Promise<void>;
  series(query: SeriesQuery, options?: ReadOptions): Promise<SeriesResult>;
  /** The same of several series at once, in the order asked for; more than `MOST_SERIES` are refused. */
  many(queries: readonly SeriesQuery[], options?: ReadOptions): Promise<SeriesResult[]>;
  /** The newest value of every series of every device. */
  latest(options?: ReadOptions): Promise<LatestValue[]>;
  top(query: TopQuery, options?: ReadOptions): Promise<LatestValue[]>;
  log(query: LogQuery): Promise<LogRecord[]>;
  entries(query: EntryQuery): Promise<LedgerEntry[]>;
  /** Rows of a device by time from `after` (exclusive, ms), for its export. */
  rows(device: string, after: number, limit: number, options?: ReadOptions): Promise<ExportedRow[]>;
  stats(): Promise<StoreStats>;
  /** A consistent copy of the whole store while it runs. */
  backup(file: string): Promise<void>;
  /** Every fault found; empty when sound. */
  verify(): Promise<string[]>;
  close(): Promise<void>;
}

/** The only way to change the store; group commits behind it, in order of arrival. */
export interface Writer {
  /** Whether `queue` would take this many bytes now; asked before a message changes anything that its refusal could not take back. */
  accepts(bytes: number): boolean;
  /** Queues changes; `done` runs after the commit that holds them, in order of arrival. Never dropped: retried while the store cannot commit; throws `busy` at the last memory bound. */
  queue(changes: readonly Change[], options: { bytes: number; urgent?: boolean; done?: () => void }): void;
  /** Queues urgently and resolves once on disk; refused at once with `storage` while the store cannot commit (writing the same again is safe). */
  write(changes: readonly Change[]): Promise<void>;
  /** The next number of a log; each is to be written exactly once, in order. */
  number(log: LogName): number;
  /** False while the store cannot commit. */
  readonly healthy: boolean;
}

/** The reading half of an engine, as API and dashboard need it. */
export type Reader = Pick<Engine, 'series' | 'many' | 'top' | 'log' | 'entries' | 'rows' | 'stats' | 'backup' | 'verify'>;
