/** Staged chunks of a (device, window) become one chunk of the archive, merged with what it holds already, and are rolled up. */
import { asStored, type Chunks, type StagedPart } from './chunks.js';
import type { Connection } from './connect.js';
import { isDiskFault } from './errors.js';
import type { RollupHook } from './hooks.js';
import { archiveId, MINUTE, windowEnd } from './ids.js';
import type { Pending, PendingWindow } from './pending.js';
import { mergeTables } from './table.js';
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

export const createCompact = ({ db, chunks, pending, totals, rollups, onDamage }: CompactNeeds) => {
  const write = db.transaction(({ device, window, since }: PendingWindow) => {
    const parts = chunks.partsOfWindow(device, window, since);
    const before = chunks.archived(device, window);
    const old = before ? chunks.decode('archive', archiveId(device, window), before.blob) : null;
    const merged = mergeTables([
      ...(old ? [old] : []),
      ...parts.flatMap((part) => chunks.decode('staged', part.id, part.blob) ?? []),
    ]);
    if (merged) {
      const chunk = asStored(thin(merged, WINDOW_ROWS));
      chunks.archive(device, window, chunk);
      totals.add({
        archive_rows: chunk.rows - (before?.rows ?? 0),
        archive_samples: chunk.samples - (before?.samples ?? 0),
        archive_bytes: chunk.blob.length - (before?.blob.length ?? 0),
      });
      rollups.rolled(device, window, merged);
    }
    totals.add({ staged_rows: -sum(parts, 'rows'), staged_samples: -sum(parts, 'samples') });
    pending.remove(device, window);
  });
  return (of: PendingWindow, now: number): void => {
    if (pending.get(of.device, of.window) !== of) return;
    try {
      write.immediate(of);
      pending.removed(of.device, of.window);
    } catch (error) {
      // A page of it cannot be read, or it is our own fault: the others need not wait for it.
      if (isDiskFault(error)) throw error;
      pending.postpone(of.device, of.window, now + AGAIN_MS);
      onDamage(archiveId(of.device, of.window), error);
    }
  };
};

const AGAIN_MS = 60 * MINUTE;

const sum = (parts: readonly StagedPart[], of: 'rows' | 'samples'): number => parts.reduce((total, part) => total + part[of], 0);
