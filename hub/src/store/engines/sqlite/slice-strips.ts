/**
 * What rankings over whole five minutes need of the rows in memory: nine of ten samples can be left out. It is kept with each
 * open head and gone on with, so that a fleet that is asked again costs its new rows only.
 */
import { type ByteSource, newSource } from './codec/bytes.js';
import { newRowReader, type RowReader, unpackRow } from './codec/row.js';
import type { Head, SeriesOf } from './head.js';
import { slotOf } from './ids.js';
import { FIVE_MS } from './rollup-format.js';
import type { SliceWriter } from './slice.js';

/** A mean needs every sample. */
export type StripBy = 'increase' | 'max';

export interface StripsQuery {
  device: number;
  series: ReadonlySet<number>;
  by: StripBy;
  /** On whole five minutes; rows before it. */
  to: number;
}

/** Puts a table per head and series into a slice; false, and nothing is put: rows of this device do not rise in time. */
export type PutStrips = (query: StripsQuery, slice: SliceWriter) => boolean;

/** Kept of one head, about 150 bytes each; who asks for more at once gets them unkept. */
const MOST_STRIPS = 24;

/** How far a head was read, and what of it is kept. */
export interface HeadStrips {
  /** Rows of before a start are put in front of a head later: it is then another journal record that began it. */
  journal: number;
  rows: number;
  newest: number;
  rising: boolean;
  strips: readonly Strip[];
  /** Of each strip a few numbers, then time and value of its samples, in order of time. */
  block: Float64Array;
  /** Numbers from one strip to the next in the block. */
  stride: number;
  lanes: Map<number, Lane>;
  at: number;
  /** Run of the head that goes on, and how many rows of it are read. */
  run: number;
  inRun: number;
}

interface Strip {
  series: number;
  by: StripBy;
}

/** Where the samples end in the block. */
const END = 0;
/** End of the five minutes that the newest sample lies in. */
const UNTIL = 1;
/** 1: the newest sample is there only until the next one comes. */
const PASSING = 2;
const HEADER = 3;
/** A slot lies in four times five minutes at most, and a counter that does not restart has two samples in each. */
const USUAL = 16;

/** Where the values of a list go: position of each strip's series in it, -1 = not there. */
interface Lane {
  list: number;
  reader: RowReader;
  places: Int32Array;
}

export const createStripReads = ({
  of,
  seriesOf,
}: {
  of: (device: number) => readonly Head[];
  seriesOf: SeriesOf;
}): PutStrips => {
  const decoding: Decoding = { seriesOf, values: new Float64Array(64), source: newSource(new Uint8Array(0)) };
  return (query, slice) => {
    const last = slotOf(query.device, query.to);
    const { length } = slice;
    for (const head of of(query.device)) {
      if (head.rows === 0 || head.slot > last) continue;
      const read = stripsOf(head, query);
      // Damaged rows throw: then it is begun anew.
      head.strips = null;
      if (read.rows < head.rows) catchUp(read, head, decoding);
      if (read.strips.length <= MOST_STRIPS) head.strips = read;
      if (!read.rising) {
        slice.length = length;
        return false;
      }
      putStrips(read, query, slice);
    }
    return true;
  };
};

const stripsOf = ({ strips: known, journal, rows }: Head, { series, by }: StripsQuery): HeadStrips => {
  const fits = known?.journal === journal && known.rows <= rows ? known : null;
  if (fits && holds(fits, series, by)) return fits;
  const wanted = [...series].map((one) => ({ series: one, by }));
  const others = fits?.strips.filter((strip) => strip.by !== by || !series.has(strip.series)) ?? [];
  return newStrips(journal, others.length + wanted.length > MOST_STRIPS ? wanted : [...others, ...wanted]);
};

const holds = ({ strips }: HeadStrips, series: ReadonlySet<number>, by: StripBy): boolean => {
  let held = 0;
  for (let i = 0; i < strips.length; i++) {
    const strip = strips[i] as Strip;
    if (strip.by === by && series.has(strip.series)) held++;
  }
  return held === series.size;
};

const newStrips = (journal: number, strips: readonly Strip[]): HeadStrips => {
  const stride = HEADER + USUAL;
  const block = new Float64Array(stride * strips.length);
  for (let i = 0; i < strips.length; i++) block[i * stride + END] = i * stride + HEADER;
  const read = { journal, rows: 0, newest: -1, rising: true, strips, block, stride };
  return { ...read, lanes: new Map(), at: 0, run: 0, inRun: 0 };
};

interface Decoding {
  seriesOf: SeriesOf;
  /** Both used again and again. */
  values: Float64Array;
  source: ByteSource;
}

const catchUp = (read: HeadStrips, head: Head, decoding: Decoding): void => {
  decoding.source = newSource(head.bytes, read.at, head.length);
  let lane: Lane | null = null;
  for (; read.run < head.runs.length; read.run += 2, read.inRun = 0) {
    const list = head.runs[read.run] as number;
    const rows = head.runs[read.run + 1] as number;
    if (lane?.list !== list) lane = laneOf(read, list, decoding);
    for (; read.inRun < rows; read.inRun++) readRow(read, lane, decoding);
    // The last run goes on when more rows of its list come.
    if (read.run + 2 >= head.runs.length) break;
  }
  read.at = decoding.source.at;
};

const laneOf = (read: HeadStrips, list: number, decoding: Decoding): Lane => {
  const lane = read.lanes.get(list) ?? newLane(read, list, decoding.seriesOf(list));
  if (lane.reader.columns > decoding.values.length) decoding.values = new Float64Array(lane.reader.columns);
  return lane;
};

const newLane = (read: HeadStrips, list: number, ids: Uint32Array): Lane => {
  const places = Int32Array.from(read.strips, ({ series }) => ids.indexOf(series));
  const lane = { list, reader: newRowReader(ids.length), places };
  read.lanes.set(list, lane);
  return lane;
};

const readRow = (read: HeadStrips, { reader, places }: Lane, { source, values }: Decoding): void => {
  const ts = unpackRow(reader, source, values);
  read.rows++;
  if (ts > read.newest) read.newest = ts;
  else read.rising = false;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number;
    if (place < 0) continue;
    const value = values[place] as number;
    // JSON may say -0; adding 0 makes it 0, as nobody tells them apart.
    if (!Number.isNaN(value)) addTo(read, i, { ts, value: value + 0 });
  }
};

interface Sample {
  ts: number;
  value: number;
}

const addTo = (read: HeadStrips, strip: number, sample: Sample): void => {
  const at = strip * read.stride;
  const { block } = read;
  const opens = (block[at + UNTIL] as number) <= sample.ts;
  if (opens) block[at + UNTIL] = (Math.floor(sample.ts / FIVE_MS) + 1) * FIVE_MS;
  const before = block[(block[at + END] as number) - 1] as number;
  if ((read.strips[strip] as Strip).by === 'max') {
    if (opens) push(read, strip, sample);
    else if (sample.value > before) replace(block, at, sample);
    return;
  }
  // The first and the last sample of each five minutes stay, and both sides of every fall.
  const stays = opens || sample.value < before;
  if (!stays && block[at + PASSING] === 1) return replace(block, at, sample);
  block[at + PASSING] = stays ? 0 : 1;
  push(read, strip, sample);
};

const push = (read: HeadStrips, strip: number, sample: Sample): void => {
  if ((read.block[strip * read.stride + END] as number) + 2 > (strip + 1) * read.stride) widen(read);
  const at = strip * read.stride;
  read.block[at + END] = (read.block[at + END] as number) + 2;
  replace(read.block, at, sample);
};

const replace = (block: Float64Array, at: number, { ts, value }: Sample): void => {
  const end = block[at + END] as number;
  block[end - 2] = ts;
  block[end - 1] = value;
};

/** A counter that restarts again and again: room for twice as many samples. */
const widen = (read: HeadStrips): void => {
  const { block, stride, strips } = read;
  const wide = stride * 2 - HEADER;
  read.block = new Float64Array(wide * strips.length);
  for (let i = 0; i < strips.length; i++) {
    read.block.set(block.subarray(i * stride, (i + 1) * stride), i * wide);
    read.block[i * wide + END] = (block[i * stride + END] as number) + i * (wide - stride);
  }
  read.stride = wide;
};

const putStrips = (read: HeadStrips, { device, series, by, to }: StripsQuery, slice: SliceWriter): void => {
  for (let i = 0; i < read.strips.length; i++) {
    const strip = read.strips[i] as Strip;
    if (strip.by !== by || !series.has(strip.series)) continue;
    const from = i * read.stride + HEADER;
    let rows = ((read.block[i * read.stride + END] as number) - from) / 2;
    while (rows > 0 && (read.block[from + 2 * rows - 2] as number) >= to) rows--;
    if (rows > 0) putSamples(slice.begin(device, rows, strip.series), slice.block, { block: read.block, from, rows });
  }
};

const putSamples = (
  at: number,
  into: Float64Array,
  { block, from, rows }: { block: Float64Array; from: number; rows: number },
) => {
  for (let row = 0; row < rows; row++) {
    into[at + row] = block[from + 2 * row] as number;
    into[at + rows + row] = block[from + 2 * row + 1] as number;
  }
};
