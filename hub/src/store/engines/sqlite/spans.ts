/** Sets of whole numbers as one flat list of closed spans, rising: from, to, from, to, … */
import { type ByteSource, newSink, newSource, putVarint, takeVarint, written } from './codec/bytes.js';

/** False when it was there. The next number extends the last span: the usual case. */
export const addToSpans = (spans: number[], number: number): boolean => {
  const last = spans.length - 1;
  if (last > 0 && spans[last] === number - 1) {
    spans[last] = number;
    return true;
  }
  const at = spanAfter(spans, number);
  const before = spans[at - 1] ?? Number.NEGATIVE_INFINITY;
  if (number <= before) return false;
  const joins = { left: before === number - 1, right: spans[at] === number + 1 };
  if (joins.left && joins.right) spans.splice(at - 1, 2);
  else if (joins.left) spans[at - 1] = number;
  else if (joins.right) spans[at] = number;
  else spans.splice(at, 0, number, number);
  return true;
};

export const inSpans = (spans: readonly number[], number: number): boolean =>
  number <= (spans[spanAfter(spans, number) - 1] ?? -1);

/** Takes out a number that is there. */
export const removeFromSpans = (spans: number[], number: number): void => {
  const at = spanAfter(spans, number) - 2;
  const [from = 0, to = 0] = spans.slice(at, at + 2);
  const left = number > from ? [from, number - 1] : [];
  const right = number < to ? [number + 1, to] : [];
  spans.splice(at, 2, ...left, ...right);
};

/** Index of the first span that begins after the number. */
const spanAfter = (spans: readonly number[], number: number): number => {
  let [low, high] = [0, spans.length / 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle * 2] ?? 0) <= number) low = middle + 1;
    else high = middle;
  }
  return low * 2;
};

export const encodeSpans = (spans: readonly number[]): Uint8Array => {
  const sink = newSink(spans.length * 3 + 8);
  let last = 0;
  for (const edge of spans) {
    putVarint(sink, edge - last);
    last = edge;
  }
  return written(sink);
};

/** Throws AppError `damaged`. */
export const decodeSpans = (bytes: Uint8Array): number[] => {
  const source: ByteSource = newSource(bytes);
  const spans: number[] = [];
  for (let last = 0; source.at < source.end; ) {
    last += takeVarint(source);
    spans.push(last);
  }
  return spans;
};
