import { isBlind, type ListUser, listKey, type SpoolItem } from '../spool.js';
import type { SpoolFiles } from './files.js';
import { decodeLine, type Line, type Stretch, type Summary } from './lines.js';
import { createSpans, type Spans } from './spans.js';

/** What is known of one file of the spool. */
export interface Segment {
  number: number;
  /** Of whole lines. */
  size: number;
  /** What needs nobody any more: acknowledged items, and lines that are none. */
  done: Spans;
  /** Rows that cannot be sent, for they have no known time: they wait until they are too old. */
  held: Spans;
  /** Items not yet acknowledged; damage makes it an estimate. */
  items: number;
  /** Acknowledged since it was made or became whole. */
  removed: number;
  boot: string;
  /** Stamps of its items. */
  timed: Stretch | null;
  /** Those that were made before the time was known. */
  blind: Stretch | null;
  /** Where each column list stands, by its id: equal lists of several devices are one. */
  columns: Map<string, [number, number]>;
  /** Where the last row stands that uses a list, by device and id (`listKey`). */
  users: Map<string, number>;
}

export const createSegment = (number: number): Segment => ({
  number,
  size: 0,
  done: createSpans(),
  held: createSpans(),
  items: 0,
  removed: 0,
  boot: '',
  timed: null,
  blind: null,
  columns: new Map(),
  users: new Map(),
});

export const nameOf = (number: number): string => `${String(number).padStart(8, '0')}.seg`;
export const numberOf = (name: string): number | null => (/^\d{8}\.seg$/.test(name) ? Number(name.slice(0, 8)) : null);

/** The first byte at or after `at` that may be sent. */
export const nextByte = ({ done, held }: Segment, at: number): number => {
  for (let next = at; ; at = next) {
    next = held.gapFrom(done.gapFrom(at));
    if (next === at) return at;
  }
};

export const isDone = (segment: Segment): boolean => segment.done.gapFrom(0) >= segment.size;

/** A line that stands in the file from now on; null: one that is damaged. */
export const takeLine = (segment: Segment, line: Line | null, from: number, to: number): void => {
  if (line?.kind === 'item') takeItem(segment, line.item, from);
  else if (line === null) segment.items++;
  else segment.done.add(from, to);
  if (line?.kind === 'columns') segment.columns.set(line.id, [from, to]);
  segment.size = Math.max(segment.size, to);
};

const takeItem = (segment: Segment, item: SpoolItem, from: number): void => {
  segment.items++;
  segment.boot = item.boot;
  const kind = isBlind(item) ? 'blind' : 'timed';
  const [first, last] = segment[kind] ?? [item.ts, item.ts];
  segment[kind] = [Math.min(first, item.ts), Math.max(last, item.ts)];
  if (item.kind === 'row') segment.users.set(listKey(item), from);
};

export const summaryOf = ({ items, boot, timed, blind, columns, users }: Segment): Summary => ({
  ...{ items, boot, timed, blind },
  columns: Object.fromEntries(columns),
  users: Object.fromEntries(users),
});

export const takeSummary = (segment: Segment, { columns, users, ...facts }: Summary): void => {
  Object.assign(segment, facts, { columns: new Map(Object.entries(columns)), users: new Map(Object.entries(users)) });
};

/** The lists that rows in it still need. */
export const listsOf = (segment: Segment): ListUser[] => {
  const next = nextByte(segment, 0);
  return [...segment.users].flatMap(([key, last]) => {
    const [device = '', columns = ''] = key.split(' ');
    return last >= next ? [{ device, columns }] : [];
  });
};

/** Answers where to go on reading; anything at or beyond the end stops. */
export type Visit = (line: Line | null, from: number, to: number) => number;

const CHUNK = 65_536;
/** No line is longer; a hole this wide is damage without end. */
const LONGEST = 1_048_576;

export interface Walk {
  files: SpoolFiles;
  file: number;
  from: number;
  /** Where the file ends. */
  to: number;
}

/** Visits whole lines in order; answers where the last of them ended. */
export const walkLines = ({ files, file, from, to }: Walk, visit: Visit): number => {
  let chunk = Buffer.allocUnsafe(Math.min(CHUNK, to - from));
  let at = from;
  let ended = from;
  while (at < to) {
    const part = chunk.subarray(0, files.read(file, chunk, at));
    const next = visitPart(part, at, visit);
    ended = Math.max(ended, next.ended);
    if (next.at > at) at = next.at;
    // Not one line feed in it: a longer line, or no line at all.
    else if (part.length < chunk.length || chunk.length >= LONGEST || at + part.length >= to) return ended;
    else chunk = Buffer.allocUnsafe(Math.min(LONGEST, chunk.length * 4));
  }
  return ended;
};

const visitPart = (part: Buffer, start: number, visit: Visit): { at: number; ended: number } => {
  let at = start;
  let ended = start;
  for (let feed = part.indexOf(10); feed >= 0; feed = part.indexOf(10, at - start)) {
    ended = start + feed + 1;
    at = Math.max(ended, visit(decodeLine(part.subarray(at - start, feed)), at, ended));
    if (at - start >= part.length) break;
  }
  return { at, ended };
};

/** The last line of a whole segment, null where it is not whole. */
export const readSummary = (files: SpoolFiles, file: number, size: number): { summary: Summary; from: number } | null => {
  const tail = readTail(files, file, size);
  if (tail?.at(-1) !== 10) return null;
  const start = tail.lastIndexOf(10, tail.length - 2) + 1;
  const line = decodeLine(tail.subarray(start, tail.length - 1));
  return line?.kind === 'summary' ? { summary: line.summary, from: size - tail.length + start } : null;
};

/** As much as holds the last line: that of a thousand carried devices is long. */
const readTail = (files: SpoolFiles, file: number, size: number): Buffer | null => {
  for (let length = CHUNK; ; length = LONGEST) {
    const tail = Buffer.allocUnsafe(Math.min(length, size));
    if (files.read(file, tail, size - tail.length) !== tail.length) return null;
    const is_whole = tail.lastIndexOf(10, tail.length - 2) >= 0;
    if (is_whole || tail.length === size || length === LONGEST) return tail;
  }
};
