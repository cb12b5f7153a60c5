/** Heads whose slot is over become staged chunks; their rows leave memory only when that is on disk. */
import { asStored, type Chunks, type StagedPart } from './chunks.js';
import type { Connection } from './connect.js';
import { type Head, type Heads, type SeriesOf, tableOfHead } from './head.js';
import { MINUTE, slotEnd, stagedId, windowOfSlot } from './ids.js';
import type { Numbers } from './numbers.js';
import type { Pending } from './pending.js';
import { mergeTables, type Table } from './table.js';
import { SLOT_ROWS, thin } from './thin.js';
import type { createTotals, TotalsDelta } from './totals.js';

export interface SealNeeds {
  db: Connection;
  heads: Heads;
  chunks: Chunks;
  pending: Pending;
  numbers: Numbers;
  totals: ReturnType<typeof createTotals>;
  seriesOf: SeriesOf;
}

export interface SealRules {
  /** A slot is over this long after its end. */
  after_ms: number;
  /** Rows that come later still wait until none has come for this long… */
  quiet_ms: number;
  /** …but no longer than this: the journal keeps them all the while. */
  wait_ms: number;
  /** Few heads wait for more, but no longer than this: each transaction writes some pages besides its chunks. */
  together: number;
  gather_ms: number;
  /** A head with so many rows does not wait for the end of its slot. */
  rows: number;
}

export const SEAL_RULES: SealRules = {
  after_ms: 30_000,
  quiet_ms: MINUTE,
  wait_ms: 10 * MINUTE,
  together: 32,
  gather_ms: 5 * MINUTE,
  rows: 8_192,
};

/** When a head is to be sealed, by the hub's clock. */
export const sealTime = ({ device, slot, touched, opened, rows }: Head, rules: SealRules): number => {
  if (rows >= rules.rows) return Number.NEGATIVE_INFINITY;
  const over = slotEnd(device, slot) + rules.after_ms;
  return touched <= over ? over : Math.max(over, Math.min(touched + rules.quiet_ms, opened + rules.wait_ms));
};

/** `stuck`: heads that cannot be sealed. */
export const dueHeads = (heads: Heads, now: number, { rules, stuck }: { rules: SealRules; stuck: ReadonlySet<Head> }): Head[] => {
  const due: Head[] = [];
  for (const own of heads.all()) {
    const newest = own.reduce((ts, head) => Math.max(ts, head.newest), 0);
    for (const head of own) if (!stuck.has(head) && isDue(head, { now, newest }, rules)) due.push(head);
  }
  if (due.length < rules.together && !due.some((head) => sealTime(head, rules) <= now - rules.gather_ms)) return [];
  // In the order of their keys: neighbours are written to the same pages.
  return due.sort((a, b) => slotEnd(a.device, a.slot) - slotEnd(b.device, b.slot) || a.device - b.device);
};

/** Newer rows of the device end a slot too: its clock may run ahead of the hub's. */
const isDue = (head: Head, { now, newest }: { now: number; newest: number }, rules: SealRules): boolean => {
  const over = slotEnd(head.device, head.slot) + rules.after_ms;
  return sealTime(head, rules) <= now || (head.touched <= over && over <= newest);
};

/** Seals heads until `late()` says that the slice is over, at least one; answers how many. */
export const createSeal = (needs: SealNeeds) => {
  const { db, heads, pending, numbers, totals } = needs;
  const write = db.transaction((queue: readonly Head[], late: () => boolean) => {
    const seal = numbers.next();
    const sum: Required<Pick<TotalsDelta, 'staged_rows' | 'staged_samples' | 'staged_bytes'>> = {
      staged_rows: 0,
      staged_samples: 0,
      staged_bytes: 0,
    };
    let done = 0;
    for (const head of queue) {
      if (done > 0 && late()) break;
      done++;
      // Of a device that was forgotten since this was planned.
      if (!heads.of(head.device).includes(head)) continue;
      stageHead(needs, head, seal, (part, sign) => {
        sum.staged_rows += sign * part.rows;
        sum.staged_samples += sign * part.samples;
        sum.staged_bytes += sign * part.blob.length;
      });
    }
    totals.add({ seals: seal, ...sum });
    return { done, seal };
  });
  return (queue: readonly Head[], now: number, late: () => boolean): number => {
    const { done, seal } = write.immediate(queue, late);
    for (const head of queue.slice(0, done)) {
      if (!heads.remove(head) || head.rows === 0) continue;
      pending.added(head.device, windowOfSlot(head.slot), { seal, now });
    }
    return done;
  };
};

type Count = (part: StagedPart, sign: 1 | -1) => void;

/** What is staged of the slot already, but not in the archive, becomes one chunk with it: rows that came twice count once. */
const stageHead = (needs: SealNeeds, head: Head, seal: number, count: Count): void => {
  const { chunks, pending, seriesOf } = needs;
  const { device, slot } = head;
  if (head.rows === 0) return;
  const since = pending.get(device, windowOfSlot(slot))?.since ?? Number.MAX_SAFE_INTEGER;
  const full = chunks.nextPart(device, slot) === null;
  const earlier = takeParts(needs, chunks.parts(device, slot, full ? 0 : since), (part) =>
    count(part.seal > since ? part : { ...part, rows: 0, samples: 0 }, -1),
  );
  const merged = mergeTables([...earlier, tableOfHead(head, seriesOf)]);
  if (!merged) return;
  const id = stagedId(device, slot, chunks.nextPart(device, slot) ?? 0);
  const part = { id, seal, ...asStored(thin(merged, SLOT_ROWS)) };
  chunks.stage(part);
  pending.add(device, windowOfSlot(slot), seal);
  count(part, 1);
};

const takeParts = ({ chunks }: SealNeeds, parts: readonly StagedPart[], taken: (part: StagedPart) => void): Table[] =>
  parts.flatMap((part) => {
    chunks.unstage(part.id);
    taken(part);
    return chunks.decode('staged', part.id, part.blob) ?? [];
  });
