import { asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import {
  BIRTH_LIST_CHARS,
  type ColumnFacts,
  type ReadLimits,
  type SpoolDrop,
  type SpoolItem,
  takeItems,
  textOf,
} from '../spool.js';
import type { SpoolFiles } from './files.js';
import { decodeLine, type Line } from './lines.js';
import { isDone, nameOf, nextByte, type Segment, walkLines } from './segment.js';
import type { Place, Shelf } from './shelf.js';

/** Reads what waits, oldest first, and what it means. A file that cannot be read is dropped. */
export interface Reader {
  oldest(limits: ReadLimits, skip: (item: SpoolItem) => boolean): SpoolItem[];
  columns(wanted: string | undefined): Map<string, ColumnFacts>;
}

export interface ReaderNeeds {
  files: SpoolFiles;
  log: Log;
  lost(drop: SpoolDrop): void;
}

interface Wish {
  limits: ReadLimits;
  skip(item: SpoolItem): boolean;
}

export const createReader = (shelf: Shelf, needs: ReaderNeeds): Reader => {
  const attempt = <T>(segment: Segment, read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      needs.log.warn('A file of the spool cannot be read', { file: nameOf(segment.number), error: asAppError(error).message });
      shelf.drop(segment, 'damaged');
      return otherwise;
    }
  };
  return {
    oldest(limits, skip) {
      if (isInMemory(shelf)) return takeItems(shelf.recent.filter(shelf.isWaiting), limits, skip);
      for (const segment of [...shelf.segments]) {
        const taken = attempt(segment, () => readItems(shelf, needs, segment, { limits, skip }), []);
        if (isDone(segment) && shelf.active?.segment !== segment) shelf.leave(segment);
        if (taken.length > 0) return taken;
      }
      return [];
    },
    columns(wanted) {
      const all = new Map<string, ColumnFacts>();
      let chars = 0;
      const take = (segment: Segment, id: string) => {
        const facts = attempt(segment, () => readColumns(needs.files, segment, id), null);
        if (!facts) return;
        all.set(id, facts);
        chars += JSON.stringify(facts).length;
      };
      const waiting = shelf.segments.filter((segment) => !isDone(segment));
      const holder = waiting.find(({ columns }) => wanted !== undefined && columns.has(wanted));
      if (holder && wanted !== undefined) take(holder, wanted);
      for (const segment of waiting) {
        for (const id of segment.columns.keys()) if (!all.has(id) && chars < BIRTH_LIST_CHARS) take(segment, id);
      }
      return all;
    },
  };
};

/** Whether the newest items are all that wait. */
const isInMemory = ({ segments, recent, startOf }: Shelf): boolean => {
  const [segment] = segments;
  const start = recent[0] && startOf(recent[0]);
  return segments.length === 1 && segment !== undefined && start?.segment === segment && nextByte(segment, 0) >= start.from;
};

const readItems = (shelf: Shelf, needs: ReaderNeeds, segment: Segment, { limits, skip }: Wish): SpoolItem[] => {
  const { files } = needs;
  const taken: SpoolItem[] = [];
  let left = limits.bytes;
  const isEnough = () => left <= 0 || taken.length >= limits.items;
  const take = (item: SpoolItem | null, place: Place) => {
    if (item === null) return segment.held.add(place.from, place.to);
    if (skip(item)) return;
    taken.push(shelf.place(item, place));
    left -= textOf(item).length;
  };
  const visit = (line: Line | null, from: number, to: number): number => {
    if (line?.kind === 'item') take(line.timed ? line.item : shelf.times.corrected(line.item), { segment, from, to });
    else forget(segment, needs, { from, to, damaged: line === null });
    return isEnough() ? Number.POSITIVE_INFINITY : nextByte(segment, to);
  };
  const from = nextByte(segment, 0);
  if (from >= segment.size) return taken;
  const file = files.open(nameOf(segment.number));
  try {
    const ended = nextByte(segment, walkLines({ files, file, from, to: segment.size }, visit));
    // What comes after the last line feed was not written by us.
    if (!isEnough() && ended < segment.size) forget(segment, needs, { from: ended, to: segment.size, damaged: true });
    return taken;
  } finally {
    files.close(file);
  }
};

const forget = (
  segment: Segment,
  needs: ReaderNeeds,
  { from, to, damaged }: { from: number; to: number; damaged: boolean },
): void => {
  segment.done.add(from, to);
  if (!damaged) return;
  segment.items = Math.max(0, segment.items - 1);
  needs.lost({ items: 1, from: segment.first_ts, to: segment.last_ts, why: 'damaged' });
};

const readColumns = (files: SpoolFiles, segment: Segment, id: string): ColumnFacts | null => {
  const [from, to] = segment.columns.get(id) ?? [0, 0];
  const file = files.open(nameOf(segment.number));
  try {
    const bytes = Buffer.allocUnsafe(to - from);
    const line = files.read(file, bytes, from) === bytes.length ? decodeLine(bytes.subarray(0, -1)) : null;
    return line?.kind === 'columns' ? line.facts : null;
  } finally {
    files.close(file);
  }
};
