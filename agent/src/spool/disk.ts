import type { Log } from '@muster/shared/log';
import type { SpoolDrop, SpoolItem } from '../spool.js';
import { createReader, type Reader } from './reader.js';
import { recover } from './recover.js';
import { isDone, type Segment } from './segment.js';
import { createShelf } from './shelf.js';
import { createWriter, type Writer, type WriterNeeds } from './writer.js';

/** Segment files in one folder. What cannot be written throws; what cannot be read is dropped. */
export interface Disk extends Reader, Writer {
  /** False where it is not here. */
  remove(item: SpoolItem): boolean;
  /** Drops whole segments of which nothing is newer. */
  dropBefore(ts: number): void;
  readonly length: number;
  readonly bytes: number;
  readonly oldest_ts: number | null;
}

export interface DiskNeeds extends WriterNeeds {
  log: Log;
  lost(drop: SpoolDrop): void;
}

export const createDisk = (needs: DiskNeeds, most_bytes: number): Disk => {
  const shelf = createShelf(needs.files, needs.lost);
  const writer = createWriter(shelf, needs, most_bytes);
  const reader = createReader(shelf, needs);
  return {
    ...reader,
    ...writer,
    open() {
      recover(shelf, needs);
      writer.open();
      for (const segment of shelf.segments) if (isDone(segment) && segment !== shelf.active?.segment) shelf.leave(segment);
    },
    remove: shelf.remove,
    dropBefore(ts) {
      const isOld = (one: Segment) => !isDone(one) && shelf.times.stretchOf(one)[1] < ts;
      for (const segment of shelf.segments.filter(isOld)) shelf.drop(segment, 'old');
    },
    get length() {
      return shelf.segments.reduce((sum, { items }) => sum + items, 0);
    },
    get bytes() {
      return shelf.bytes;
    },
    get oldest_ts() {
      return reader.oldestStamp();
    },
  };
};
