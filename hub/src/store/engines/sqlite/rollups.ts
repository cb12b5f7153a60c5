/** Keeps the roll-ups of merged windows: 5-minute ones per window, 1-hour ones of four days in one blob, so that a year reads few. */
import { type Chunk, type ChunkColumn, type ChunkInput, encodeChunk, openChunk } from './codec/chunk.js';
import type { Connection } from './connect.js';
import type { RollupHook } from './hooks.js';
import { archiveId, windowEnd, windowOf, windowStart } from './ids.js';
import { tagOf } from './query-cache.js';
import { atOrAfter } from './rollup-read.js';
import { rollupWindow } from './rollup-window.js';

/** Windows of a 1-hour blob: a year in 92 of them, and adding a window to one costs 1 to 4 ms. */
export const UNIT_WINDOWS = 16;
export const unitOf = (window: number): number => Math.floor(window / UNIT_WINDOWS);

export const createRollups = (db: Connection): RollupHook => {
  const sql = statements(db);
  return {
    rolled(device, window, raw) {
      const span = { from: windowStart(device, window), to: windowEnd(device, window) };
      const { five, hour } = rollupWindow(raw, span.from);
      const blob = encodeChunk(five);
      sql.putFive.run(archiveId(device, window), tagOf(blob), blob);
      const unit = archiveId(device, unitOf(window));
      sql.putHour.run(unit, encodeChunk(spliceRows(readable(sql.hour.get(unit)), span, hour)));
    },
    forget(device) {
      const range = [archiveId(device, 0), archiveId(device + 1, 0)] as const;
      sql.dropFive.run(...range);
      sql.dropHour.run(...range);
    },
    expire(device, { five, hour }) {
      const first = archiveId(device, 0);
      const fives = five === null ? 0 : sql.dropFive.run(first, archiveId(device, windowBefore(device, five))).changes;
      if (hour === null) return fives;
      return fives + sql.dropHour.run(first, archiveId(device, unitOf(windowBefore(device, hour)))).changes;
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
  const old = chunk.ts();
  const [cut, rest] = [atOrAfter(old, span.from), atOrAfter(old, span.to)];
  if (cut === 0 && rest === old.length) return rows;
  const join: Join = (before, fresh) => {
    const joined = new Float64Array(cut + fresh.length + before.length - rest);
    joined.set(before.subarray(0, cut));
    joined.set(fresh, cut);
    joined.set(before.subarray(rest), cut + fresh.length);
    return joined;
  };
  return { ts: join(old, rows.ts), columns: joinColumns(chunk, rows, join) };
};

type Join = (before: Float64Array, fresh: Float64Array) => Float64Array;
const joinColumns = (chunk: Chunk, rows: ChunkInput, join: Join): ChunkColumn[] => {
  const fresh = new Map(rows.columns.map((column) => [column.id, column]));
  const ids = [...new Set([...chunk.ids, ...fresh.keys()])].sort((a, b) => a - b);
  return ids.flatMap((id) => {
    const values = join(spread(chunk.column(id), chunk.rows), spread(fresh.get(id) ?? null, rows.ts.length));
    const present = presence(values);
    return present?.includes(1) === false ? [] : [{ id, values, present }];
  });
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

const spread = (column: ChunkColumn | null, rows: number): Float64Array => {
  if (!column) return new Float64Array(rows).fill(Number.NaN);
  const { values, present } = column;
  return present ? values.map((value, i) => (present[i] ? value : Number.NaN)) : values;
};

const statements = (db: Connection) => ({
  putFive: db.prepare<[number, number, Uint8Array]>(
    'INSERT INTO five VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET tag = excluded.tag, blob = excluded.blob',
  ),
  putHour: db.prepare<[number, Uint8Array]>('INSERT INTO hour VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET blob = excluded.blob'),
  hour: db.prepare<[number], Uint8Array>('SELECT blob FROM hour WHERE id = ?').pluck(),
  dropFive: db.prepare<[number, number]>('DELETE FROM five WHERE id >= ? AND id < ?'),
  dropHour: db.prepare<[number, number]>('DELETE FROM hour WHERE id >= ? AND id < ?'),
});
