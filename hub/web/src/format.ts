import { formatUnits } from '@muster/shared/money';

/** Values as a person reads them; `exact` texts for `title` attributes say the whole truth. */
export const NOTHING = '–';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS: readonly [size: number, name: string][] = [
  [DAY, 'd'],
  [HOUR, 'h'],
  [MINUTE, 'min'],
  [1000, 's'],
];

/** Two steps at most: `3 d 4 h`, `12 min`, `8 s`. */
export const duration = (ms: number): string => {
  const at = STEPS.findIndex(([size]) => ms >= size);
  const step = STEPS[at];
  if (!step) return '0 s';
  const whole = Math.floor(ms / step[0]);
  const next = STEPS[at + 1];
  const rest = next && at < 2 ? Math.floor((ms % step[0]) / next[0]) : 0;
  return next && rest > 0 ? `${whole} ${step[1]} ${rest} ${next[1]}` : `${whole} ${step[1]}`;
};

/** One step only: what a narrow column holds. */
export const age = (ms: number): string => {
  if (ms < MINUTE) return 'now';
  const step = STEPS.find(([size]) => ms >= size);
  return step ? `${Math.floor(ms / step[0])} ${step[1]}` : 'now';
};

const two = (value: number): string => String(value).padStart(2, '0');

export const clockTime = (ts: number): string => {
  const date = new Date(ts);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
};
export const dayTime = (ts: number): string => {
  const date = new Date(ts);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
};
export const fullTime = (ts: number): string => `${dayTime(ts)} ${clockTime(ts)}`;
/** The time alone today, with the day otherwise. */
export const shortTime = (ts: number, now: number): string =>
  dayTime(ts) === dayTime(now) ? clockTime(ts) : `${dayTime(ts).slice(5)} ${clockTime(ts).slice(0, 5)}`;

const digits = (value: number): number => {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return 0;
  return size >= 10 ? 1 : 2;
};
const plain = (value: number): string => {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  if (Math.abs(value) >= 1e6) return scaled(value, 1000, ['', ' k', ' M', ' G', ' T']);
  if (value !== 0 && Math.abs(value) < 0.01) return String(Number(value.toPrecision(2)));
  return value.toFixed(digits(value));
};
const scaled = (value: number, step: number, names: readonly string[]): string => {
  let size = value;
  let at = 0;
  while (Math.abs(size) >= step && at < names.length - 1) {
    size /= step;
    at += 1;
  }
  const text = at === 0 && Number.isInteger(size) ? String(size) : size.toFixed(digits(size));
  return `${text}${names[at] ?? ''}`;
};
const BYTES = [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB'];
const SMALL: readonly [size: number, factor: number, name: string][] = [
  [1, 1, 's'],
  [1e-3, 1e3, 'ms'],
  [1e-6, 1e6, 'µs'],
];
const seconds = (value: number): string => {
  // Seconds since 1970 are a date, not an age of decades.
  if (value > 1e9) return fullTime(value * 1000);
  if (Math.abs(value) >= 60) return duration(value * 1000);
  const step = SMALL.find(([size]) => Math.abs(value) >= size);
  return step ? `${plain(value * step[1])} ${step[2]}` : `${plain(value)} s`;
};

/** Share of a whole (0..1) although its unit is only `1`. */
export const isShare = (metric: string, unit: string): boolean => unit === '1' && /(utilization|ratio|share)$/.test(metric);

const WORDS: Record<string, string> = { Cel: '°C', 'Cel/s': '°C/s', bit: 'bit', Hz: 'Hz', W: 'W', V: 'V', A: 'A' };

/** A UCUM unit as people write it: annotations in braces count things that the title names, `1` is nothing. */
export const unitWord = (unit: string): string =>
  unit === '1' ? '' : (WORDS[unit] ?? unit.replace(/\{[^}]*\}/g, '').replace(/^By/, 'B'));

/** `unit` is UCUM; `metric` tells shares from bare numbers. */
export const formatValue = (value: number | null | undefined, unit: string, metric = ''): string => {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  if (isShare(metric, unit)) return `${(value * 100).toFixed(Math.abs(value) < 0.0995 ? 1 : 0)} %`;
  if (unit === '%') return `${value.toFixed(Math.abs(value) < 9.95 ? 1 : 0)} %`;
  if (unit === 'Cel') return `${value.toFixed(1)} °C`;
  if (unit === 'By') return scaled(value, 1024, BYTES);
  if (unit === 'By/s') return `${scaled(value, 1024, BYTES)}/s`;
  if (unit === 's') return seconds(value);
  if (unit === 'ms') return seconds(value / 1000);
  if (unit === 'Hz') return scaled(value, 1000, [' Hz', ' kHz', ' MHz', ' GHz']);
  const word = unitWord(unit);
  return word ? `${plain(value)}${word.startsWith('/') ? '' : ' '}${word}` : plain(value);
};

/** A share as a whole percentage: what a column of a list needs. */
export const percent = (value: number | undefined): string => (value === undefined ? NOTHING : `${Math.round(value * 100)} %`);

/** As on an axis: without zeros that say nothing. */
export const tickValue = (value: number, unit: string, metric: string): string =>
  formatValue(value, unit, metric)
    .replace(/(\.\d*?)0+(?=\D|$)/, '$1')
    .replace(/\.(?=\D|$)/, '');

/** Counters are shown as what they gain in a second. */
export const shownUnit = (unit: string, kind: string): string =>
  kind !== 'counter' ? unit : unit === '1' ? '/s' : unit === 's' ? '1' : `${unit}/s`;

const group = (whole: string): string => whole.replace(/\B(?=(\d{3})+$)/g, ' ');

/** Cuts, never rounds up: a screen must not show more than was earned. */
export const readableAmount = (exact: string): string => {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(exact) ?? [];
  const zeros = /^0*/.exec(fraction)?.[0].length ?? 0;
  const keep = whole === '0' ? Math.min(zeros + 3, 9) : Math.max(0, 5 - whole.length);
  const cut = fraction.slice(0, keep).replace(/0+$/, '');
  if (whole === '0' && fraction !== '' && cut === '') return `<${sign}0.00000001`;
  return `${sign}${group(whole)}${cut ? `.${cut}` : ''}`;
};

export interface Amount {
  network: string;
  token: string;
  decimals: number;
  amount: string;
  estimated: boolean;
}

const wholeTokens = (amount: Amount): string => {
  try {
    return formatUnits(BigInt(amount.amount), amount.decimals);
  } catch {
    return '0';
  }
};
export const shownAmount = (amount: Amount): string =>
  `${amount.estimated ? '≈ ' : ''}${readableAmount(wholeTokens(amount))} ${amount.token}`;
export const exactAmount = (amount: Amount): string =>
  `${wholeTokens(amount)} ${amount.token} (${amount.network}${amount.estimated ? ', estimated' : ''})`;

/** A network by its id, as a heading or a list names it. */
export const networkName = (id: string): string => id.slice(0, 1).toUpperCase() + id.slice(1);

/** Sum per network and token, in base units: amounts never become floats. */
export const sumAmounts = (lists: Iterable<readonly Amount[]>): Amount[] => {
  const sums = new Map<string, { first: Amount; sum: bigint; estimated: boolean }>();
  for (const list of lists) for (const amount of list) addAmount(sums, amount);
  const list = [...sums.values()].map(({ first, sum, estimated }) => ({ ...first, amount: sum.toString(), estimated }));
  return list.sort((a, b) => a.network.localeCompare(b.network) || a.token.localeCompare(b.token));
};
const addAmount = (sums: Map<string, { first: Amount; sum: bigint; estimated: boolean }>, amount: Amount): void => {
  const key = `${amount.network} ${amount.token} ${amount.decimals}`;
  const known = sums.get(key) ?? { first: amount, sum: 0n, estimated: false };
  known.sum += BigInt(amount.amount);
  known.estimated ||= amount.estimated;
  sums.set(key, known);
};
