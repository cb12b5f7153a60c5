/**
 * Keeps the roll-ups of merged windows: five-minute ones of a day in one blob; one-hour ones of four days in one, so that a
 * year reads few. That one is made when the first window after its days is merged: until then the five-minute ones will do.
 */
import { type Chunk, type ChunkInput, encodeChunk, openChunk } from './codec/chunk.js';
import type { Connection } from './connect.js';
import type { RollupHook } from './hooks.js';
import { archiveId, windowEnd, windowOf, windowOfArchive, windowStart } from './ids.js';
import { checksumOf } from './query-cache.js';
import { COUNT, type RollupTier, SHARED, statId } from './rollup-format.js';
import { atOrAfter } from './rollup-read.js';
import { hoursOfFives } from './rollup-unit.js';
import { rollupWindow } from './rollup-window.js';

/** Windows of a blob: longer columns cost less a row (288 instead of 72: a fifth), and more to write anew with each window. */
const FIVE_WINDOWS = 4;
export const HOUR_WINDOWS = 16;
const WINDOWS = { five: FIVE_WINDOWS, hour: HOUR_WINDOWS };

/** Key of the blob that a window is in. */
export const rollupId = (tier: RollupTier, device: number, window: number): number =>
  archiveId(device, Math.floor(window / WINDOWS[tier]));
/** First window of a blob, and of the next. */
export const windowsOfRollup = (tier: RollupTier, id: number): [first: number, next: number] => {
  const unit = windowOfArchive(id);
  return [unit * WINDOWS[tier], (unit + 1) * WINDOWS[tier]];
};

/** A tag tells one state of a five-minute blob from another, and which windows are in it. */
export const holdsWindow = (tag: number, window: number): boolean => Math.floor(tag / 2 ** (window % FIVE_WINDOWS)) % 2 === 1;
export const windowsHeld = (tag: number): number => [0, 1, 2, 3].filter((window) => holdsWindow(tag, window)).length;
const tagFor = (blob: Uint8Array, before: number, window: number): number =>
  checksumOf(blob) * 16 + ((before % 16) | (1 << (window % FIVE_WINDOWS)));

export const createRollups = (db: Connection): RollupHook => {
  const sql = statements(db);
  const finish = (device: number, window: number) => {
    const id = rollupId('hour', device, window);
    if (sql.hasHour.get(id) !== undefined) return;
    const [first, next] = windowsOfRollup('hour', id);
    const hours: ChunkInput[] = [];
    for (let one = first; one < next; one += FIVE_WINDOWS) {
      const fives = readable(sql.five.get(rollupId('five', device, one))?.blob);
      for (let at = one; fives && at < one + FIVE_WINDOWS; at++) hours.push(...asList(hoursOfFives(fives, device, at)));
    }
    if (hours.length > 0) sql.putHour.run(id, encodeChunk(joinRows(hours)));
  };
  return {
    rolled(device, window, raw) {
      const span = { from: windowStart(device, window), to: windowEnd(device, window) };
      const { five, hour } = rollupWindow(raw, span.from);
      const id = rollupId('five', device, window);
      const before = sql.five.get(id);
      const chunk = readable(before?.blob);
      if (!knowsMore(chunk, span, raw)) {
        const blob = encodeChunk(spliceRows(chunk, span, five));
        sql.putFive.run(id, tagFor(blob, chunk ? (before?.tag ?? 0) : 0, window), blob);
        sql.changed.run();
      }
      const hours = rollupId('hour', device, window);
      const known = sql.hour.get(hours);
      const coarse = readable(known);
      if (known && !knowsMore(coarse, span, raw)) sql.putHour.run(hours, encodeChunk(spliceRows(coarse, span, hour)));
      const older = sql.lastFive.get(archiveId(device, 0), rollupId('five', device, windowsOfRollup('hour', hours)[0]));
      if (older != null) finish(device, windowsOfRollup('five', older)[0]);
    },
    forget(device) {
      const range = [archiveId(device, 0), archiveId(device + 1, 0)] as const;
      sql.dropFive.run(...range);
      sql.dropHour.run(...range);
      sql.changed.run();
    },
    expire(device, { five, hour }) {
      const first = archiveId(device, 0);
      const past = (tier: RollupTier, ts: number) => [first, rollupId(tier, device, Math.max(0, windowOf(device, ts)))] as const;
      let dropped = 0;
      if (five !== null) {
        for (const id of sql.fiveIds.all(...past('five', five))) finish(device, windowsOfRollup('five', id)[0]);
        dropped += sql.dropFive.run(...past('five', five)).changes;
        if (dropped > 0) sql.changed.run();
      }
      return hour === null ? dropped : dropped + sql.dropHour.run(...past('hour', hour)).changes;
    },
  };
};

/** Raw rows that it was made of are gone (damage, or older than they are kept): a late row must not take the place of them all. */
const knowsMore = (chunk: Chunk | null, { from, to }: { from: number; to: number }, raw: ChunkInput): boolean => {
  const counts = chunk?.column(statId(SHARED, COUNT))?.values;
  if (!chunk || !counts) return false;
  const ts = chunk.ts();
  let rows = 0;
  for (let i = atOrAfter(ts, from); i < ts.length && (ts[i] as number) < to; i++) rows += counts[i] || 0;
  return rows > raw.ts.length;
};

const asList = <T>(one: T | null): T[] => (one === null ? [] : [one]);

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
  five: db.prepare<[number], { tag: number; blob: Uint8Array }>('SELECT tag, blob FROM five WHERE id = ?'),
  fiveIds: db.prepare<[number, number], number>('SELECT id FROM five WHERE id >= ? AND id < ?').pluck(),
  lastFive: db.prepare<[number, number], number | null>('SELECT max(id) FROM five WHERE id >= ? AND id < ?').pluck(),
  hasHour: db.prepare<[number], 1>('SELECT 1 FROM hour WHERE id = ?').pluck(),
  hour: db.prepare<[number], Uint8Array>('SELECT blob FROM hour WHERE id = ?').pluck(),
  changed: db.prepare('UPDATE rolled SET changes = changes + 1'),
  dropFive: db.prepare<[number, number]>('DELETE FROM five WHERE id >= ? AND id < ?'),
  dropHour: db.prepare<[number, number]>('DELETE FROM hour WHERE id >= ? AND id < ?'),
});
