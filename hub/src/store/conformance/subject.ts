import type { Change, Engine, LedgerEntry, Recovered, SeriesQuery, StoredRow } from '../store.js';

export interface EngineUnderTest {
  /** Not open yet. */
  engine: Engine;
  /** Another engine on the same data, not open yet; the first one is closed. */
  reopen(): Promise<Engine>;
  cleanup(): Promise<void>;
  /** Runs after every commit: an engine that moves data behind it does so now. */
  settle?(engine: Engine): Promise<void>;
}

/** What the cases work with. */
export interface Bench {
  engine(): Engine;
  /** Closes and opens anew; answers what was recovered. */
  reopen(): Promise<Recovered>;
}

/** A full hour, so that bucket edges are easy to read. */
export const START = Date.UTC(2026, 0, 5, 12);
export const BOOT = 'aaaabbbb';

export const row = (seq: number, ts: number, values: StoredRow['values'], boot = BOOT): StoredRow => ({ boot, seq, ts, values });
export const named = (ts: number, values: StoredRow['values']): StoredRow => ({ boot: null, seq: null, ts, values });
export const rows = (device: string, columns: string[], list: StoredRow[]): Change => ({
  kind: 'rows',
  device,
  columns,
  rows: list,
});

/** Rows of one series every `every_ms` from START, seq from 1. */
export const track = (device: string, series: string, values: (number | null)[], every_ms = 10_000): Change =>
  rows(
    device,
    [series],
    values.map((value, index) => row(index + 1, START + index * every_ms, [value])),
  );

export const ask = (query: Partial<SeriesQuery> = {}): SeriesQuery => ({
  device: 'pi-1',
  series: 'temperature',
  kind: 'gauge',
  from: START,
  to: START + 3_600_000,
  points: 1_000_000,
  ...query,
});

export const entry = (id: string, fields: Partial<LedgerEntry> = {}): Change => ({
  kind: 'entry',
  entry: {
    id,
    device: 'pi-1',
    network: 'storj',
    account: 'a1',
    token: 'STORJ',
    decimals: 8,
    source: 'node',
    ts: START,
    amount: '100',
    exact: true,
    kind: 'increase',
    seen: START + 5,
    ...fields,
  },
});

export const document = (key: string, value: Extract<Change, { kind: 'document' }>['value'], collection = 'sites'): Change => ({
  kind: 'document',
  collection,
  key,
  value,
});
