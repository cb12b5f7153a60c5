import type { ColumnFacts, ListUser, SpoolItem } from '../spool.js';
import type { SpoolFiles } from './files.js';
import type { Line } from './lines.js';
import { createRoll } from './roll.js';
import { isDone, type Segment } from './segment.js';
import { type Shelf, sizeOf } from './shelf.js';
import type { TimeNote } from './times.js';

/** Appends to the newest segment, one write to an item; throws what the file system throws, and then nothing has changed. */
export interface Writer {
  /** After a start: what the newest file said goes into one of this run. */
  open(): void;
  append(item: SpoolItem): void;
  settle(note: TimeNote): void;
  /** When the oldest item was written that a power cut would take (monotonic); null: none. */
  unsyncedSince(): number | null;
  /** Whether all that was written would survive a power cut by now; throws where the newest file cannot be synced. */
  sync(): Promise<boolean>;
  close(): Promise<void>;
}

export interface WriterNeeds {
  files: SpoolFiles;
  /** The column list of a row of this run. */
  describe(list: ListUser): ColumnFacts | null;
  /** Milliseconds that only go forward. */
  monotonic(): number;
}

const SEGMENT_BYTES = 1_000_000;
/** A segment is dropped as a whole: the sixteenth part of the bound, about the twentieth of the seven days. */
const PARTS = 16;
/** An agent that carries many devices adds that many rows at once. */
const RECENT = 128;

export const createWriter = (shelf: Shelf, needs: WriterNeeds, most_bytes: number): Writer => {
  const unsynced = createUnsynced(shelf, needs.monotonic);
  const roll = createRoll(shelf, { ...needs, begun: unsynced.clear }, Math.min(SEGMENT_BYTES, Math.floor(most_bytes / PARTS)));

  const makeRoom = (bytes: number) => {
    for (let [oldest] = shelf.segments; oldest && shelf.bytes + bytes > most_bytes; [oldest] = shelf.segments) {
      shelf.drop(oldest, 'full');
    }
  };
  const columnsLine = (segment: Segment, item: SpoolItem): Line[] => {
    if (item.kind !== 'row' || segment.columns.has(item.columns)) return [];
    const facts = needs.describe(item);
    return facts ? [{ kind: 'columns', id: item.columns, facts }] : [];
  };

  return {
    open() {
      if (!shelf.segments.every(isDone)) roll.begin();
    },
    append(item) {
      const bytes = sizeOf(item);
      makeRoom(bytes);
      shelf.times.own(item.boot);
      const active = roll.ready(bytes);
      roll.write(active, [...roll.said(), ...columnsLine(active.segment, item), { kind: 'item', item }]);
      shelf.recent.push(item);
      if (shelf.recent.length > RECENT) shelf.recent = shelf.recent.filter(shelf.isWaiting).slice(-RECENT);
      unsynced.add(item);
    },
    settle(note) {
      shelf.times.add(note);
      shelf.times.own(note.boot);
      if (!shelf.active) return;
      roll.write(shelf.active, [...roll.said(), { kind: 'time', ...note }]);
      unsynced.note();
    },
    unsyncedSince: unsynced.since,
    async sync() {
      unsynced.clear();
      if (shelf.active) await roll.sync(shelf.active);
      return roll.areSealed();
    },
    async close() {
      const open = shelf.active ?? (shelf.unsaid.length > 0 ? roll.begin() : null);
      if (!open) return;
      if (shelf.segments.every(isDone)) return shelf.leave(open.segment);
      roll.write(open, roll.said());
      shelf.active = null;
      await roll.seal(open);
    },
  };
};

/** What a power cut would take, and since when. */
const createUnsynced = (shelf: Shelf, monotonic: () => number) => {
  let items: { item: SpoolItem; at: number }[] = [];
  /** When a note of the time was written. */
  let noted_at: number | null = null;
  return {
    add: (item: SpoolItem) => void items.push({ item, at: monotonic() }),
    note() {
      noted_at ??= monotonic();
    },
    since(): number | null {
      items = items.filter(({ item }) => shelf.isWaiting(item));
      return noted_at ?? items[0]?.at ?? null;
    },
    clear() {
      items = [];
      noted_at = null;
    },
  };
};
