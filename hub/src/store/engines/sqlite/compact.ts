/** Staged chunks of a (device, window) become one chunk of the archive, merged with what it holds already, and are rolled up. */
import { type Chunks, type StagedPart, type StoredChunk, storeInSteps } from './chunks.js';
import type { ChunkInput } from './codec/chunk.js';
import type { Connection } from './connect.js';
import { isDiskFault } from './errors.js';
import type { RollupHook } from './hooks.js';
import { archiveId, MINUTE, windowEnd } from './ids.js';
import type { Pending, PendingWindow } from './pending.js';
import { mergeTables, type Table } from './table.js';
import { thin, WINDOW_ROWS } from './thin.js';
import type { createTotals } from './totals.js';

export interface CompactNeeds {
  db: Connection;
  chunks: Chunks;
  pending: Pending;
  totals: ReturnType<typeof createTotals>;
  rollups: RollupHook;
  /** This (device, window) cannot be merged. */
  onDamage: (id: number, error: unknown) => void;
}

/** After the window's end, and after the last late rows: a back-fill stages slot after slot. */
export const COMPACT_AFTER_MS = 10 * MINUTE;

export const compactTime = ({ device, window, touched }: PendingWindow): number =>
  Math.max(windowEnd(device, window), touched) + COMPACT_AFTER_MS;

export const duePending = (pending: Pending, now: number): PendingWindow[] =>
  [...pending.all()]
    .map((one) => ({ one, at: compactTime(one) }))
    .filter(({ at }) => at <= now)
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);

/** Yields after each bounded step; nothing is on disk before the last one. */
export const createCompact = (needs: CompactNeeds) => {
  const { pending, onDamage } = needs;
  const write = createWrite(needs);
  return function* compact(of: PendingWindow, now: number): Generator<void> {
    const { device, window, touched } = of;
    const isCurrent = () => pending.get(device, window) === of && of.touched === touched;
    if (!isCurrent()) return;
    try {
      const parts = needs.chunks.partsOfWindow(device, window, of.since);
      const merged = mergeTables(yield* readTables(needs, of, parts));
      yield;
      const chunk = merged ? yield* storeInSteps(thin(merged, WINDOW_ROWS)) : null;
      // Late rows came, or the device was forgotten meanwhile: it is planned anew.
      if (!isCurrent()) return;
      write.immediate(of, parts, merged && chunk ? { merged, chunk } : null);
      pending.removed(device, window);
    } catch (error) {
      // A page of it cannot be read, or it is our own fault: the others need not wait for it.
      if (isDiskFault(error)) throw error;
      pending.postpone(device, window, now + AGAIN_MS);
      onDamage(archiveId(device, window), error);
    }
  };
};

const AGAIN_MS = 60 * MINUTE;

function* readTables({ chunks }: CompactNeeds, { device, window }: PendingWindow, parts: readonly StagedPart[]) {
  const tables: Table[] = [];
  const before = chunks.archived(device, window);
  const old = before ? chunks.decode('archive', archiveId(device, window), before.blob) : null;
  if (old) tables.push(old);
  for (const part of parts) {
    yield;
    const table = chunks.decode('staged', part.id, part.blob);
    if (table) tables.push(table);
  }
  return tables;
}

type Made = { merged: ChunkInput; chunk: StoredChunk } | null;

const createWrite = ({ db, chunks, pending, totals, rollups }: CompactNeeds) =>
  db.transaction(({ device, window }: PendingWindow, parts: readonly StagedPart[], made: Made) => {
    if (made) {
      const before = chunks.archived(device, window);
      chunks.archive(device, window, made.chunk);
      totals.add({
        archive_rows: made.chunk.rows - (before?.rows ?? 0),
        archive_samples: made.chunk.samples - (before?.samples ?? 0),
        archive_bytes: made.chunk.blob.length - (before?.blob.length ?? 0),
      });
      rollups.rolled(device, window, made.merged);
    }
    totals.add({ staged_rows: -sum(parts, 'rows'), staged_samples: -sum(parts, 'samples') });
    pending.remove(device, window);
  });

const sum = (parts: readonly StagedPart[], of: 'rows' | 'samples'): number => parts.reduce((total, part) => total + part[of], 0);
