/** What lies on disk of a device, decoded column by column; a damaged chunk is a gap that is counted. */
import type { MetricKind } from '@muster/shared/metrics';
import { type Chunk, openChunk } from './codec/chunk.js';
import type { Connection } from './connect.js';
import { isDamage } from './errors.js';
import { archiveId, MAX_PARTS, stagedId, WINDOW_SLOTS, windowOfArchive } from './ids.js';
import { createCache, tagOf } from './query-cache.js';
import type { Samples } from './query-samples.js';
import { readShared, refresh, type Shared } from './query-shared.js';
import { type RunSet, readRuns } from './rollup-read.js';
import { rollupId, windowsOfRollup } from './rollups.js';
import { type Table, tableOfChunk } from './table.js';

/** A series of a device, as numbers. */
export interface Track {
  device: number;
  series: number;
}
export interface Sealed {
  id: number;
  /** A key may come again, a seal does not. */
  seal: number;
}
export type Place = 'archive' | 'staged' | 'five' | 'hour';
export interface Shelf {
  /** Runs `work` on one state of the file: what is compacted meanwhile is neither missed nor doubled. */
  steady<T>(work: () => T): T;
  /** The same, for a question that comes back: what it has read of one state is kept. */
  sharing(shared: Shared, work: () => void): void;
  archived(track: Track, window: number): Samples | null;
  /** All that is on disk of a window, in the order in which it was stored. */
  tables(device: number, window: number, wanted: ReadonlySet<number> | null): Table[];
  /** The same of a slot that is not merged. */
  sealedIn(device: number, slot: number, wanted: ReadonlySet<number> | null): Table[];
  merged(device: number, window: number): boolean;
  /** First window from this one on that has raw rows on disk, or null. */
  windowAfter(device: number, window: number): number | null;
  /** In the order in which they were stored. */
  staged(track: Track, window: number): Samples[];
  five(track: Track, window: number, kind: MetricKind): RunSet | null;
  hour(track: Track, window: number, kind: MetricKind): RunSet | null;
  /** Staged chunks of all devices sealed after a seal. */
  sealed(seal: number): Sealed[];
  /** One of them, or a blob of five-minute roll-ups, with all series; null when it is gone or damaged. */
  chunk(place: 'staged' | 'five', id: number): Chunk | null;
  /** Tells one state of a blob of five-minute roll-ups from another; null: there is none. */
  tag(id: number): number | null;
  /** Windows with staged chunks after a seal, of all devices: key and seal. */
  allPending(): Sealed[];
  /** How often roll-ups have changed. */
  rolled(): number;
  /** Another number whenever anything in the file has changed. */
  version(): number;
  /** Windows with staged chunks in [first, last], rising. */
  pending(device: number, first: number, last: number): number[];
  /** First and last window of which anything is on disk; null: none. */
  extent(device: number): { first: number; last: number } | null;
  /** Newest window before this one that has raw rows on disk, or null. */
  windowBefore(device: number, window: number): number | null;
  readonly faults: ReadonlyMap<string, string>;
}

/** A day's chart of 25 series, or the last hour of one metric over 3,000 devices. */
const CACHE_BYTES = 32 * 1024 * 1024;
const FAULTS_KEPT = 1_000;

interface Inside {
  sql: ReturnType<typeof statements>;
  cache: ReturnType<typeof createCache>;
  faults: Map<string, string>;
  shared: Shared | null;
}

export const createShelf = (db: Connection): Shelf => {
  const inside: Inside = { sql: statements(db), cache: createCache(CACHE_BYTES), faults: new Map(), shared: null };
  const { sql, faults } = inside;
  const runs = (place: 'five' | 'hour', id: number, { device, series }: Track, kind: MetricKind) => {
    const blob = blobOf(inside, place, id);
    const key = `${place} ${id} ${series} ${kind}`;
    return blob
      ? kept(inside, { place, id, key, blob }, (chunk) => readRuns(chunk, series, { device, kind, tier: place }))
      : null;
  };
  const steady = db.transaction((work: () => unknown): unknown => work());
  // Neither ever falls.
  const version = () => (sql.foreign.get() ?? 0) + (sql.own.get() ?? 0);
  return {
    steady: <T>(work: () => T): T => (db.inTransaction ? work() : (steady(work) as T)),
    sharing(shared, work) {
      steady(() => {
        refresh(shared, version());
        inside.shared = shared;
        try {
          work();
        } finally {
          inside.shared = null;
        }
      });
    },
    archived({ device, series }, window) {
      const id = archiveId(device, window);
      const blob = blobOf(inside, 'archive', id);
      return blob ? samplesOf(inside, { place: 'archive', id, blob }, series) : null;
    },
    staged: ({ device, series }, window) =>
      partsOf(inside, device, window).flatMap((found) => samplesOf(inside, { place: 'staged', ...found }, series) ?? []),
    five: (track, window, kind) => runs('five', rollupId('five', track.device, window), track, kind),
    hour: (track, window, kind) => runs('hour', rollupId('hour', track.device, window), track, kind),
    sealed: (seal) => sql.sealed.all(seal),
    chunk(place, id) {
      const blob = blobOf(inside, place, id);
      return blob ? opened(inside, { place, id, blob }) : null;
    },
    tag: (id) => sql.tag.get(id) ?? null,
    allPending: () => sql.pending.every.all(),
    rolled: () => sql.rolled.get() ?? 0,
    version,
    tables(device, window, wanted) {
      const id = archiveId(device, window);
      const blob = blobOf(inside, 'archive', id);
      const stored: Stored[] = partsOf(inside, device, window).map((part) => ({ place: 'staged', ...part }));
      if (blob) stored.unshift({ place: 'archive', id, blob });
      return stored.flatMap((one) => tableOf(inside, one, wanted) ?? []);
    },
    sealedIn: (device, slot, wanted) =>
      partsOfSlot(inside, device, slot).flatMap((part) => tableOf(inside, { place: 'staged', ...part }, wanted) ?? []),
    merged: (device, window) => sql.merged.get(archiveId(device, window)) !== undefined,
    windowAfter(device, window) {
      const range = [archiveId(device, Math.max(0, window)), archiveId(device + 1, 0)] as const;
      const found = [sql.archive.first.get(...range), sql.pending.first.get(...range)].flatMap((id) => id ?? []);
      return found.length ? windowOfArchive(Math.min(...found)) : null;
    },
    pending: (device, first, last) =>
      sql.pending.all.all(archiveId(device, Math.max(0, first)), archiveId(device, last)).map(windowOfArchive),
    extent: (device) => extentOf(sql, device),
    windowBefore(device, window) {
      const range = [archiveId(device, 0), archiveId(device, Math.max(0, window))] as const;
      const found = [sql.archive.last.get(...range), sql.pending.last.get(...range)].flatMap((id) => id ?? []);
      return found.length ? windowOfArchive(Math.max(...found)) : null;
    },
    faults,
  };
};

interface Stored {
  place: Place;
  id: number;
  blob: Uint8Array;
}

/** A page that cannot be read costs what lies on it. */
const spare = <T>(inside: Inside, { read, instead, ...at }: { place: Place; id: number; read: () => T; instead: T }): T => {
  try {
    return read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    blame(inside, at, error);
    return instead;
  }
};

const blobOf = (inside: Inside, place: Place, id: number): Uint8Array | undefined =>
  readShared(inside.shared, `${place} ${id}`, {
    read: () => spare(inside, { place, id, read: () => inside.sql[place].get.get(id), instead: undefined }),
    sizeOf: (blob) => blob?.length ?? 0,
  });

interface Part {
  id: number;
  seal: number;
  blob: Uint8Array;
}

const partsOfSlot = (inside: Inside, device: number, slot: number): Part[] => {
  const [first, last] = partsIn(device, slot);
  return readShared<Part[]>(inside.shared, `slot ${first}`, {
    read: () => spare(inside, { place: 'staged', id: first, read: () => inside.sql.parts.all(first, last), instead: [] }),
    sizeOf: (parts) => parts.reduce((sum, { blob }) => sum + blob.length, 0),
  });
};

const partsIn = (device: number, slot: number): [first: number, last: number] => [
  stagedId(device, slot, 0),
  stagedId(device, slot, MAX_PARTS - 1),
];

/** Staged chunks that are merged already are left to be swept. */
const partsOf = (inside: Inside, device: number, window: number): { id: number; blob: Uint8Array }[] => {
  const since = inside.sql.pending.since.get(archiveId(device, window));
  if (since === undefined) return [];
  const found: Part[] = [];
  for (let slot = window * WINDOW_SLOTS; slot < (window + 1) * WINDOW_SLOTS; slot++)
    found.push(...partsOfSlot(inside, device, slot));
  return found.filter(({ seal }) => seal > since).sort((a, b) => a.seal - b.seal || a.id - b.id);
};

const samplesOf = (inside: Inside, stored: Stored, series: number): Samples | null => {
  const { place, id } = stored;
  const values = kept(inside, { ...stored, key: `${place} ${id} ${series}` }, (chunk) => columnOf(chunk, series));
  const ts = values && kept(inside, { ...stored, key: `${place} ${id}` }, (chunk) => chunk.ts());
  return values && ts ? { ts, values } : null;
};

const columnOf = (chunk: Chunk, series: number): Float64Array | null => {
  const column = chunk.column(series);
  if (!column?.present) return column?.values ?? null;
  return column.values.map((value, i) => (column.present?.[i] ? value : Number.NaN));
};

/** Something decoded out of a chunk, made anew only when its bytes have changed. */
const kept = <T>(inside: Inside, stored: Stored & { key: string }, make: (chunk: Chunk) => T | null): T | null => {
  const tag = tagOf(stored.blob);
  const known = inside.cache.get<{ value: T | null }>(stored.key, tag);
  if (known) return known.value;
  const chunk = opened(inside, stored);
  if (!chunk) return null;
  try {
    const value = make(chunk);
    inside.cache.put(stored.key, { tag, value: { value }, bytes: bytesOf(value) });
    return value;
  } catch (error) {
    return blame(inside, stored, error);
  }
};

const bytesOf = (value: unknown): number =>
  value instanceof Float64Array ? value.byteLength : ((value as { bytes?: number } | null)?.bytes ?? 0);

const tableOf = (inside: Inside, stored: Stored, wanted: ReadonlySet<number> | null): Table | null => {
  try {
    return tableOfChunk(openChunk(stored.blob), wanted);
  } catch (error) {
    return blame(inside, stored, error);
  }
};

const opened = (inside: Inside, stored: Stored): Chunk | null => {
  const key = `${stored.place} ${stored.id}`;
  const known = inside.shared?.chunks.get(key);
  if (known !== undefined) return known;
  const chunk = openAnew(inside, stored);
  inside.shared?.chunks.set(key, chunk);
  return chunk;
};

const openAnew = (inside: Inside, stored: Stored): Chunk | null => {
  try {
    return openChunk(stored.blob);
  } catch (error) {
    return blame(inside, stored, error);
  }
};

const blame = ({ faults }: Inside, { place, id }: { place: Place; id: number }, error: unknown): null => {
  if (faults.size < FAULTS_KEPT) faults.set(`${place} ${id}`, error instanceof Error ? error.message : String(error));
  return null;
};

const extentOf = (sql: Inside['sql'], device: number): { first: number; last: number } | null => {
  const range = [archiveId(device, 0), archiveId(device + 1, 0)] as const;
  const windows = [sql.archive, sql.pending].flatMap(({ first, last }) => [first.get(...range), last.get(...range)]);
  const found = windows.flatMap((id) => (id == null ? [] : [windowOfArchive(id)]));
  for (const tier of ['five', 'hour'] as const) {
    const [first, last] = [sql[tier].first.get(...range), sql[tier].last.get(...range)];
    if (first != null) found.push(windowsOfRollup(tier, first)[0]);
    if (last != null) found.push(windowsOfRollup(tier, last)[1] - 1);
  }
  return found.length ? { first: Math.min(...found), last: Math.max(...found) } : null;
};

const statements = (db: Connection) => {
  const edge = (sql: string) => db.prepare<[number, number], number | null>(sql).pluck();
  const table = (name: string) => ({
    get: db.prepare<[number], Uint8Array>(`SELECT blob FROM ${name} WHERE id = ?`).pluck(),
    ...ends(name),
  });
  const ends = (name: string) => ({
    first: edge(`SELECT min(id) FROM ${name} WHERE id >= ? AND id < ?`),
    last: edge(`SELECT max(id) FROM ${name} WHERE id >= ? AND id < ?`),
  });
  return {
    ...{ archive: table('archive'), staged: table('staged'), five: table('five'), hour: table('hour') },
    pending: {
      ...ends('pending'),
      every: db.prepare<[], Sealed>('SELECT id, since AS seal FROM pending'),
      since: db.prepare<[number], number>('SELECT since FROM pending WHERE id = ?').pluck(),
      all: db.prepare<[number, number], number>('SELECT id FROM pending WHERE id >= ? AND id <= ? ORDER BY id').pluck(),
    },
    tag: db.prepare<[number], number>('SELECT tag FROM five WHERE id = ?').pluck(),
    rolled: db.prepare<[], number>('SELECT changes FROM rolled').pluck(),
    foreign: db.prepare<[], number>('PRAGMA data_version').pluck(),
    own: db.prepare<[], number>('SELECT total_changes()').pluck(),
    merged: db.prepare<[number], 1>('SELECT 1 FROM archive WHERE id = ?').pluck(),
    sealed: db.prepare<[number], Sealed>('SELECT id, seal FROM staged WHERE seal > ? ORDER BY seal, id'),
    parts: db.prepare<[number, number], { id: number; seal: number; blob: Uint8Array }>(
      'SELECT id, seal, blob FROM staged WHERE id >= ? AND id <= ? ORDER BY id',
    ),
  };
};
