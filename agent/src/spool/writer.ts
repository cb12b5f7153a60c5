import type { ColumnFacts, SpoolItem } from '../spool.js';
import type { SpoolFiles } from './files.js';
import { encodeLine, FORMAT_VERSION, type Line } from './lines.js';
import { createSegment, isDone, nameOf, type Segment, summaryOf, takeLine } from './segment.js';
import { type Active, type Shelf, sizeOf } from './shelf.js';

/** Appends to the newest segment, one write to an item; throws what the file system throws, and then nothing has changed. */
export interface Writer {
  /** After a start: what the newest file said goes into one of this run. */
  open(): void;
  /** `timed`: it was stamped when the time was known. */
  append(item: SpoolItem, timed: boolean): void;
  settle(boot: string, until: number, shift_ms: number): void;
  /** When the oldest item was written that a power cut would take (monotonic); null: none. */
  unsyncedSince(): number | null;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface WriterNeeds {
  files: SpoolFiles;
  /** The column list of a row of this run. */
  describe(columns: string): ColumnFacts | null;
  /** Milliseconds that only go forward. */
  monotonic(): number;
}

const SEGMENT_BYTES = 1_000_000;
/** A segment is dropped as a whole: the sixteenth part of the bound, about the twentieth of the seven days. */
const PARTS = 16;
const SEGMENT_MS = 8 * 3_600_000;
const RECENT = 32;
/** Beyond these a start sends some rows again, and the hub knows them. */
const DONE_SPANS = 500;

export const createWriter = (shelf: Shelf, needs: WriterNeeds, most_bytes: number): Writer => {
  const { files } = needs;
  const segment_bytes = Math.min(SEGMENT_BYTES, Math.floor(most_bytes / PARTS));
  /** When a note of the time was written that is not synced yet. */
  let notes_at: number | null = null;
  let unsynced: { item: SpoolItem; at: number }[] = [];

  const write = ({ segment, file }: Active, lines: readonly Line[]) => {
    const parts = lines.map(encodeLine);
    writeWhole(files, file, { bytes: Buffer.concat(parts), at: segment.size });
    for (const [index, part] of parts.entries()) {
      const line = lines[index] ?? null;
      const from = segment.size;
      takeLine(segment, line, from, from + part.length);
      if (line?.kind === 'item') shelf.place(line.item, { segment, from, to: from + part.length });
    }
    shelf.unsaid = [];
  };
  const syncFile = async (file: number, is_new: boolean) => {
    await files.sync(file);
    if (is_new) await files.syncFolder();
  };
  const seal = async ({ segment, file, is_new }: Active): Promise<void> => {
    writeSummary(files, { segment, file });
    await syncFile(file, is_new).finally(() => files.close(file));
  };
  /** A new newest file, which says what the one before it said; else nothing has changed. */
  const begin = (): Active => {
    const old = shelf.active;
    const segment = createSegment(shelf.next_number);
    const next = { segment, file: files.open(nameOf(segment.number)), begun: needs.monotonic(), is_new: true };
    const head = headOf(shelf, segment.number);
    try {
      write(next, head);
      // Without these notes rows of earlier runs could never be sent.
      if (head.some(({ kind }) => kind === 'time') && shelf.segments.some((one) => !isDone(one))) files.syncNow(next.file);
    } catch (error) {
      files.close(next.file);
      throw error;
    }
    shelf.segments.push(segment);
    shelf.active = next;
    shelf.next_number++;
    shelf.recent = [];
    unsynced = [];
    notes_at = null;
    if (old) retire(old);
    return next;
  };
  const retire = (old: Active) => {
    // A sync that fails leaves the rows where they are; the next write finds the trouble.
    if (!isDone(old.segment)) return void seal(old).catch(() => {});
    files.close(old.file);
    shelf.leave(old.segment);
  };
  const ready = (bytes: number): Active => {
    const { active } = shelf;
    if (!active) return begin();
    const is_full = active.segment.size + bytes > segment_bytes || needs.monotonic() - active.begun > SEGMENT_MS;
    return is_full ? begin() : active;
  };
  const makeRoom = (bytes: number) => {
    for (let [oldest] = shelf.segments; oldest && shelf.bytes + bytes > most_bytes; [oldest] = shelf.segments) {
      shelf.drop(oldest, 'full');
    }
  };
  const columnsLine = (segment: Segment, item: SpoolItem): Line[] => {
    if (item.kind !== 'row' || segment.columns.has(item.columns)) return [];
    const facts = needs.describe(item.columns);
    return facts ? [{ kind: 'columns', id: item.columns, facts }] : [];
  };
  const said = (): Line[] => (shelf.unsaid.length > 0 ? [{ kind: 'done', segments: shelf.unsaid }] : []);

  return {
    open() {
      if (shelf.segments.some((segment) => !isDone(segment))) begin();
    },
    append(item, timed) {
      const bytes = sizeOf(item);
      makeRoom(bytes);
      shelf.times.own(item.boot);
      const active = ready(bytes);
      write(active, [...said(), ...columnsLine(active.segment, item), { kind: 'item', item, timed }]);
      shelf.recent.push(item);
      if (shelf.recent.length > RECENT) shelf.recent = shelf.recent.filter(shelf.isWaiting).slice(-RECENT);
      unsynced.push({ item, at: needs.monotonic() });
    },
    settle(boot, until, shift_ms) {
      shelf.times.add({ boot, until, shift_ms });
      shelf.times.own(boot);
      if (!shelf.active) return;
      write(shelf.active, [...said(), { kind: 'time', boot, until, shift_ms }]);
      notes_at ??= needs.monotonic();
    },
    unsyncedSince() {
      unsynced = unsynced.filter(({ item }) => shelf.isWaiting(item));
      return notes_at ?? unsynced[0]?.at ?? null;
    },
    async sync() {
      if (!shelf.active) return;
      unsynced = [];
      notes_at = null;
      const { file, is_new } = shelf.active;
      shelf.active.is_new = false;
      await syncFile(file, is_new);
    },
    async close() {
      const open = shelf.active ?? (shelf.unsaid.length > 0 ? begin() : null);
      if (!open) return;
      if (shelf.segments.every(isDone)) return shelf.leave(open.segment);
      write(open, said());
      shelf.active = null;
      await seal(open);
    },
  };
};

/** What a start must find in the newest segment, for of the others it reads the last line only. */
const headOf = (shelf: Shelf, number: number): Line[] => {
  const spans = shelf.segments.flatMap((segment) =>
    segment.done.list().map(([from, to], index) => ({
      segment: segment.number,
      from,
      to,
      items: index === 0 ? segment.removed : 0,
    })),
  );
  return [
    { kind: 'header', version: FORMAT_VERSION, number },
    ...shelf.times.list(new Set(shelf.segments.map(({ boot }) => boot))).map((note) => ({ kind: 'time', ...note }) as const),
    ...(spans.length > 0 && spans.length <= DONE_SPANS ? [{ kind: 'done', segments: spans } as const] : []),
  ];
};

const writeWhole = (files: SpoolFiles, file: number, { bytes, at }: { bytes: Buffer; at: number }): void => {
  try {
    files.write(file, bytes, at);
  } catch (error) {
    try {
      files.truncate(file, at);
    } catch {
      // What is there of it ends as a torn line; the first error is the one to tell.
    }
    throw error;
  }
};

export const writeSummary = (files: SpoolFiles, { segment, file }: Pick<Active, 'segment' | 'file'>): void => {
  const bytes = encodeLine({ kind: 'summary', summary: summaryOf(segment) });
  try {
    writeWhole(files, file, { bytes, at: segment.size });
  } catch {
    // Then a start reads all of it.
    return;
  }
  segment.done.add(segment.size, segment.size + bytes.length);
  segment.size += bytes.length;
  segment.removed = 0;
};
