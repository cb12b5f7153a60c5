import { AppError } from './errors.js';

/** JSON whose numbers keep their text: 18-decimal amounts arrive as bare numbers in real APIs, and a double loses their digits. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type LosslessJson = null | boolean | string | NumberText | LosslessJson[] | { [key: string]: LosslessJson };

/** Replies of real services nest about ten deep; beyond this a hostile one would cost stack. */
const MAX_DEPTH = 64;
/** The longest honest lists hold some ten thousand items; beyond this a flood of small values would fill the heap of an agent (32 MB). */
const MAX_VALUES = 300_000;
/** What an object takes, in plain values. */
const OBJECT_VALUES = 10;
const BLANK = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

interface Cursor {
  text: string;
  at: number;
  values: number;
}

/** Reads what JSON.parse reads, as it reads it; throws `bad_reply` that names the position. */
export const parseLossless = (text: string): LosslessJson => {
  const cursor = { text, at: 0, values: 0 };
  const value = readValue(cursor, 0);
  skipBlank(cursor);
  if (cursor.at < text.length) throw wrong(cursor, 'nothing more after the value');
  return value;
};

const readValue = (cursor: Cursor, depth: number): LosslessJson => {
  skipBlank(cursor);
  const first = cursor.text[cursor.at];
  cursor.values += first === '{' ? OBJECT_VALUES : 1;
  if (cursor.values > MAX_VALUES) throw wrong(cursor, `at most ${MAX_VALUES} values`);
  if (first === '"') return readString(cursor);
  if (first === '{' || first === '[') {
    if (depth >= MAX_DEPTH) throw wrong(cursor, `at most ${MAX_DEPTH} levels`);
    return first === '{' ? readObject(cursor, depth + 1) : readArray(cursor, depth + 1);
  }
  return readWord(cursor, first);
};

const readWord = (cursor: Cursor, first: string | undefined): LosslessJson => {
  if (first === 't') return readExact(cursor, 'true', true);
  if (first === 'f') return readExact(cursor, 'false', false);
  if (first === 'n') return readExact(cursor, 'null', null);
  NUMBER.lastIndex = cursor.at;
  const text = NUMBER.exec(cursor.text)?.[0];
  if (text === undefined) throw wrong(cursor, 'a value');
  cursor.at += text.length;
  return new NumberText(text);
};

const readExact = <T>(cursor: Cursor, word: string, value: T): T => {
  if (!cursor.text.startsWith(word, cursor.at)) throw wrong(cursor, 'a value');
  cursor.at += word.length;
  return value;
};

const readObject = (cursor: Cursor, depth: number): LosslessJson => {
  // No prototype: a key "__proto__" is then a key like any other.
  const object: { [key: string]: LosslessJson } = Object.create(null);
  readItems(cursor, '}', () => {
    skipBlank(cursor);
    if (cursor.text[cursor.at] !== '"') throw wrong(cursor, 'a key in quotes');
    const key = readString(cursor);
    skipBlank(cursor);
    readExact(cursor, ':', true);
    object[key] = readValue(cursor, depth);
  });
  return object;
};

const readArray = (cursor: Cursor, depth: number): LosslessJson => {
  const items: LosslessJson[] = [];
  readItems(cursor, ']', () => items.push(readValue(cursor, depth)));
  return items;
};

/** What stands between a bracket and `close`, with commas between the items. */
const readItems = (cursor: Cursor, close: string, readItem: () => void): void => {
  cursor.at++;
  skipBlank(cursor);
  if (cursor.text[cursor.at] === close) {
    cursor.at++;
    return;
  }
  for (;;) {
    readItem();
    skipBlank(cursor);
    const next = cursor.text[cursor.at];
    if (next !== ',' && next !== close) throw wrong(cursor, `"," or "${close}"`);
    cursor.at++;
    if (next === close) return;
  }
};

const readString = (cursor: Cursor): string => {
  const start = cursor.at;
  let end = cursor.text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(cursor.text, end)) end = cursor.text.indexOf('"', end + 1);
  if (end < 0) throw wrong(cursor, 'the end of a text');
  cursor.at = end + 1;
  try {
    return JSON.parse(cursor.text.slice(start, end + 1));
  } catch {
    throw wrong({ ...cursor, at: start }, 'a text without control characters and odd escapes');
  }
};

const isEscaped = (text: string, quote: number): boolean => {
  let slashes = 0;
  while (text[quote - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 1;
};

const skipBlank = (cursor: Cursor): void => {
  BLANK.lastIndex = cursor.at;
  BLANK.exec(cursor.text);
  cursor.at = BLANK.lastIndex;
};

const wrong = ({ text, at }: Cursor, wanted: string): AppError => {
  const found = at < text.length ? JSON.stringify(text.slice(at, at + 12)) : 'the end';
  return new AppError('bad_reply', `The reply is not JSON: ${wanted} expected at character ${at + 1}, found ${found}`);
};
