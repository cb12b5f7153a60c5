/**
 * What rankings over whole five minutes need of the rows in memory: nine of ten samples can be left out. What was asked of an
 * open head is kept with it and gone on with as rows come, until it is sealed: a fleet that is asked again costs what is sent.
 */
import { newSource } from './codec/bytes.js';
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

/** Puts a table per head and series into a slice; false, and nothing is put: rows of this device do not rise in time, or some of a slot are on disk. */
export type PutStrips = (query: StripsQuery, slice: SliceWriter) => boolean;

/** Kept of one head, about 150 bytes each; who asks for more at once gets them unkept. */
const MOST_STRIPS = 24;

/** What is kept of a head. */
export interface HeadStrips {
  plan: Plan;
  /** Rows of the head that are in it; not all of them: it is made anew. */
  rows: number;
  newest: number;
  /** Every row is newer than the one before, and all rows of the slot are here. */
  rising: boolean;
  /** Of each strip a few numbers, then time and value of its samples, in order of time. */
  block: Float64Array;
  /** Numbers from one strip to the next in the block. */
  stride: number;
}

/** Which strips are kept; one for all heads with the same ones. */
interface Plan {
  strips: readonly Strip[];
  /** Position of each strip's series in a list, -1 = not there. */
  places: (list: number) => Int32Array;
  /** Where the strips of these series are; null: not all of them are kept. */
  positions: (series: ReadonlySet<number>, by: StripBy) => Int32Array | null;
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

export interface StripReadsNeeds {
  of: (device: number) => readonly Head[];
  seriesOf: SeriesOf;
  /** Whether rows of its slot were sealed before; asked once of an open head. */
  onDisk: (head: Head) => boolean;
}

export const createStripReads = ({ of, seriesOf, onDisk }: StripReadsNeeds): PutStrips => {
  const making: Making = { plans: createPlans(seriesOf), seriesOf, onDisk, values: new Float64Array(64) };
  return (query, slice) => {
    const last = slotOf(query.device, query.to);
    const { length } = slice;
    for (const head of of(query.device)) {
      if (head.rows === 0 || head.slot > last) continue;
      const read = stripsOf(head, query, making);
      if (!read.rising) {
        slice.length = length;
        return false;
      }
      putStrips(read, query, slice);
    }
    return true;
  };
};

const stripsOf = (head: Head, { series, by }: StripsQuery, making: Making): HeadStrips => {
  const known = head.strips;
  if (known?.rows === head.rows && known.plan.positions(series, by)) return known;
  const wanted = [...series].map((one) => ({ series: one, by }));
  const others = known?.plan.strips.filter((strip) => strip.by !== by || !series.has(strip.series)) ?? [];
  const strips = others.length + wanted.length > MOST_STRIPS ? wanted : [...others, ...wanted];
  const read = newStrips(making.plans(strips));
  readHead(read, head, making);
  // Among rows that lie between its own, what was left out would be missing.
  if (known ? !known.rising : making.onDisk(head)) read.rising = false;
  if (strips.length <= MOST_STRIPS) head.strips = read;
  return read;
};

const PLANS_KEPT = 1_000;

const createPlans = (seriesOf: SeriesOf) => {
  const plans = new Map<string, Plan>();
  return (strips: readonly Strip[]): Plan => {
    const key = strips.map(({ series, by }) => `${series} ${by}`).join(',');
    const plan = plans.get(key) ?? newPlan(strips, seriesOf);
    if (plans.size >= PLANS_KEPT) plans.clear();
    plans.set(key, plan);
    return plan;
  };
};

const newPlan = (strips: readonly Strip[], seriesOf: SeriesOf): Plan => {
  const lists = new Map<number, Int32Array>();
  const asked = { increase: new WeakMap<object, Int32Array | null>(), max: new WeakMap<object, Int32Array | null>() };
  return {
    strips,
    places(list) {
      let places = lists.get(list);
      if (!places) {
        const ids = seriesOf(list);
        places = Int32Array.from(strips, ({ series }) => ids.indexOf(series));
        if (lists.size >= PLANS_KEPT) lists.clear();
        lists.set(list, places);
      }
      return places;
    },
    positions(series, by) {
      let positions = asked[by].get(series);
      if (positions === undefined) {
        const found = [...series].map((one) => strips.findIndex((strip) => strip.series === one && strip.by === by));
        positions = found.includes(-1) ? null : Int32Array.from(found);
        asked[by].set(series, positions);
      }
      return positions;
    },
  };
};

const newStrips = (plan: Plan): HeadStrips => {
  const stride = HEADER + USUAL;
  const block = new Float64Array(stride * plan.strips.length);
  for (let i = 0; i < plan.strips.length; i++) block[i * stride + END] = i * stride + HEADER;
  return { plan, rows: 0, newest: -1, rising: true, block, stride };
};

interface Making {
  plans: (strips: readonly Strip[]) => Plan;
  seriesOf: SeriesOf;
  onDisk: (head: Head) => boolean;
  /** Used again for each row. */
  values: Float64Array;
}

const readHead = (read: HeadStrips, head: Head, making: Making): void => {
  const readers = new Map<number, RowReader>();
  const source = newSource(head.bytes, 0, head.length);
  for (let at = 0; at < head.runs.length; at += 2) {
    const list = head.runs[at] as number;
    const reader = readers.get(list) ?? newRowReader(making.seriesOf(list).length);
    readers.set(list, reader);
    if (reader.columns > making.values.length) making.values = new Float64Array(reader.columns);
    for (let left = head.runs[at + 1] as number; left > 0; left--) {
      const ts = unpackRow(reader, source, making.values);
      addRow(read, { list, ts, values: making.values });
    }
  }
};

/** A row that the head has got. */
export const addRow = (
  read: HeadStrips,
  { list, ts, values }: { list: number; ts: number; values: ArrayLike<number | null> },
): void => {
  const places = read.plan.places(list);
  read.rows++;
  if (ts > read.newest) read.newest = ts;
  else read.rising = false;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number;
    const value = place < 0 ? Number.NaN : (values[place] ?? Number.NaN);
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
  if ((read.plan.strips[strip] as Strip).by === 'max') {
    if (opens) push(read, strip, sample);
    else if (sample.value > before) replace(block, at, sample);
    return;
  }
  // The first and the last sample of each five minutes stay, and both sides of every fall.
  const stays = opens || sample.value < before;
  if (!stays && block[at + PASSING] === 1) replace(block, at, sample);
  else push(read, strip, sample);
  read.block[strip * read.stride + PASSING] = stays ? 0 : 1;
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
  const { block, stride, plan } = read;
  const { strips } = plan;
  const wide = stride * 2 - HEADER;
  read.block = new Float64Array(wide * strips.length);
  for (let i = 0; i < strips.length; i++) {
    read.block.set(block.subarray(i * stride, (i + 1) * stride), i * wide);
    read.block[i * wide + END] = (block[i * stride + END] as number) + i * (wide - stride);
  }
  read.stride = wide;
};

const putStrips = ({ plan, block, stride }: HeadStrips, { device, series, by, to }: StripsQuery, slice: SliceWriter): void => {
  for (const position of plan.positions(series, by) ?? []) {
    const from = position * stride + HEADER;
    let rows = ((block[position * stride + END] as number) - from) / 2;
    while (rows > 0 && (block[from + 2 * rows - 2] as number) >= to) rows--;
    if (rows === 0) continue;
    const at = slice.begin(device, rows, (plan.strips[position] as Strip).series);
    putSamples(at, slice.block, { block, from, rows });
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
