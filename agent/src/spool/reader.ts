import { asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import {
  BIRTH_LIST_CHARS,
  type ColumnFacts,
  type ListUser,
  type ListWish,
  listKey,
  type ReadLimits,
  type SpoolDrop,
  type SpooledList,
  type SpoolItem,
  takeItems,
  textOf,
} from '../spool.js';
import type { SpoolFiles } from './files.js';
import { decodeLine, type Line } from './lines.js';
import { isDone, listsOf, nameOf, nextByte, type Segment, walkLines } from './segment.js';
import type { Place, Shelf } from './shelf.js';

/** Reads what waits, oldest first, and what it means. A file that cannot be read is dropped. */
export interface Reader {
  oldest(limits: ReadLimits, skip: (item: SpoolItem) => boolean): SpoolItem[];
  columns(wish: ListWish | undefined): SpooledList[];
  listsOf(device: string): number;
  /** The stamp of the oldest item; null: there is none that may be sent. */
  oldestStamp(): number | null;
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
  /** The oldest item stays the oldest while the hub is away: it is read once. */
  let looked: { segment: Segment | null; at: number; item: SpoolItem | undefined } = { segment: null, at: 0, item: undefined };
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
    columns(wish) {
      const all = new Map<string, SpooledList>();
      const read = createListReader(shelf, (segment, id) => attempt(segment, () => readColumns(needs.files, segment, id), null));
      let chars = 0;
      const take = ({ device, columns }: ListUser) => {
        const facts = read(columns);
        if (!facts) return;
        all.set(listKey({ device, columns }), { device, columns, facts });
        chars += JSON.stringify(facts).length;
      };
      if (wish) take(wish.wanted);
      for (const list of waiting(shelf).flatMap(listsOf)) {
        if (chars >= BIRTH_LIST_CHARS) break;
        if (!all.has(listKey(list)) && !wish?.isKnown(list)) take(list);
      }
      return [...all.values()];
    },
    listsOf: (device) =>
      new Set(
        waiting(shelf)
          .flatMap(listsOf)
          .flatMap((list) => (list.device === device ? list.columns : [])),
      ).size,
    oldestStamp() {
      if (isInMemory(shelf)) return stampOf(shelf, shelf.recent.find(shelf.isWaiting));
      for (const segment of waiting(shelf)) {
        const at = nextByte(segment, 0);
        if (at >= segment.size) continue;
        if (looked.segment !== segment || looked.at !== at) {
          const [item] = attempt(segment, () => readItems(shelf, needs, segment, ONE), []);
          looked = { segment, at: nextByte(segment, 0), item };
        }
        if (looked.item) return stampOf(shelf, looked.item);
      }
      return null;
    },
  };
};

const ONE: Wish = { limits: { items: 1, bytes: 1 }, skip: () => false };

const waiting = ({ segments }: Shelf): Segment[] => segments.filter((segment) => !isDone(segment));

const stampOf = ({ times }: Shelf, item: SpoolItem | undefined): number | null => (item ? times.stampOf(item) : null);

/** Reads each list once, from the first file that has it whole. */
const createListReader = (shelf: Shelf, read: (segment: Segment, id: string) => ColumnFacts | null) => {
  const known = new Map<string, ColumnFacts | null>();
  const find = (id: string): ColumnFacts | null => {
    for (const segment of shelf.segments) {
      const facts = segment.columns.has(id) ? read(segment, id) : null;
      if (facts) return facts;
    }
    return null;
  };
  return (id: string): ColumnFacts | null => {
    if (!known.has(id)) known.set(id, find(id));
    return known.get(id) ?? null;
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
    if (line?.kind === 'item') take(shelf.times.corrected(line.item), { segment, from, to });
    else forget({ shelf, segment, needs }, { from, to, damaged: line === null });
    return isEnough() ? Number.POSITIVE_INFINITY : nextByte(segment, to);
  };
  const from = nextByte(segment, 0);
  if (from >= segment.size) return taken;
  const file = files.open(nameOf(segment.number));
  try {
    const ended = nextByte(segment, walkLines({ files, file, from, to: segment.size }, visit));
    // What comes after the last line feed was not written by us.
    if (!isEnough() && ended < segment.size) forget({ shelf, segment, needs }, { from: ended, to: segment.size, damaged: true });
    return taken;
  } finally {
    files.close(file);
  }
};

const forget = (
  { shelf, segment, needs }: { shelf: Shelf; segment: Segment; needs: ReaderNeeds },
  { from, to, damaged }: { from: number; to: number; damaged: boolean },
): void => {
  segment.done.add(from, to);
  if (!damaged) return;
  segment.items = Math.max(0, segment.items - 1);
  const [first, last] = shelf.times.stretchOf(segment);
  needs.lost({ items: 1, from: first, to: last, why: 'damaged' });
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
