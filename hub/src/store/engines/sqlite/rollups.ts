/**
 * Keeps the roll-ups of merged windows: five-minute ones per window; one-hour ones of four days in one blob, so that a year
 * reads few. Such a blob is made when the first window after its days is merged: until then the five-minute ones will do.
 */
import { type Chunk, type ChunkInput, encodeChunk, openChunk } from './codec/chunk.js';
import type { Connection } from './connect.js';
import type { RollupHook } from './hooks.js';
import { archiveId, windowEnd, windowOf, windowOfArchive, windowStart } from './ids.js';
import { tagOf } from './query-cache.js';
import { atOrAfter } from './rollup-read.js';
import { hoursOfFives } from './rollup-unit.js';
import { rollupWindow } from './rollup-window.js';

/** Windows of a 1-hour blob: a year in 92 of them. */
export const UNIT_WINDOWS = 16;
export const unitOf = (window: number): number => Math.floor(window / UNIT_WINDOWS);

export const createRollups = (db: Connection): RollupHook => {
  const sql = statements(db);
  const finish = (device: number, unit: number) => {
    const id = archiveId(device, unit);
    if (sql.hasHour.get(id) !== undefined) return;
    const first = unit * UNIT_WINDOWS;
    const blobs = sql.fives.all(archiveId(device, first), archiveId(device, first + UNIT_WINDOWS));
    const hours = blobs.flatMap((blob) => readable(blob) ?? []).map((fives) => hoursOfFives(fives, device));
    if (hours.length > 0) sql.putHour.run(id, encodeChunk(joinRows(hours)));
  };
  return {
    rolled(device, window, raw) {
      const span = { from: windowStart(device, window), to: windowEnd(device, window) };
      const { five, hour } = rollupWindow(raw, span.from);
      const blob = encodeChunk(five);
      sql.putFive.run(archiveId(device, window), tagOf(blob), blob);
      const id = archiveId(device, unitOf(window));
      const known = sql.hour.get(id);
      if (known) sql.putHour.run(id, encodeChunk(spliceRows(readable(known), span, hour)));
      const before = sql.lastFive.get(archiveId(device, 0), archiveId(device, unitOf(window) * UNIT_WINDOWS));
      if (before != null) finish(device, unitOf(windowOfArchive(before)));
    },
    forget(device) {
      const range = [archiveId(device, 0), archiveId(device + 1, 0)] as const;
      sql.dropFive.run(...range);
      sql.dropHour.run(...range);
    },
    expire(device, { five, hour }) {
      const first = archiveId(device, 0);
      const fives = five === null ? ([first, first] as const) : ([first, archiveId(device, windowBefore(device, five))] as const);
      const units = new Set(sql.fiveIds.all(...fives).map((id) => unitOf(windowOfArchive(id))));
      for (const unit of units) finish(device, unit);
      const dropped = sql.dropFive.run(...fives).changes;
      if (hour === null) return dropped;
      return dropped + sql.dropHour.run(first, archiveId(device, unitOf(windowBefore(device, hour)))).changes;
    },
  };
};

const windowBefore = (device: number, ts: number): number => Math.max(0, windowOf(device, ts));

/** A damaged blob is replaced by what is known now: its other windows stay readable in the finer tiers. */
const readable = (blob: Uint8Array | undefined): Chunk | null => {
  try {
    return blob ? openChunk(blob) : null;
  } catch {
    return null;
  }
};

/** The rows of a chunk with those of a span replaced. */
export const spliceRows = (chunk: Chunk | null, span: { from: number; to: number }, rows: ChunkInput): ChunkInput => {
  if (!chunk) return rows;
  const ts = chunk.ts();
  const columns = Array.from(chunk.ids, (id) => chunk.column(id)).filter((column) => column !== null);
  const part = (from: number, to: number): ChunkInput => ({
    ts: ts.subarray(from, to),
    columns: columns.map(({ id, values, present }) => ({
      id,
      values: values.subarray(from, to),
      present: present?.subarray(from, to) ?? null,
    })),
  });
  return joinRows([part(0, atOrAfter(ts, span.from)), rows, part(atOrAfter(ts, span.to), ts.length)]);
};

/** Rows of one time after the other, each with its own columns. */
const joinRows = (parts: readonly ChunkInput[]): ChunkInput => {
  const rows = parts.reduce((sum, { ts }) => sum + ts.length, 0);
  const ts = new Float64Array(rows);
  const columns = new Map<number, Float64Array>();
  let at = 0;
  for (const part of parts) {
    ts.set(part.ts, at);
    for (const { id, values, present } of part.columns) {
      const into = columns.get(id) ?? new Float64Array(rows).fill(Number.NaN);
      columns.set(id, into);
      for (let i = 0; i < values.length; i++) if (present?.[i] !== 0) into[at + i] = values[i] as number;
    }
    at += part.ts.length;
  }
  const sorted = [...columns].sort(([a], [b]) => a - b).map(([id, values]) => ({ id, values, present: presence(values) }));
  return { ts, columns: sorted.filter(({ present }) => present === null || present.includes(1)) };
};

/** Null: all are there. */
const presence = (values: Float64Array): Uint8Array | null => {
  const present = new Uint8Array(values.length);
  let missing = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i] as number)) missing++;
    else present[i] = 1;
  }
  return missing > 0 ? present : null;
};

const statements = (db: Connection) => ({
  putFive: db.prepare<[number, number, Uint8Array]>(
    'INSERT INTO five VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET tag = excluded.tag, blob = excluded.blob',
  ),
  putHour: db.prepare<[number, Uint8Array]>('INSERT INTO hour VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET blob = excluded.blob'),
  fives: db.prepare<[number, number], Uint8Array>('SELECT blob FROM five WHERE id >= ? AND id < ? ORDER BY id').pluck(),
  fiveIds: db.prepare<[number, number], number>('SELECT id FROM five WHERE id >= ? AND id < ?').pluck(),
  lastFive: db.prepare<[number, number], number | null>('SELECT max(id) FROM five WHERE id >= ? AND id < ?').pluck(),
  hasHour: db.prepare<[number], 1>('SELECT 1 FROM hour WHERE id = ?').pluck(),
  hour: db.prepare<[number], Uint8Array>('SELECT blob FROM hour WHERE id = ?').pluck(),
  dropFive: db.prepare<[number, number]>('DELETE FROM five WHERE id >= ? AND id < ?'),
  dropHour: db.prepare<[number, number]>('DELETE FROM hour WHERE id >= ? AND id < ?'),
});
