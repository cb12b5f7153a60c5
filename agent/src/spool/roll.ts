import type { SpoolFiles } from './files.js';
import { encodeLine, FORMAT_VERSION, type Line } from './lines.js';
import { createSegment, isDone, nameOf, type Segment, summaryOf, takeLine } from './segment.js';
import type { Active, Shelf } from './shelf.js';

/** The files that are written: one after the other, each whole when the next begins. */
export interface Roll {
  write(target: Active, lines: readonly Line[]): void;
  /** A new newest file, which says what the one before it said; else nothing has changed. */
  begin(): Active;
  /** The newest, with room for these bytes. */
  ready(bytes: number): Active;
  /** What was acknowledged since the last line. */
  said(): Line[];
  seal(target: Active): Promise<void>;
  /** Whether the files before the newest would survive a power cut. */
  areSealed(): Promise<boolean>;
  sync(target: Active): Promise<void>;
}

export interface RollNeeds {
  files: SpoolFiles;
  /** Milliseconds that only go forward. */
  monotonic(): number;
  /** A new file has begun, and the one before it is being synced. */
  begun(): void;
}

const SEGMENT_MS = 8 * 3_600_000;
/** Beyond these a start sends some rows again, and the hub knows them. */
const DONE_SPANS = 500;

export const createRoll = (shelf: Shelf, { files, monotonic, begun }: RollNeeds, segment_bytes: number): Roll => {
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
  const sync = async (target: Active) => {
    const { file, is_new } = target;
    target.is_new = false;
    await files.sync(file);
    if (is_new) await files.syncFolder();
  };
  const seal = async (target: Active): Promise<void> => {
    writeSummary(files, target);
    await sync(target).finally(() => files.close(target.file));
  };
  const seals = createSeals(shelf);
  const open = (): Active => {
    const segment = createSegment(shelf.next_number);
    const next = { segment, file: files.open(nameOf(segment.number)), begun: monotonic(), is_new: true };
    try {
      const head = headOf(shelf, segment.number);
      write(next, head);
      // Without these notes rows of earlier runs could never be sent.
      if (head.some(({ kind }) => kind === 'time') && !shelf.segments.every(isDone)) files.syncNow(next.file);
      return next;
    } catch (error) {
      files.close(next.file);
      throw error;
    }
  };
  const begin = (): Active => {
    const next = open();
    const old = shelf.active;
    shelf.segments.push(next.segment);
    shelf.active = next;
    shelf.next_number++;
    shelf.recent = [];
    begun();
    if (old) retire(old);
    return next;
  };
  const retire = (old: Active) => {
    // A sync that fails leaves the rows where they are; the next write finds the trouble.
    if (!isDone(old.segment)) return seals.add(old.segment, seal(old));
    files.close(old.file);
    shelf.leave(old.segment);
  };
  return {
    write,
    begin,
    ready(bytes) {
      const { active } = shelf;
      if (!active) return begin();
      const is_full = active.segment.size + bytes > segment_bytes || monotonic() - active.begun > SEGMENT_MS;
      return is_full ? begin() : active;
    },
    said: () => (shelf.unsaid.length > 0 ? [{ kind: 'done', segments: shelf.unsaid }] : []),
    seal,
    areSealed: seals.areSafe,
    sync,
  };
};

/** The syncs of whole files, and which of them failed. */
const createSeals = (shelf: Shelf) => {
  const unsafe = new WeakSet<Segment>();
  let under_way: Promise<unknown> = Promise.resolve();
  return {
    add(segment: Segment, sealed: Promise<void>) {
      const noted = sealed.catch(() => void unsafe.add(segment));
      under_way = Promise.all([under_way, noted]);
    },
    async areSafe(): Promise<boolean> {
      await under_way;
      return !shelf.segments.some((segment) => unsafe.has(segment) && !isDone(segment));
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
