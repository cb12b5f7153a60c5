import type { SpoolItem } from '../spool.js';
import type { SpoolFiles } from './files.js';
import { decodeLine, type Line, type Summary } from './lines.js';
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
  last_seq: number;
  first_ts: number;
  last_ts: number;
  /** Where each column list stands. */
  columns: Map<string, [number, number]>;
}

export const createSegment = (number: number): Segment => ({
  number,
  size: 0,
  done: createSpans(),
  held: createSpans(),
  items: 0,
  removed: 0,
  boot: '',
  last_seq: 0,
  first_ts: Number.POSITIVE_INFINITY,
  last_ts: Number.NEGATIVE_INFINITY,
  columns: new Map(),
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
  if (line?.kind === 'item') takeItem(segment, line.item);
  else if (line === null) segment.items++;
  else segment.done.add(from, to);
  if (line?.kind === 'columns') segment.columns.set(line.id, [from, to]);
  segment.size = Math.max(segment.size, to);
};

const takeItem = (segment: Segment, { boot, seq, ts }: SpoolItem): void => {
  segment.items++;
  segment.boot = boot;
  segment.last_seq = Math.max(segment.last_seq, seq);
  segment.first_ts = Math.min(segment.first_ts, ts);
  segment.last_ts = Math.max(segment.last_ts, ts);
};

export const summaryOf = ({ items, boot, last_seq, first_ts, last_ts, columns }: Segment): Summary => ({
  ...{ items, boot, last_seq, first_ts, last_ts },
  columns: Object.fromEntries(columns),
});

export const takeSummary = (segment: Segment, { columns, ...facts }: Summary): void => {
  Object.assign(segment, facts, { columns: new Map(Object.entries(columns)) });
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
  const tail = Buffer.allocUnsafe(Math.min(CHUNK, size));
  const read = files.read(file, tail, size - tail.length);
  if (read !== tail.length || tail.at(-1) !== 10) return null;
  const start = tail.lastIndexOf(10, tail.length - 2) + 1;
  const line = decodeLine(tail.subarray(start, tail.length - 1));
  return line?.kind === 'summary' ? { summary: line.summary, from: size - tail.length + start } : null;
};
