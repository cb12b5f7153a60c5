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

export interface BatchWay {
  /** The agent's own device: rows of others travel as carried. */
  own: string;
  stamp: Stamp;
}

/** A message alone, or the rows that follow each other, of one boot and one list a device, up to 500 or 64 KB. Null: nothing to send. */
export const nextBatch = (items: readonly SpoolItem[], way: BatchWay): Batch | null => {
  const [first] = items;
  if (!first) return null;
  if (first.kind === 'row') return rowsBatch(first, items, way);
  return { topic: topicOf(first.device, first.topic), payload: first.body, items: [first] };
};

interface Part {
  columns: string;
  texts: string[];
}

const rowsBatch = (first: SpoolRow, items: readonly SpoolItem[], { own, stamp }: BatchWay): Batch => {
  const parts = new Map<string, Part>();
  const taken: SpoolItem[] = [];
  let bytes = 0;
  for (const item of items) {
    if (taken.length >= L.backfill_rows || item.kind !== 'row' || item.boot !== first.boot) break;
    const part = parts.get(item.device) ?? { columns: item.columns, texts: [] };
    if (part.columns !== item.columns) break;
    const text = `[${item.seq},${stamp(item)},${item.values.slice(1)}`;
    bytes += text.length + 1 + (part.texts.length > 0 ? 0 : PART_BYTES);
    if (bytes > L.backfill_bytes && taken.length > 0) break;
    part.texts.push(text);
    parts.set(item.device, part);
    taken.push(item);
  }
  return { topic: topicOf(own, 'report'), payload: payloadOf(first.boot, own, parts), items: taken };
};

/** Brackets, names and the longest device id. */
const PART_BYTES = 130;
/** Where the agent has no row of its own in a message, its list means nothing. */
const NO_LIST: Part = { columns: '00000000', texts: [] };

const payloadOf = (boot: string, own: string, parts: Map<string, Part>): string => {
  const text = ({ columns, texts }: Part) => `"columns":"${columns}","rows":[${texts.join(',')}]`;
  const mine = text(parts.get(own) ?? NO_LIST);
  const others = [...parts].filter(([device]) => device !== own).map(([device, part]) => `{"device":"${device}",${text(part)}}`);
  return `{"boot":"${boot}",${mine}${others.length > 0 ? `,"carried":[${others.join(',')}]` : ''}}`;
};
