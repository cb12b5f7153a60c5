/** Quantities as people type them, exact both ways: `1 h 30 min`, `10 GB`, `95 %`. Null: it cannot be read. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

const SPANS: readonly (readonly [ms: number, word: string, also: RegExp])[] = [
  [WEEK, 'w', /^(w|weeks?)$/],
  [DAY, 'd', /^(d|days?)$/],
  [HOUR, 'h', /^(h|hrs?|hours?)$/],
  [MINUTE, 'min', /^(m|mins?|minutes?)$/],
  [SECOND, 's', /^(s|secs?|seconds?)$/],
  [1, 'ms', /^(ms|milliseconds?)$/],
];
const SPAN_PART = /(\d+(?:[.,]\d+)?)\s*([a-z]+)\s*/gy;

const numberOf = (text: string): number => Number(text.replace(',', '.'));

/** A bare number says nothing about its unit: only `0` needs none. */
export const parseSpan = (text: string): number | null => {
  const given = text.trim().toLowerCase();
  if (given === '0') return 0;
  let ms = 0;
  let read = 0;
  for (const [part, amount = '', unit = ''] of given.matchAll(SPAN_PART)) {
    const size = SPANS.find(([, , also]) => also.test(unit))?.[0];
    if (size === undefined) return null;
    ms += numberOf(amount) * size;
    read += part.length;
  }
  return given !== '' && read === given.length ? Math.round(ms) : null;
};

/** `90 min` is `1 h 30 min`; weeks only where nothing is left over. */
export const spanText = (ms: number): string => {
  if (ms === 0) return '0 s';
  if (ms % WEEK === 0) return `${ms / WEEK} w`;
  const parts: string[] = [];
  let rest = ms;
  for (const [size, word] of SPANS.slice(1)) {
    const whole = Math.floor(rest / size);
    if (whole > 0) parts.push(`${whole} ${word}`);
    rest -= whole * size;
  }
  return parts.join(' ');
};

const BYTES: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const BYTE_WORDS = ['TB', 'TiB', 'GB', 'GiB', 'MB', 'MiB', 'kB', 'KiB'];

export const parseBytes = (text: string): number | null => {
  const [, amount = '', unit = 'b'] = /^(\d+(?:[.,]\d+)?)\s*([a-z]+)?$/.exec(text.trim().toLowerCase()) ?? [];
  const size = BYTES[unit];
  return amount === '' || size === undefined ? null : Math.round(numberOf(amount) * size);
};

/** In the largest unit that says it exactly in short. */
export const bytesText = (bytes: number): string => {
  for (const word of BYTE_WORDS) {
    const count = bytes / (BYTES[word.toLowerCase()] ?? 1);
    if (count >= 1 && Number.isInteger(count * 10)) return `${count} ${word}`;
  }
  return `${bytes} B`;
};

export const parseNumber = (text: string): number | null => {
  const given = text.trim().replace(',', '.');
  return given !== '' && Number.isFinite(Number(given)) ? Number(given) : null;
};

/** A share from 0 to 1 is typed as percent. */
export const parseShare = (text: string): number | null => {
  const percent = parseNumber(text.replace(/\s*%\s*$/, ''));
  return percent === null ? null : Number((percent / 100).toPrecision(12));
};
export const shareText = (share: number): string => `${Number((share * 100).toPrecision(12))}`;
