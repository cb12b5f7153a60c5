/** Newest live value of every series, in memory: what the dashboard shows and rules judge before the commit. */
import { createSignal } from '@muster/shared/signal';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { LiveValue } from '@muster/shared/wire/live';
import type { Latest } from '../parts.js';
import type { LatestValue, StoredRow } from '../store/store.js';
import { createShapes, type Shape } from './shape.js';

export interface LatestKeeper extends Latest {
  /** Makes room for these series; the positions that fit when the device would have too many, null when all do. */
  admit(device: string, columns: readonly string[]): readonly number[] | null;
  /** Rows that are new and recent, oldest first, with admitted columns; emits `updated` once. */
  put(device: string, columns: readonly string[], rows: readonly StoredRow[]): void;
  /** Time of the newest judged row, never later than its receipt. */
  newest(device: string): number | undefined;
  forget(device: string): void;
}

interface Seat {
  shape: Shape;
  values: Float64Array;
  /** 0: no value yet. */
  stamps: Float64Array;
  newest: number;
}

export const createLatest = (seed: readonly LatestValue[], now: () => number): LatestKeeper => {
  const shapes = createShapes();
  const empty = shapes.of([]);
  const seats = new Map<string, Seat>();
  const updated = createSignal<{ device: string; values: readonly LiveValue[] }>();
  const seatOf = (device: string): Seat => {
    const known = seats.get(device);
    if (known) return known;
    const fresh = { shape: empty, values: new Float64Array(0), stamps: new Float64Array(0), newest: 0 };
    seats.set(device, fresh);
    return fresh;
  };
  const admit = (device: string, columns: readonly string[]): number[] | null => {
    const seat = seatOf(device);
    if (!seat.shape.plan(columns).includes(-1)) return null;
    const fresh = columns.filter((key) => !seat.shape.index.has(key));
    const room = WIRE_LIMITS.series_per_device - seat.shape.keys.length;
    if (room > 0) grow(seat, shapes.of([...seat.shape.keys, ...fresh.slice(0, room)]));
    const fits = [...columns.keys()].filter((at) => seat.shape.index.has(columns[at] ?? ''));
    return fits.length === columns.length ? null : fits;
  };

  for (const [device, values] of byDevice(seed)) {
    admit(
      device,
      values.map(({ series }) => series),
    );
    const seat = seatOf(device);
    for (const { series, value, ts } of values) place(seat, seat.shape.index.get(series), value, Math.min(ts, now()));
  }

  return {
    admit,
    put(device, columns, rows) {
      const seat = seatOf(device);
      const plan = seat.shape.plan(columns);
      const touched = new Set<number>();
      for (const row of rows) placeRow(seat, plan, row, { limit: now(), touched });
      if (touched.size) updated.emit({ device, values: [...touched].map((slot) => liveValue(seat, slot)) });
    },
    newest: (device) => seats.get(device)?.newest,
    of: (device) => {
      const seat = seats.get(device);
      return seat ? [...seat.shape.keys.keys()].filter((slot) => hasValue(seat, slot)).map((slot) => liveValue(seat, slot)) : [];
    },
    value(device, series) {
      const seat = seats.get(device);
      const slot = seat?.shape.index.get(series);
      if (!seat || slot === undefined || !hasValue(seat, slot)) return undefined;
      return { value: seat.values[slot] ?? 0, ts: seat.stamps[slot] ?? 0 };
    },
    across: (metric) =>
      [...seats].flatMap(([device, seat]) =>
        seat.shape
          .slotsOf(metric)
          .filter((slot) => hasValue(seat, slot))
          .map((slot) => {
            const { labels, value, ts } = liveValue(seat, slot);
            return { device, labels, value, ts };
          }),
      ),
    updated,
    forget: (device) => void seats.delete(device),
  };
};

const hasValue = (seat: Seat, slot: number): boolean => (seat.stamps[slot] ?? 0) > 0;

const liveValue = (seat: Seat, slot: number): LiveValue => {
  const { metric, labels } = seat.shape.series(slot);
  return { metric, labels, value: seat.values[slot] ?? 0, ts: seat.stamps[slot] ?? 0 };
};

const grow = (seat: Seat, shape: Shape) => {
  const values = new Float64Array(shape.keys.length);
  const stamps = new Float64Array(shape.keys.length);
  values.set(seat.values);
  stamps.set(seat.stamps);
  Object.assign(seat, { shape, values, stamps });
};

const place = (seat: Seat, slot: number | undefined, value: number, ts: number): boolean => {
  if (slot === undefined || slot < 0 || ts < (seat.stamps[slot] ?? 0)) return false;
  seat.values[slot] = value;
  seat.stamps[slot] = ts;
  seat.newest = Math.max(seat.newest, ts);
  return true;
};

/** A time in the future counts as now: else a clock that is put right later would be silent until then. */
const placeRow = (seat: Seat, plan: Int32Array, row: StoredRow, { limit, touched }: { limit: number; touched: Set<number> }) => {
  const ts = Math.min(row.ts, limit);
  seat.newest = Math.max(seat.newest, ts);
  for (let i = 0; i < plan.length; i++) {
    const value = row.values[i];
    const slot = plan[i] ?? -1;
    if (value !== null && value !== undefined && place(seat, slot, value, ts)) touched.add(slot);
  }
};

/** Sorted by series, so that devices with the same series share a shape. */
const byDevice = (seed: readonly LatestValue[]): Map<string, LatestValue[]> => {
  const devices = new Map<string, LatestValue[]>();
  for (const one of seed) {
    const list = devices.get(one.device);
    if (list) list.push(one);
    else devices.set(one.device, [one]);
  }
  for (const list of devices.values()) list.sort((a, b) => (a.series < b.series ? -1 : 1));
  return devices;
};
