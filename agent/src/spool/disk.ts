import type { Log } from '@muster/shared/log';
import type { SpoolDrop, SpoolItem } from '../spool.js';
import { createReader, type Reader } from './reader.js';
import { recover } from './recover.js';
import { createShelf } from './shelf.js';
import { createWriter, type Writer, type WriterNeeds } from './writer.js';

/** Segment files in one folder. What cannot be written throws; what cannot be read is dropped. */
export interface Disk extends Reader, Writer {
  open(): void;
  /** False where it is not here. */
  remove(item: SpoolItem): boolean;
  /** Drops whole segments of which nothing is newer. */
  dropBefore(ts: number): void;
  readonly length: number;
  readonly bytes: number;
}

export interface DiskNeeds extends WriterNeeds {
  log: Log;
  lost(drop: SpoolDrop): void;
}

export const createDisk = (needs: DiskNeeds, most_bytes: number): Disk => {
  const shelf = createShelf(needs.files, needs.lost);
  return {
    ...createReader(shelf, needs),
    ...createWriter(shelf, needs, most_bytes),
    open: () => recover(shelf, needs),
    remove: shelf.remove,
    dropBefore(ts) {
      const { correct } = shelf.times;
      const isOld = ({ boot, last_seq, last_ts }: (typeof shelf.segments)[number]) => correct(boot, last_seq, last_ts) < ts;
      for (const segment of shelf.segments.filter(isOld)) shelf.drop(segment, 'old');
    },
    get length() {
      return shelf.segments.reduce((sum, { items }) => sum + items, 0);
    },
    get bytes() {
      return shelf.bytes;
    },
  };
};
