/** Reading and writing chunks of `staged` and `archive`. A damaged one costs itself only: it is noted and passed over. */
import { AppError } from '@muster/shared/errors';
import type { ChunkInput } from './codec/chunk.js';
import { encodeChunk, encodeInSteps, openChunk } from './codec/chunk.js';
import type { Connection } from './connect.js';
import { archiveId, MAX_PARTS, stagedId, WINDOW_SLOTS, windowOfSlot } from './ids.js';
import { countSamples, type Table, tableOfChunk } from './table.js';

export interface StagedPart {
  id: number;
  seal: number;
  rows: number;
  samples: number;
  blob: Uint8Array;
}

export interface StoredChunk {
  rows: number;
  samples: number;
  blob: Uint8Array;
}

export const asStored = (input: ChunkInput): StoredChunk => ({
  rows: input.ts.length,
  samples: countSamples(input),
  blob: encodeChunk(input),
});

export function* storeInSteps(input: ChunkInput): Generator<void, StoredChunk> {
  return { rows: input.ts.length, samples: countSamples(input), blob: yield* encodeInSteps(input) };
}

export interface Chunks {
  /** Staged parts of a slot after a seal, in order of storing. */
  parts(device: number, slot: number, since: number): StagedPart[];
  partsOfWindow(device: number, window: number, since: number): StagedPart[];
  /** The number of the next part of a slot; null when there are too many. */
  nextPart(device: number, slot: number): number | null;
  newestSeal(device: number, slot: number): number;
  /** Rows of this slot may be on disk. */
  holds(device: number, slot: number): boolean;
  stage(part: StagedPart): void;
  unstage(id: number): void;
  archived(device: number, window: number): StoredChunk | undefined;
  archive(device: number, window: number, chunk: StoredChunk): void;
  /** Null when it is damaged, which is then noted. */
  decode(place: 'staged' | 'archive', id: number, blob: Uint8Array): Table | null;
}

export const createChunks = (db: Connection): Chunks => {
  const sql = statements(db);
  const parts = (device: number, slot: number, since: number) =>
    sql.parts.all(stagedId(device, slot, 0), stagedId(device, slot, MAX_PARTS - 1), since);
  return {
    parts,
    partsOfWindow: (device, window, since) =>
      Array.from({ length: WINDOW_SLOTS }, (_, at) => parts(device, window * WINDOW_SLOTS + at, since)).flat(),
    nextPart(device, slot) {
      const newest = sql.newestPart.get(stagedId(device, slot, 0), stagedId(device, slot, MAX_PARTS - 1));
      const next = newest === undefined ? 0 : (newest % MAX_PARTS) + 1;
      return next < MAX_PARTS ? next : null;
    },
    newestSeal: (device, slot) => sql.newestSeal.get(stagedId(device, slot, 0), stagedId(device, slot, MAX_PARTS - 1)) ?? 0,
    holds: (device, slot) =>
      sql.newestPart.get(stagedId(device, slot, 0), stagedId(device, slot, MAX_PARTS - 1)) !== undefined ||
      sql.merged.get(archiveId(device, windowOfSlot(slot))) !== undefined,
    stage: ({ id, seal, rows, samples, blob }) => void sql.stage.run(id, seal, rows, samples, blob),
    unstage: (id) => void sql.unstage.run(id),
    archived: (device, window) => sql.archived.get(archiveId(device, window)),
    archive: (device, window, { rows, samples, blob }) => void sql.archive.run(archiveId(device, window), rows, samples, blob),
    decode(place, id, blob) {
      try {
        return tableOfChunk(openChunk(blob));
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'damaged') throw error;
        sql.note.run(place, id, error.message);
        return null;
      }
    },
  };
};

const statements = (db: Connection) => ({
  parts: db.prepare<[number, number, number], StagedPart>(
    'SELECT id, seal, rows, samples, blob FROM staged WHERE id BETWEEN ? AND ? AND seal > ? ORDER BY id',
  ),
  newestPart: db
    .prepare<[number, number], number>('SELECT id FROM staged WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1')
    .pluck(),
  newestSeal: db
    .prepare<[number, number], number>('SELECT seal FROM staged WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1')
    .pluck(),
  stage: db.prepare<[number, number, number, number, Uint8Array]>('INSERT INTO staged VALUES (?, ?, ?, ?, ?)'),
  unstage: db.prepare<[number]>('DELETE FROM staged WHERE id = ?'),
  archived: db.prepare<[number], StoredChunk>('SELECT rows, samples, blob FROM archive WHERE id = ?'),
  merged: db.prepare<[number], 1>('SELECT 1 FROM archive WHERE id = ?').pluck(),
  archive: db.prepare<[number, number, number, Uint8Array]>('INSERT OR REPLACE INTO archive VALUES (?, ?, ?, ?)'),
  note: db.prepare<[string, number, string]>('INSERT INTO damage (place, key, fault) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
});
