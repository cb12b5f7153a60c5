/** When silences held: pure but for its pauses. */
import type { Silence, SilencedWindow } from '../parts.js';
import { isWithin, type LocalTimes } from './times.js';

const MINUTE_MS = 60_000;
/** Time zones move by whole quarters of an hour, and asking what time it is somewhere costs ten microseconds. */
const STEP_MS = 15 * MINUTE_MS;
/** Steps between two pauses: some ten milliseconds. */
const STEPS_AT_ONCE = 1_000;

interface Span {
  from: number;
  to: number;
  local: LocalTimes;
}

export const silencedWindows = async (silences: readonly Silence[], span: Span): Promise<SilencedWindow[]> => {
  const found: SilencedWindow[] = [];
  const local = byQuarter(span.local);
  for (const one of silences) {
    const from = Math.max(span.from, one.from ?? one.created_at);
    const to = Math.min(span.to, one.to ?? Number.POSITIVE_INFINITY);
    if (from >= to) continue;
    const times = one.weekly ? await weeklyWindows(one.weekly, { local, from, to }) : [{ from, to }];
    found.push(...times.map((window) => ({ scope: one.scope, ...window })));
  }
  return found;
};

/** Within a quarter of an hour clocks just run: hundreds of silences ask for the same ones. */
const byQuarter = (local: LocalTimes): LocalTimes => {
  const zones = new Map<string, Map<number, ReturnType<LocalTimes>>>();
  return (zone, ts) => {
    const begin = Math.floor(ts / STEP_MS) * STEP_MS;
    const known = zones.get(zone) ?? new Map<number, ReturnType<LocalTimes>>();
    zones.set(zone, known);
    const { day, minute } = known.get(begin) ?? local(zone, begin);
    known.set(begin, { day, minute });
    return { day, minute: minute + Math.floor((ts - begin) / MINUTE_MS) };
  };
};

/** It begins and ends at its own minutes of a quarter of an hour, or where a clock is put forward or back: at a whole one. */
const weeklyWindows = async (weekly: NonNullable<Silence['weekly']>, { from, to, local }: Span) => {
  const minutes = [...new Set([0, minuteOf(weekly.from), minuteOf(weekly.to)])].sort((a, b) => a - b);
  const windows: { from: number; to: number }[] = [];
  let began = isWithin(weekly, from, local) ? from : null;
  let steps = 0;
  for (let quarter = Math.floor(from / STEP_MS) * STEP_MS; quarter < to; quarter += STEP_MS) {
    if (++steps % STEPS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const minute of minutes) {
      const at = quarter + minute * MINUTE_MS;
      if (at <= from || at >= to || isWithin(weekly, at, local) === (began !== null)) continue;
      if (began !== null) windows.push({ from: began, to: at });
      began = began === null ? at : null;
    }
  }
  if (began !== null) windows.push({ from: began, to });
  return windows;
};

const minuteOf = (text: string): number => Number(text.slice(3)) % 15;
