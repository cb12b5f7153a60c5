/** Rows of the last minutes in memory, packed as they lie in the journal: about 5 KB per device for 15 min. */
import { newSource } from './codec/bytes.js';
import { newRowReader, newRowState, type RowReader, type RowState, unpackRow } from './codec/row.js';
import { slotOf } from './ids.js';
import { addRow, type HeadStrips } from './slice-strips.js';
import type { Table } from './table.js';

/** Of one column list; `rows`: packed since the first, which can be read alone. */
export interface Packer {
  state: RowState;
  rows: number;
}

/** What is open of one (device, slot). */
export interface Head {
  readonly device: number;
  readonly slot: number;
  readonly packers: Map<number, Packer>;
  /** Packed rows in order of arrival. */
  bytes: Uint8Array;
  length: number;
  /** Whose rows they are: list, count, list, count, … */
  runs: number[];
  rows: number;
  samples: number;
  /** Every row is newer than the one before: what was counted is what a merge leaves. */
  rising: boolean;
  newest: number;
  /** Journal id of its oldest row. */
  journal: number;
  /** When its first and its last row came, by the hub's clock. */
  opened: number;
  touched: number;
  /** What rankings have asked for lately. */
  strips: HeadStrips | null;
}

/** One packed row that is on disk, `from` to `to` in a buffer; `ts` NaN: not known. */
export interface PackedRow {
  list: number;
  bytes: Uint8Array;
  from: number;
  to: number;
  samples: number;
  ts: number;
  journal: number;
  now: number;
  /** Not known after a start. */
  values?: ArrayLike<number | null>;
}

export interface Heads {
  /** The head of these rows, made empty when there is none. */
  place(device: number, slot: number): Head;
  append(head: Head, row: PackedRow): void;
  /** Takes over a head whose rows are all older than those that are here. */
  adopt(older: Head): void;
  /** By slot. */
  of(device: number): readonly Head[];
  all(): Iterable<readonly Head[]>;
  /** False: it was not there. */
  remove(head: Head): boolean;
  forget(device: number): void;
  readonly count: number;
  readonly bytes: number;
  /** Rows of a device in [from, to) by slot, each table in order of arrival; `wanted` null = all series. */
  tables(device: number, wanted: ReadonlySet<number> | null, range: { from: number; to: number }): Table[];
}

export type SeriesOf = (list: number) => Uint32Array;

export const createHeads = (seriesOf: SeriesOf): Heads => {
  const devices = new Map<number, Head[]>();
  const size = { count: 0, bytes: 0 };
  const remove = (head: Head) => {
    const own = devices.get(head.device) ?? [];
    const at = own.indexOf(head);
    if (at < 0) return false;
    own.splice(at, 1);
    if (own.length === 0) devices.delete(head.device);
    size.count--;
    size.bytes -= head.bytes.length;
    return true;
  };
  const place = (device: number, slot: number): Head => {
    const own = devices.get(device) ?? [];
    const known = own.find((head) => head.slot === slot);
    if (known) return known;
    const head = newHead(device, slot);
    insert(own, head);
    devices.set(device, own);
    size.count++;
    return head;
  };
  return {
    place,
    append(head, row) {
      size.bytes -= head.bytes.length;
      append(head, row);
      size.bytes += head.bytes.length;
    },
    adopt(older) {
      const head = place(older.device, older.slot);
      size.bytes -= head.bytes.length;
      joinHeads(older, head);
      size.bytes += head.bytes.length;
    },
    of: (device) => devices.get(device) ?? [],
    all: () => devices.values(),
    remove,
    forget: (device) => {
      for (const head of [...(devices.get(device) ?? [])]) remove(head);
    },
    get count() {
      return size.count;
    },
    get bytes() {
      return size.bytes;
    },
    tables(device, wanted, { from, to }) {
      const [first, last] = [slotOf(device, Math.max(0, from)), slotOf(device, to)];
      const inside = (devices.get(device) ?? []).filter(({ slot, rows }) => rows > 0 && slot >= first && slot <= last);
      return inside.map((head) => cut(tableOfHead(head, seriesOf, wanted), from, to));
    },
  };
};

const newHead = (device: number, slot: number): Head => ({
  device,
  slot,
  packers: new Map(),
  bytes: new Uint8Array(0),
  length: 0,
  runs: [],
  rows: 0,
  samples: 0,
  rising: true,
  newest: -1,
  journal: 0,
  opened: 0,
  touched: 0,
  strips: null,
});

/** Nearly always at the end; after a start rows of before it come back once there are newer ones. */
const insert = (own: Head[], head: Head): void => {
  let at = own.length;
  while (at > 0 && (own[at - 1] as Head).slot > head.slot) at--;
  own.splice(at, 0, head);
};

/** The packer of a list in this head; a new one begins with a row that can be read alone. */
export const packerOf = (head: Head, list: number, columns: number): Packer => {
  const known = head.packers.get(list);
  if (known) return known;
  const packer = { state: newRowState(columns), rows: 0 };
  head.packers.set(list, packer);
  return packer;
};

const append = (head: Head, { list, bytes, from, to, samples, ts, journal, now, values }: PackedRow): void => {
  const length = head.length + to - from;
  if (length > head.bytes.length) grow(head, length);
  head.bytes.set(bytes.subarray(from, to), head.length);
  head.length = length;
  if (head.rows === 0) {
    head.journal = journal;
    head.opened = now;
  }
  countRun(head.runs, list);
  head.rows++;
  head.samples += samples;
  // Not known after a start: such rows were counted once already, and most likely right.
  if (!Number.isNaN(ts)) {
    head.rising &&= ts > head.newest;
    head.newest = Math.max(head.newest, ts);
  }
  head.touched = now;
  if (head.strips && values) addRow(head.strips, { list, ts, values });
};

const countRun = (runs: number[], list: number): void => {
  if (runs.at(-2) === list) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
  else runs.push(list, 1);
};

/** By a third: doubling would leave a quarter of all head memory empty. */
const grow = (head: Head, needed: number): void => {
  const grown = new Uint8Array(Math.max(needed, 512, Math.ceil(head.bytes.length * 1.34)));
  grown.set(head.bytes.subarray(0, head.length));
  head.bytes = grown;
};

/** Puts the older rows of a slot before those that came since. */
const joinHeads = (older: Head, newer: Head): void => {
  newer.bytes = newer.rows > 0 ? joinBytes(older, newer) : older.bytes;
  newer.length += older.length;
  newer.runs = [...older.runs, ...newer.runs];
  newer.strips = null;
  newer.touched = newer.rows > 0 ? newer.touched : older.touched;
  newer.rows += older.rows;
  newer.samples += older.samples;
  newer.rising &&= older.rising;
  newer.newest = Math.max(newer.newest, older.newest);
  newer.journal = older.journal;
  newer.opened = older.opened;
};

const joinBytes = (older: Head, newer: Head): Uint8Array => {
  const bytes = new Uint8Array(older.length + newer.length);
  bytes.set(older.bytes.subarray(0, older.length));
  bytes.set(newer.bytes.subarray(0, newer.length), older.length);
  return bytes;
};

/** Where the values of a list go: column numbers of the table, -1 = not wanted. */
interface Lane {
  reader: RowReader;
  values: Float64Array;
  to: Int32Array;
}

/** All rows of a head in order of arrival. */
export const tableOfHead = (head: Head, seriesOf: SeriesOf, wanted: ReadonlySet<number> | null = null): Table => {
  const numbers = new Map<number, number>();
  const lanes = new Map<number, Lane>();
  for (let at = 0; at < head.runs.length; at += 2) {
    const list = head.runs[at] ?? 0;
    if (!lanes.has(list)) lanes.set(list, laneOf(seriesOf(list), numbers, wanted));
  }
  const ts = new Float64Array(head.rows);
  const columns = [...numbers].map(() => new Float64Array(head.rows).fill(Number.NaN));
  const source = newSource(head.bytes, 0, head.length);
  let row = 0;
  for (let at = 0; at < head.runs.length; at += 2) {
    const { reader, values, to } = lanes.get(head.runs[at] ?? 0) as Lane;
    for (let left = head.runs[at + 1] ?? 0; left > 0; left--) {
      ts[row] = unpackRow(reader, source, values);
      for (let position = 0; position < to.length; position++) {
        const column = columns[to[position] as number];
        // JSON may say -0; adding 0 makes it 0, as nobody tells them apart.
        if (column) column[row] = (values[position] as number) + 0;
      }
      row++;
    }
  }
  return { ts, ids: [...numbers.keys()], columns };
};

const laneOf = (ids: Uint32Array, numbers: Map<number, number>, wanted: ReadonlySet<number> | null): Lane => {
  const to = Int32Array.from(ids, (id) => {
    if (wanted !== null && !wanted.has(id)) return -1;
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  });
  return { reader: newRowReader(ids.length), values: new Float64Array(ids.length), to };
};

const cut = (table: Table, from: number, to: number): Table => {
  const inside = (ts: number) => ts >= from && ts < to;
  if (table.ts.every(inside)) return table;
  const only = (values: Float64Array) => values.filter((_, row) => inside(table.ts[row] ?? Number.NaN));
  return { ts: only(table.ts), ids: table.ids, columns: table.columns.map(only) };
};
