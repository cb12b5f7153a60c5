/** Rows in memory for readers: what was decoded for one question is kept for the next, so that a head asked again costs its new rows only. */
import { type ByteSource, newSource } from './codec/bytes.js';
import { newRowReader, type RowReader, unpackRow } from './codec/row.js';
import type { Head, SeriesOf } from './head.js';
import type { HeadTables } from './hooks.js';
import { slotOf } from './ids.js';
import type { Table } from './table.js';

export interface HeadReadsNeeds {
  of: (device: number) => readonly Head[];
  seriesOf: SeriesOf;
  /** For questions about all series, which come seldom. */
  whole: HeadTables;
}

/** Series that are kept of one head; who asks for more at once gets them unkept. */
const MOST_SERIES = 12;

/** How far a head was read for some series. */
interface Read {
  /** Rows of before a start are put in front of a head later: it is then another journal record that began it. */
  journal: number;
  rows: number;
  ts: Float64Array;
  ids: number[];
  columns: Float64Array[];
  lanes: Map<number, Lane>;
  source: ByteSource & { end: number };
  /** Run of the head that goes on, and how many rows of it are read. */
  run: number;
  inRun: number;
}

/** Where the values of a list go. */
interface Lane {
  reader: RowReader;
  values: Float64Array;
  /** Position in the list and column of each series that is kept. */
  from: number[];
  to: number[];
}

/** What a head no longer holds is forgotten with it. */
export const createHeadReads = ({ of, seriesOf, whole }: HeadReadsNeeds): HeadTables => {
  const reads = new WeakMap<Head, Read>();
  const readOf = (head: Head, wanted: ReadonlySet<number>): Read => {
    const known = reads.get(head);
    const fits = known?.journal === head.journal && known.rows <= head.rows;
    if (known && fits && holds(known, wanted)) return known;
    const all = new Set(fits ? [...(known?.ids ?? []), ...wanted] : wanted);
    const read = newRead(head, all.size <= MOST_SERIES ? all : wanted);
    reads.set(head, read);
    return read;
  };
  return (device, wanted, range) => {
    if (wanted === null || wanted.size > MOST_SERIES) return whole(device, wanted, range);
    const [first, last] = [slotOf(device, Math.max(0, range.from)), slotOf(device, range.to)];
    const tables: Table[] = [];
    for (const head of of(device)) {
      if (head.rows === 0 || head.slot < first || head.slot > last) continue;
      const read = readOf(head, wanted);
      catchUp(read, head, seriesOf);
      tables.push(tableOf(read, wanted, range));
    }
    return tables;
  };
};

const holds = ({ ids }: Read, wanted: ReadonlySet<number>): boolean => {
  for (const id of wanted) if (!ids.includes(id)) return false;
  return true;
};

const newRead = ({ journal }: Head, wanted: ReadonlySet<number>): Read => ({
  ...{ journal, rows: 0, run: 0, inRun: 0, ts: new Float64Array(0), ids: [...wanted], lanes: new Map() },
  columns: [...wanted].map(() => new Float64Array(0)),
  source: newSource(new Uint8Array(0)),
});

const catchUp = (read: Read, head: Head, seriesOf: SeriesOf): void => {
  if (read.rows === head.rows) return;
  makeRoom(read, head.rows);
  const source = newSource(head.bytes, read.source.at, head.length);
  for (; read.run < head.runs.length; read.run += 2, read.inRun = 0) {
    const lane = laneOf(read, head.runs[read.run] as number, seriesOf);
    const rows = head.runs[read.run + 1] as number;
    for (; read.inRun < rows; read.inRun++) readRow(read, lane, source);
    // The last run goes on when more rows of its list come.
    if (read.run + 2 >= head.runs.length) break;
  }
  read.source = source;
};

const readRow = (read: Read, { reader, values, from, to }: Lane, source: ByteSource): void => {
  const row = read.rows++;
  read.ts[row] = unpackRow(reader, source, values);
  for (let i = 0; i < from.length; i++) {
    const column = read.columns[to[i] as number] as Float64Array;
    // JSON may say -0; adding 0 makes it 0, as nobody tells them apart.
    column[row] = (values[from[i] as number] as number) + 0;
  }
};

const makeRoom = (read: Read, rows: number): void => {
  if (rows <= read.ts.length) return;
  const grow = (list: Float64Array): Float64Array => {
    const grown = new Float64Array(Math.ceil(rows * 1.3)).fill(Number.NaN);
    grown.set(list.subarray(0, read.rows));
    return grown;
  };
  read.ts = grow(read.ts);
  read.columns = read.columns.map(grow);
};

const laneOf = (read: Read, list: number, seriesOf: SeriesOf): Lane => {
  const known = read.lanes.get(list);
  if (known) return known;
  const ids = seriesOf(list);
  const found = read.ids.flatMap((id, to) => {
    const from = ids.indexOf(id);
    return from < 0 ? [] : [{ from, to }];
  });
  const [from, to] = [found.map((one) => one.from), found.map((one) => one.to)];
  const lane = { reader: newRowReader(ids.length), values: new Float64Array(ids.length), from, to };
  read.lanes.set(list, lane);
  return lane;
};

const tableOf = (read: Read, wanted: ReadonlySet<number>, range: Range): Table => {
  const [ids, columns]: [number[], Float64Array[]] = [[], []];
  const ts = read.ts.subarray(0, read.rows);
  const all = isInside(ts, range);
  const cut = (values: Float64Array): Float64Array => (all ? values : values.filter((_, i) => inside(ts[i] as number, range)));
  for (let i = 0; i < read.ids.length; i++) {
    if (!wanted.has(read.ids[i] as number)) continue;
    ids.push(read.ids[i] as number);
    columns.push(cut((read.columns[i] as Float64Array).subarray(0, read.rows)));
  }
  return { ts: cut(ts), ids, columns };
};

interface Range {
  from: number;
  to: number;
}
const inside = (ts: number, { from, to }: Range): boolean => ts >= from && ts < to;

const isInside = (ts: Float64Array, range: Range): boolean => {
  for (let i = 0; i < ts.length; i++) if (!inside(ts[i] as number, range)) return false;
  return true;
};
