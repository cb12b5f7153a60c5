/** What probes share: numbers out of kernel text, samples that are left out when there is no number. No input makes these throw. */
import type { Labels, Sample } from './metrics.js';

const DECIMAL = /^-?\d{1,20}(\.\d{1,20})?$/;

/** A plain decimal number; null for anything else (`N/A`, empty, beyond what a double holds exactly). */
export const numberIn = (text: string | null | undefined): number | null => {
  const trimmed = text?.trim() ?? '';
  if (!DECIMAL.test(trimmed)) return null;
  const value = Number(trimmed);
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : null;
};

/** The same, but not below zero. */
export const countIn = (text: string | null | undefined): number | null => {
  const value = numberIn(text);
  return value !== null && value >= 0 ? value : null;
};

/** Applies `change` to a number, keeps null. */
export const mapped = (value: number | null, change: (value: number) => number): number | null =>
  value === null ? null : change(value);

/** 0..100 as 0..1; null outside of it. */
export const ratioOfPercent = (value: number | null): number | null =>
  value === null || value < 0 || value > 100 ? null : value / 100;

/** Sensors that are broken or asleep answer with values such as -128 or 65535. */
export const plausibleCelsius = (value: number | null): number | null =>
  value === null || value < -60 || value > 200 ? null : value;

/** One sample, or none when there is no value. */
export const sample = (metric: string, value: number | null, labels?: Labels): Sample[] => {
  if (value === null || !Number.isFinite(value)) return [];
  return [labels ? { metric, labels, value } : { metric, value }];
};

export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

export const wordsOf = (line: string): string[] => line.trim().split(/\s+/);

/** The first number after `name` at the start of a line: `procs_blocked 0`, `MemTotal:   3884360 kB`. */
export const countAfter = (text: string, name: string): number | null => {
  const at = text.startsWith(name) ? 0 : text.indexOf(`\n${name}`) + 1;
  if (at === 0 && !text.startsWith(name)) return null;
  const end = text.indexOf('\n', at);
  return countIn(/^\s+(\d+)/.exec(text.slice(at + name.length, end < 0 ? undefined : end))?.[1]);
};

/** Text as a label value: the end is kept when it is too long, because that is where long paths differ. */
export const labelText = (text: string, most = 90): string => {
  const trimmed = text.trim();
  return trimmed.length > most ? `…${trimmed.slice(1 - most)}` : trimmed;
};

/** Names that come more than once get an index from the second on: `acpitz`, `acpitz-2`. */
export const numbered = (names: readonly string[]): string[] => {
  const taken = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let index = 2; taken.has(free); index++) free = `${name}-${index}`;
    taken.add(free);
    return free;
  });
};

/** Order of `hwmon2` before `hwmon10`. */
export const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
