/** Newest live value of every series, in memory: what the dashboard shows and rules judge before the commit. */
import { createSignal } from '@muster/shared/signal';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';
import type { LiveValue } from '@muster/shared/wire/live';
import type { Latest, LatestUpdate } from '../parts.js';
import type { LatestValue, StoredRow } from '../store/store.js';
import { createBoards } from './boards.js';
import { createShapes, type Shape, type Shapes } from './shape.js';

export interface LatestKeeper extends Latest {
  /** Makes room for these series; the positions that fit when the device would have too many, null when all do. */
  admit(device: string, columns: readonly string[]): readonly number[] | null;
  /** Rows that are new and recent, oldest first, with admitted columns; emits `updated` once. */
  put(device: string, columns: readonly string[], rows: readonly StoredRow[]): void;
  /** The same for values that another than the device gives: its own rows stay live whatever the age of these. */
  beside(device: string, columns: readonly string[], rows: readonly StoredRow[]): void;
  /** What the store had: takes the place of nothing that was heard since. Emits `updated` once per device. */
  seed(values: readonly LatestValue[]): void;
  /** Time of the newest judged row, never later than its receipt. */
  newest(device: string): number | undefined;
  forget(device: string): void;
}

interface Seat {
  readonly device: string;
  shape: Shape;
  /** The list that came last, and where its values go: nearly always the next one too. */
  columns: readonly string[] | null;
  plan: Int32Array;
  values: Float64Array;
  /** 0: no value yet. */
  stamps: Float64Array;
  newest: number;
}

export const createLatest = (now: () => number): LatestKeeper => {
  const shapes = createShapes();
  const empty = shapes.of([]);
  const seats = new Map<string, Seat>();
  const boards = createBoards(() => seats.values());
  const updated = createSignal<LatestUpdate>();
  const marks: Marks = { turns: new Float64Array(WIRE_LIMITS.series_per_device), turn: 0 };
  const seatOf = (device: string): Seat => {
    const known = seats.get(device);
    if (known) return known;
    const fresh = { device, shape: empty, columns: null, plan: NO_PLAN, values: NO_VALUES, stamps: NO_VALUES, newest: 0 };
    seats.set(device, fresh);
    return fresh;
  };
  const admit = (device: string, columns: readonly string[]) => makeRoom(shapes, seatOf(device), columns);
  const seedOne = (device: string, values: readonly LatestValue[]): void => {
    admit(device, seriesOf(values));
    const seat = seatOf(device);
    const limit = now();
    marks.turn++;
    const placed = values.filter(({ series, value, ts }) => placeOld(seat, { series, value, ts: Math.min(ts, limit) }, marks));
    if (placed.length === 0) return;
    boards.changed(seat);
    updated.emit(new Update(device, seat, marks));
  };

  const put: LatestKeeper['put'] = (device, columns, rows) => {
    const seat = seatOf(device);
    const plan = planOf(seat, columns);
    const limit = now();
    marks.turn++;
    let placed = false;
    for (const row of rows) placed = placeRow(seat, plan, { row, limit, marks }) || placed;
    if (!placed) return;
    boards.changed(seat);
    updated.emit(new Update(device, seat, marks));
  };

  return {
    admit,
    put,
    beside(device, columns, rows) {
      const seat = seatOf(device);
      const { newest } = seat;
      put(device, columns, rows);
      seat.newest = newest;
    },
    seed(values) {
      for (const [device, found] of byDevice(values)) seedOne(device, found);
    },
    newest: (device) => seats.get(device)?.newest,
    of: (device) => valuesIn(seats.get(device)),
    ofMetric(device, metric) {
      const seat = seats.get(device);
      return valuesIn(seat, seat?.shape.slotsOf(metric));
    },
    value(device, series) {
      const seat = seats.get(device);
      const slot = seat?.shape.index.get(series);
      if (!seat || slot === undefined || !hasValue(seat, slot)) return undefined;
      return { value: seat.values[slot] ?? 0, ts: seat.stamps[slot] ?? 0 };
    },
    across: boards.of,
    updated,
    forget(device) {
      if (seats.delete(device)) boards.forget();
    },
  };
};

const seriesOf = (values: readonly LatestValue[]): string[] => values.map(({ series }) => series);

const NO_PLAN = new Int32Array(0);
const NO_VALUES = new Float64Array(0);

const hasValue = (seat: Seat, slot: number): boolean => (seat.stamps[slot] ?? 0) > 0;

/** The positions that fit, null when all do. */
const makeRoom = (shapes: Shapes, seat: Seat, columns: readonly string[]): number[] | null => {
  if (seat.columns === columns || !seat.shape.plan(columns).includes(-1)) return null;
  const fresh = columns.filter((key) => !seat.shape.index.has(key));
  const room = WIRE_LIMITS.series_per_device - seat.shape.keys.length;
  if (room > 0) grow(seat, shapes.of([...seat.shape.keys, ...fresh.slice(0, room)]));
  const fits = [...columns.keys()].filter((at) => seat.shape.index.has(columns[at] ?? ''));
  return fits.length === columns.length ? null : fits;
};

const valuesIn = (seat: Seat | undefined, slots: Iterable<number> = seat?.shape.keys.keys() ?? []): LiveValue[] => {
  const values: LiveValue[] = [];
  if (seat) for (const slot of slots) if (hasValue(seat, slot)) values.push(liveValue(seat, slot));
  return values;
};

const liveValue = (seat: Seat, slot: number): LiveValue => {
  const { metric, labels } = seat.shape.series(slot);
  return { metric, labels, value: seat.values[slot] ?? 0, ts: seat.stamps[slot] ?? 0 };
};

const grow = (seat: Seat, shape: Shape) => {
  const values = new Float64Array(shape.keys.length);
  const stamps = new Float64Array(shape.keys.length);
  values.set(seat.values);
  stamps.set(seat.stamps);
  Object.assign(seat, { shape, values, stamps, columns: null });
};

const placeOld = (seat: Seat, { series, value, ts }: Omit<LatestValue, 'device'>, { turns, turn }: Marks): boolean => {
  const slot = seat.shape.index.get(series);
  if (slot === undefined || ts <= (seat.stamps[slot] ?? 0)) return false;
  seat.values[slot] = value;
  seat.stamps[slot] = ts;
  seat.newest = Math.max(seat.newest, ts);
  turns[slot] = turn;
  return true;
};

interface Placing {
  row: StoredRow;
  limit: number;
  marks: Marks;
}

/** A time in the future counts as now: else a clock that is put right later would be silent until then. */
const placeRow = (seat: Seat, plan: Int32Array, { row, limit, marks }: Placing): boolean => {
  const { turns, turn } = marks;
  const { values, stamps } = seat;
  const ts = Math.min(row.ts, limit);
  seat.newest = Math.max(seat.newest, ts);
  let placed = false;
  for (let i = 0; i < plan.length; i++) {
    const value = row.values[i] ?? Number.NaN;
    const slot = plan[i] ?? -1;
    if (Number.isNaN(value) || slot < 0 || ts < (stamps[slot] ?? 0)) continue;
    values[slot] = value;
    stamps[slot] = ts;
    turns[slot] = turn;
    placed = true;
  }
  return placed;
};

const planOf = (seat: Seat, columns: readonly string[]): Int32Array => {
  if (seat.columns === columns) return seat.plan;
  seat.plan = seat.shape.plan(columns);
  seat.columns = seat.plan.includes(-1) ? null : columns;
  return seat.plan;
};

/** Which slots the present `put` has touched: those whose turn it is. */
interface Marks {
  turns: Float64Array;
  turn: number;
}

/**
 * Holds while its emission lasts. Values become objects when somebody wants them: 30 for each report were a third of all
 * garbage, and usually nobody listens.
 */
class Update implements LatestUpdate {
  readonly device: string;
  readonly #seat: Seat;
  readonly #marks: Marks;
  #values: readonly LiveValue[] | null = null;

  constructor(device: string, seat: Seat, marks: Marks) {
    this.device = device;
    this.#seat = seat;
    this.#marks = marks;
  }

  get values(): readonly LiveValue[] {
    this.#values ??= [...this.#seat.shape.keys.keys()]
      .filter((slot) => this.#has(slot))
      .map((slot) => liveValue(this.#seat, slot));
    return this.#values;
  }

  touches(metric: string): boolean {
    for (const slot of this.#seat.shape.slotsOf(metric)) if (this.#has(slot)) return true;
    return false;
  }

  get shape(): Shape {
    return this.#seat.shape;
  }

  at(slot: number): number {
    return this.#has(slot) ? (this.#seat.values[slot] ?? Number.NaN) : Number.NaN;
  }

  #has(slot: number): boolean {
    return this.#marks.turns[slot] === this.#marks.turn;
  }
}

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
