/** One metric over the fleet, as it is asked again and again: kept in order, and only what has changed since is made anew. */
import { seriesKey } from '@muster/shared/metrics';
import type { FleetValue } from '../parts.js';
import type { Shape } from './shape.js';

export interface Valued {
  readonly device: string;
  shape: Shape;
  values: Float64Array;
  /** 0: no value yet. */
  stamps: Float64Array;
}

export interface Boards {
  /** Has newer values. */
  changed(seat: Valued): void;
  /** A device is gone. */
  forget(): void;
  /** By device, then by series. */
  of(metric: string): FleetValue[];
}

/** 10,000 devices that report every 10 s: half a minute. A board that was not asked for so long is looked through whole. */
const CHANGES_KEPT = 2 ** 15;
/** About 130 bytes each. */
const MOST_VALUES = 300_000;

interface Board {
  items: FleetValue[];
  /** Where those of a device begin, and how many there are. */
  places: Map<Valued, Place>;
  /** Slots of the metric by series. */
  slots: Map<Shape, readonly number[]>;
  /** Changes that it has taken in. */
  seen: number;
}

interface Place {
  at: number;
  count: number;
}

export const createBoards = (seats: () => Iterable<Valued>): Boards => {
  const boards = new Map<string, Board>();
  const changes: Valued[] = [];
  let newest = 0;
  const takeIn = (metric: string, board: Board): boolean => {
    const all = newest - board.seen > CHANGES_KEPT;
    if (all) for (const seat of seats()) if (!renew(metric, board, seat)) return false;
    for (let at = all ? newest : board.seen; at < newest; at++)
      if (!renew(metric, board, changes[at % CHANGES_KEPT] as Valued)) return false;
    board.seen = newest;
    return true;
  };
  const keep = (metric: string, board: Board): void => {
    // Asked last, dropped last.
    boards.delete(metric);
    boards.set(metric, board);
    let values = 0;
    for (const { items } of boards.values()) values += items.length;
    for (const [oldest, { items }] of boards) {
      if (values <= MOST_VALUES || oldest === metric) return;
      values -= items.length;
      boards.delete(oldest);
    }
  };
  return {
    changed(seat) {
      changes[newest++ % CHANGES_KEPT] = seat;
    },
    forget: () => boards.clear(),
    of(metric) {
      const known = boards.get(metric);
      const board = known && takeIn(metric, known) ? known : build(metric, seats(), newest);
      keep(metric, board);
      return board.items.slice();
    },
  };
};

const build = (metric: string, seats: Iterable<Valued>, seen: number): Board => {
  const board: Board = { items: [], places: new Map(), slots: new Map(), seen };
  for (const seat of [...seats].sort((a, b) => (a.device < b.device ? -1 : 1))) {
    const at = board.items.length;
    for (const slot of slotsOf(metric, board, seat.shape)) if (hasValue(seat, slot)) board.items.push(itemOf(seat, slot));
    if (board.items.length > at) board.places.set(seat, { at, count: board.items.length - at });
  }
  return board;
};

const slotsOf = (metric: string, { slots }: Board, shape: Shape): readonly number[] => {
  const known = slots.get(shape);
  if (known) return known;
  const keys = new Map(shape.slotsOf(metric).map((slot) => [slot, seriesKey(metric, shape.series(slot).labels)]));
  const sorted = [...keys].sort(([, a], [, b]) => (a < b ? -1 : 1)).map(([slot]) => slot);
  slots.set(shape, sorted);
  return sorted;
};

/** False: the device has another number of values than before. */
const renew = (metric: string, board: Board, seat: Valued): boolean => {
  const place = board.places.get(seat);
  const end = place ? place.at + place.count : 0;
  let at = place?.at ?? 0;
  for (const slot of slotsOf(metric, board, seat.shape)) {
    if (!hasValue(seat, slot)) continue;
    const item = at < end ? board.items[at] : undefined;
    if (!item) return false;
    if (item.ts !== seat.stamps[slot] || item.value !== seat.values[slot]) board.items[at] = itemOf(seat, slot);
    at++;
  }
  return at === end;
};

const hasValue = ({ stamps }: Valued, slot: number): boolean => (stamps[slot] ?? 0) > 0;

const itemOf = ({ device, shape, values, stamps }: Valued, slot: number): FleetValue => ({
  device,
  labels: shape.series(slot).labels,
  value: values[slot] ?? 0,
  ts: stamps[slot] ?? 0,
});
