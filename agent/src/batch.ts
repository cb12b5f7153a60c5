import { WIRE_LIMITS as L } from '@muster/shared/wire/limits';
import { topicOf } from '@muster/shared/wire/topics';
import type { SpoolItem, SpoolRow } from './spool.js';

/** One PUBLISH cut from the spool, and the items that leave with its PUBACK. */
export interface Batch {
  topic: string;
  payload: string;
  items: SpoolItem[];
}

/** Adds what a row of this boot needs that was stamped before the time was known. */
export type Stamp = (item: SpoolItem) => number;

/** A message alone, or the rows that follow each other with the same columns, up to 500 or 64 KB. Null: nothing to send. */
export const nextBatch = (items: readonly SpoolItem[], stamp: Stamp): Batch | null => {
  const [first] = items;
  if (!first) return null;
  if (first.kind === 'row') return rowsBatch(first, items, stamp);
  return { topic: topicOf(first.device, first.topic), payload: first.body, items: [first] };
};

export const rowBatch = (row: SpoolRow, stamp: Stamp): Batch => rowsBatch(row, [row], stamp);

const rowsBatch = (first: SpoolRow, items: readonly SpoolItem[], stamp: Stamp): Batch => {
  const texts: string[] = [];
  const taken: SpoolItem[] = [];
  let bytes = 0;
  for (const item of items) {
    if (texts.length >= L.backfill_rows || !isAlike(first, item)) break;
    const text = `[${item.seq},${stamp(item)},${item.values.slice(1)}`;
    bytes += text.length + 1;
    if (bytes > L.backfill_bytes - 100 && texts.length > 0) break;
    texts.push(text);
    taken.push(item);
  }
  const payload = `{"boot":"${first.boot}","columns":"${first.columns}","rows":[${texts.join(',')}]}`;
  return { topic: topicOf(first.device, 'report'), payload, items: taken };
};

const isAlike = (first: SpoolRow, item: SpoolItem): item is SpoolRow =>
  item.kind === 'row' && item.device === first.device && item.boot === first.boot && item.columns === first.columns;
