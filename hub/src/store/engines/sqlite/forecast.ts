/** How large the file will be: what the last day added to each tier, and how long each is kept. */
import type { Forecast } from '../../store.js';
import type { Connection } from './connect.js';
import { archiveId, WINDOW_MS, windowOf } from './ids.js';
import { HOUR_WINDOWS, rollupId, windowsHeld } from './rollups.js';
import type { Retention } from './sweep.js';

const DAY_MS = 86_400_000;
const DAY_WINDOWS = DAY_MS / WINDOW_MS;
const AFTER_DAYS = [30, 365, 5 * 365];
/** Devices looked at, evenly over all: a scrape of the metrics must not walk through 10,000. */
const SAMPLED = 200;

/** Null until a first 6-h chunk was merged. */
export const readForecast = (db: Connection, retention: Retention, now: number): Forecast | null => {
  const ids = db.prepare<[], number>('SELECT id FROM devices ORDER BY id').pluck().all();
  const step = Math.max(1, Math.floor(ids.length / SAMPLED));
  const sampled = ids.filter((_, index) => index % step === 0);
  const days = sampled.flatMap((device) => lastDayOf(db, device, now) ?? []);
  if (days.length === 0) return null;
  const scale = ids.length / sampled.length;
  const sum = (tier: keyof Day) => scale * days.reduce((total, day) => total + day[tier], 0);
  const per_day = { raw: sum('raw'), five: sum('five'), hour: sum('hour') };
  return { per_day, after: AFTER_DAYS.map((count) => ({ days: count, bytes: bytesAfter(per_day, retention, count) })) };
};

type Day = Forecast['per_day'];

export const bytesAfter = (per_day: Day, { raw_ms, five_ms, hour_ms }: Retention, days: number): number => {
  const kept = (keep_ms: number | null) => (keep_ms === null ? days : Math.min(days, keep_ms / DAY_MS));
  return Math.round(per_day.raw * kept(raw_ms) + per_day.five * kept(five_ms) + per_day.hour * kept(hour_ms));
};

/** The windows of the last day and those before now that are surely merged; a device that is new is known by fewer. */
const lastDayOf = (db: Connection, device: number, now: number): Day | null => {
  const last = windowOf(device, now) - 1;
  const range = [archiveId(device, last - DAY_WINDOWS), archiveId(device, last)] as const;
  const raw = sizes(db, 'archive', range);
  if (raw.length === 0) return null;
  const daily = DAY_WINDOWS / raw.length;
  const fives = db.prepare<[number, number], { tag: number; length: number }>(
    'SELECT tag, length(blob) AS length FROM five WHERE id >= ? AND id <= ?',
  );
  const newest = fives.all(rollupId('five', device, last - DAY_WINDOWS), rollupId('five', device, last));
  const windows = newest.reduce((sum, { tag }) => sum + windowsHeld(tag), 0);
  const five = (total(newest.map(({ length }) => length)) * DAY_WINDOWS) / Math.max(1, windows);
  return { raw: total(raw) * daily, five, hour: hoursOf(db, device) ?? five * HOUR_TO_FIVE };
};

/** As measured; until the first four days are rolled up to hours. */
const HOUR_TO_FIVE = 0.15;

const hoursOf = (db: Connection, device: number): number | null => {
  const newest = db.prepare<[number, number], number>(
    'SELECT length(blob) FROM hour WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1',
  );
  const length = newest.pluck().get(archiveId(device, 0), archiveId(device + 1, 0));
  return length === undefined ? null : (total([length]) * DAY_WINDOWS) / HOUR_WINDOWS;
};

const sizes = (db: Connection, table: 'archive', range: readonly [number, number]): number[] =>
  db
    .prepare<[number, number], number>(`SELECT length(blob) FROM ${table} WHERE id >= ? AND id < ?`)
    .pluck()
    .all(...range);

const PAGE = 4_096;
const CELL = 14;
const LARGEST_LOCAL = PAGE - 35;
const LEAST_LOCAL = Math.floor(((PAGE - 12) * 32) / 255) - 23;

/** What blobs of these lengths take in the file: a long one fills pages of its own, its last one in part. */
const total = (lengths: readonly number[]): number => lengths.reduce((sum, length) => sum + inFile(length), 0);

const inFile = (length: number): number => {
  if (length <= LARGEST_LOCAL) return length + CELL;
  const rest = LEAST_LOCAL + ((length - LEAST_LOCAL) % (PAGE - 4));
  const local = rest <= LARGEST_LOCAL ? rest : LEAST_LOCAL;
  return local + CELL + ((length - local) / (PAGE - 4)) * PAGE;
};
