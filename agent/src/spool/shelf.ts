import { type SpoolDrop, type SpoolItem, textOf } from '../spool.js';
import type { SpoolFiles } from './files.js';
import type { DoneSpan } from './lines.js';
import { isDone, nameOf, type Segment } from './segment.js';
import { createTimes, type Times } from './times.js';

/** The segments that there are, oldest first, and where in them an item stands. */
export interface Shelf {
  segments: Segment[];
  /** The one that is written to. */
  active: Active | null;
  next_number: number;
  /** The newest items of the active segment: with the link up nothing is ever read from disk. */
  recent: SpoolItem[];
  /** Acknowledged since the last line was written: it goes with the next one. */
  unsaid: DoneSpan[];
  readonly times: Times;
  readonly bytes: number;
  place(item: SpoolItem, place: Place): SpoolItem;
  /** False where it is not here. */
  remove(item: SpoolItem): boolean;
  isWaiting(item: SpoolItem): boolean;
  startOf(item: SpoolItem): Place | undefined;
  /** Nobody needs it any more. */
  leave(segment: Segment): void;
  drop(segment: Segment, why: SpoolDrop['why']): void;
}

export interface Active {
  segment: Segment;
  file: number;
  begun: number;
  is_new: boolean;
}

export interface Place {
  segment: Segment;
  from: number;
  to: number;
}

export const createShelf = (files: SpoolFiles, lost: (drop: SpoolDrop) => void): Shelf => {
  const places = new WeakMap<SpoolItem, Place>();
  const times = createTimes();
  const shelf: Shelf = {
    segments: [],
    active: null,
    next_number: 1,
    recent: [],
    unsaid: [],
    times,
    get bytes() {
      return shelf.segments.reduce((sum, { size }) => sum + size, 0);
    },
    place(item, place) {
      places.set(item, place);
      return item;
    },
    remove(item) {
      const place = places.get(item);
      if (place) acknowledge(shelf, place);
      return place !== undefined;
    },
    isWaiting(item) {
      const place = places.get(item);
      return place !== undefined && !place.segment.done.has(place.from);
    },
    startOf: (item) => places.get(item),
    leave(segment) {
      if (shelf.active?.segment === segment) {
        files.close(shelf.active.file);
        shelf.active = null;
        shelf.recent = [];
      }
      shelf.segments = shelf.segments.filter((one) => one !== segment);
      shelf.unsaid = shelf.unsaid.filter((one) => one.segment !== segment.number);
      removeQuietly(files, segment.number);
    },
    drop(segment, why) {
      const { items } = segment;
      const [from, to] = times.stretchOf(segment);
      const lose = !isDone(segment);
      shelf.leave(segment);
      if (lose) lost({ items: Math.max(1, items), from, to, why });
    },
  };
  return shelf;
};

/** A file that cannot be removed is met again at the next start, and the hub knows its rows. */
const removeQuietly = (files: SpoolFiles, number: number): void => {
  try {
    files.remove(nameOf(number));
  } catch {
    // The disk is read-only, and the next append says so.
  }
};

const acknowledge = (shelf: Shelf, { segment, from, to }: Place): void => {
  if (segment.done.has(from) || !shelf.segments.includes(segment)) return;
  segment.done.add(from, to);
  segment.items = Math.max(0, segment.items - 1);
  segment.removed++;
  addSpan(shelf.unsaid, { segment: segment.number, from, to, items: 1 });
  if (isDone(segment) && shelf.active?.segment !== segment) shelf.leave(segment);
};

const addSpan = (spans: DoneSpan[], span: DoneSpan): void => {
  const last = spans.at(-1);
  if (last?.segment !== span.segment || last.to !== span.from) return void spans.push(span);
  last.to = span.to;
  last.items += span.items;
};

/** About what it takes in a file. */
export const sizeOf = (item: SpoolItem): number => textOf(item).length + 100;
