/** The Prometheus text format, OpenMetrics included, as exporters really write it; one line at a time, so a page of any order will do. */
export interface Series {
  name: string;
  labels: Readonly<Record<string, string>>;
  /** As written: an amount loses digits as a double. */
  text: string;
}

export interface Page {
  series: Series[];
  /** Lines that are none of comment, series or empty. */
  odd: number;
}

/** Longest line that is read; what exporters write ends far below. */
const LINE_CHARS = 16_384;
const MOST_LABELS = 64;
const NAME = /[^\s{},="#]+/y;
const LABEL = /\s*([^\s{},="]+|"(?:[^"\\]|\\.)*")\s*(=?)\s*("(?:[^"\\]|\\.)*")?\s*(,?)/y;
/** Value, and perhaps a time; an exemplar begins with `#`. */
const REST = /^\s+(\S+)(?:\s+(-?[\d.]+))?\s*(?:#.*)?$/;

/** Series whose names are wanted; of two with the same labels the first. */
export const readPage = (text: string, isWanted: (name: string) => boolean): Page => {
  const page: Page = { series: [], odd: 0 };
  const seen = new Set<string>();
  let known = 0;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end).trim();
    at = end < 0 ? text.length : end + 1;
    if (line === '' || line.startsWith('#')) continue;
    const one = line.length > LINE_CHARS ? null : readSeries(line);
    if (one) known++;
    else page.odd++;
    if (!one || !isWanted(one.name)) continue;
    const key = JSON.stringify([one.name, Object.entries(one.labels).sort()]);
    if (!seen.has(key)) page.series.push(one);
    seen.add(key);
  }
  return known > 0 ? { ...page, odd: 0 } : page;
};

/** One line; null when it is not a series. */
export const readSeries = (line: string): Series | null => {
  NAME.lastIndex = 0;
  const name = NAME.exec(line)?.[0] ?? '';
  const labels: Record<string, string> = Object.create(null);
  const opens = line[name.length] === '{';
  const inside = opens ? readLabels(line, name.length + 1, labels) : { at: name.length, quoted: null };
  const rest = inside && REST.exec(line.slice(inside.at));
  const found = name || inside?.quoted;
  if (!rest || !found || !isNumber(rest[1] ?? '')) return null;
  return { name: found, labels, text: rest[1] ?? '' };
};

/** Where the labels end, and a name that stands among them in quotes (Prometheus 3). */
const readLabels = (line: string, from: number, labels: Record<string, string>): { at: number; quoted: string | null } | null => {
  let quoted: string | null = null;
  LABEL.lastIndex = from;
  for (let count = 0; count <= MOST_LABELS; count++) {
    const at = LABEL.lastIndex;
    const close = /^\s*\}/.exec(line.slice(at, at + 16))?.[0];
    if (close !== undefined) return { at: at + close.length, quoted };
    const match = LABEL.exec(line);
    if (!match) return null;
    const [, key = '', equals, value] = match;
    if (equals === '' && key.startsWith('"') && value === undefined) quoted = unquote(key);
    else if (equals === '=' && value !== undefined) labels[unquote(key)] = unquote(value);
    else return null;
  }
  return null;
};

const unquote = (text: string): string =>
  text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char)) : text;

/** Hexadecimal and underscores, which Go could read, are written by none. */
const isNumber = (text: string): boolean =>
  /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/.test(text) || /^([+-]?inf(inity)?|nan)$/i.test(text);

/** NaN where a double has no such number; Prometheus writes NaN for "unknown". */
export const numberOf = (text: string): number => (/^[+-]?inf/i.test(text) ? Number.NaN : Number(text));

/** The text as `1.5e+18` or `12`, without what money does not take (a plus sign, a bare point). */
export const decimalOf = (text: string): string | null => {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return null;
  const [, sign = '', whole = '', fraction = '', exponent] = match;
  return `${sign === '-' ? '-' : ''}${whole || '0'}${fraction && `.${fraction}`}${exponent === undefined ? '' : `e${exponent}`}`;
};
