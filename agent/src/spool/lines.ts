import { crc32 } from 'node:zlib';
import type { ColumnFacts, SpoolItem } from '../spool.js';
import type { TimeNote } from './times.js';

/**
 * A segment file is lines: CRC-32 of the rest in hex, a blank, a letter, fields. JSON text holds no line feed, so a
 * damaged line ends where the next begins, and costs only itself.
 */
export type Line =
  | { kind: 'header'; version: number; number: number }
  | { kind: 'columns'; id: string; facts: ColumnFacts }
  | { kind: 'item'; item: SpoolItem }
  | { kind: 'done'; segments: DoneSpan[] }
  | ({ kind: 'time' } & TimeNote)
  | { kind: 'summary'; summary: Summary };

/** Bytes of a segment that need nobody any more, and how many items they held. */
export interface DoneSpan {
  segment: number;
  from: number;
  to: number;
  items: number;
}

/** The last line of a whole segment: what a start needs to know of it without reading it. */
export interface Summary {
  items: number;
  boot: string;
  timed: Stretch | null;
  blind: Stretch | null;
  columns: Record<string, [number, number]>;
  users: Record<string, number>;
}

/** The first and the last stamp. */
export type Stretch = [number, number];

export const FORMAT_VERSION = 1;
const LETTERS = { header: 'H', columns: 'C', done: 'a', time: 't', summary: 'F' } as const;

export const encodeLine = (line: Line): Buffer => {
  const text = line.kind === 'item' ? itemText(line.item) : `${LETTERS[line.kind]} ${fieldsOf(line)}`;
  return Buffer.from(`${hex(crc32(text))} ${text}\n`);
};

/** Null where the line is not what was written. */
export const decodeLine = (bytes: Buffer): Line | null => {
  if (bytes.length < 11 || bytes.toString('latin1', 0, 9) !== `${hex(crc32(bytes.subarray(9)))} `) return null;
  const text = bytes.toString('utf8', 9);
  try {
    return decodeText(text);
  } catch {
    return null;
  }
};

const hex = (sum: number): string => sum.toString(16).padStart(8, '0');

const itemText = (item: SpoolItem): string => {
  const { device, boot, seq, ts } = item;
  return item.kind === 'row'
    ? `${item.blind ? 'u' : 'r'} ${device} ${boot} ${seq} ${ts} ${item.columns} ${item.values}`
    : `m ${device} ${boot} ${seq} ${ts} ${item.topic} ${item.body}`;
};

const fieldsOf = (line: Exclude<Line, { kind: 'item' }>): string => {
  if (line.kind === 'header') return `${line.version} ${line.number}`;
  if (line.kind === 'columns') return `${line.id} ${JSON.stringify(line.facts)}`;
  if (line.kind === 'time') return `${line.boot} ${line.shift_ms}`;
  if (line.kind === 'summary') return JSON.stringify(line.summary);
  return line.segments.map(({ segment, from, to, items }) => `${segment}:${from}-${to}:${items}`).join(',');
};

const decodeText = (text: string): Line | null => {
  const [letter = ''] = text;
  if (letter === 'r' || letter === 'u' || letter === 'm') return decodeItem(text);
  const rest = text.slice(2);
  if (letter === 'C') {
    const [id = '', json = ''] = cut(rest, 1);
    return { kind: 'columns', id, facts: JSON.parse(json) };
  }
  if (letter === 'F') return { kind: 'summary', summary: JSON.parse(rest) };
  if (letter === 'a') return { kind: 'done', segments: rest.split(',').map(decodeSpan) };
  const [first = '', second = ''] = rest.split(' ');
  if (letter === 'H') return { kind: 'header', version: Number(first), number: Number(second) };
  return letter === 't' ? { kind: 'time', boot: first, shift_ms: Number(second) } : null;
};

const decodeItem = (text: string): Line => {
  const [kind, device = '', boot = '', seq, ts, name = '', content = ''] = cut(text, 6);
  const identity = { device, boot, seq: Number(seq), ts: Number(ts) };
  if (kind === 'm') return { kind: 'item', item: { kind: 'message', ...identity, topic: name as 'event', body: content } };
  return { kind: 'item', item: { kind: 'row', ...identity, blind: kind === 'u', columns: name, values: content } };
};

const decodeSpan = (text: string): DoneSpan => {
  const [segment = 0, from = 0, to = 0, items = 0] = text.split(/[:-]/).map(Number);
  return { segment, from, to, items };
};

/** Cuts at the first blanks; the last part keeps its own. */
const cut = (text: string, blanks: number): string[] => {
  const parts: string[] = [];
  let from = 0;
  for (let n = 0; n < blanks; n++) {
    const at = text.indexOf(' ', from);
    if (at < 0) break;
    parts.push(text.slice(from, at));
    from = at + 1;
  }
  parts.push(text.slice(from));
  return parts;
};
