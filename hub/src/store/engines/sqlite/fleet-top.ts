/** Who has most of a metric: from kept five-minute pieces where chunks follow each other, else series by series. */
import { createStanding } from '../../fold.js';
import { rankedSpan } from '../../rollup.js';
import type { TopQuery } from '../../store.js';
import type { Chunk } from './codec/chunk.js';
import { createIndex, type Index } from './fleet-index.js';
import {
  addPieces,
  addSamples,
  type By,
  newSum,
  piecesOfRuns,
  piecesOfSamples,
  reset,
  type Sum,
  standingOf,
} from './fleet-pieces.js';
import { createStrips, type Strip, type StripsOf } from './fleet-strips.js';
import { archiveId, endOfStaged, SLOT_MS, windowEnd, windowOf, windowStart } from './ids.js';
import type { Samples } from './query-samples.js';
import type { Sealed, Shelf, Track } from './query-shelf.js';
import { feedSpan, type Span } from './query-span.js';
import { FIVE_MS } from './rollup-format.js';
import { holdsWindow, rollupId } from './rollups.js';
import type { Table } from './table.js';

/** Where a series stands. */
export type Found = (series: number, ts: number, value: number) => void;
export interface Standings {
  /** Before all others. What is sealed or merged from then on is in memory as it was, and stays staged for hours. */
  refresh(): void;
  of(of: { device: number; series: ReadonlySet<number>; heads: readonly Table[] }, found: Found): void;
}

/** Keeps what it decoded from one ranking to the next. */
export const createRanking = (shelf: Shelf) => {
  const strips = createStrips();
  const index = createIndex(shelf);
  return (query: TopQuery): Standings => {
    const { by } = query;
    const span = rankedSpan(query);
    const onGrid = span.from % FIVE_MS === 0 && span.to % FIVE_MS === 0;
    const state: State = {
      shelf,
      strips,
      index,
      rolls: new Map(),
      sum: newSum(by, { ...span, known: span.from - SLOT_MS }),
      by,
      ...span,
    };
    return {
      refresh: index.refresh,
      of({ device, series, heads }, found) {
        const sources = onGrid ? sourcesOf(state, device, heads) : null;
        for (const one of series) {
          const sum = sources && quick(state, sources, one);
          const value = sum ? standingOf(sum) : exact(state, { device, series: one }, heads);
          if (value !== null) found(one, sum?.newest ?? span.from, value);
        }
      },
    };
  };
};

interface State {
  shelf: Shelf;
  strips: ReturnType<typeof createStrips>;
  index: Index;
  rolls: Map<number, StripsOf>;
  /** Used again for each series. */
  sum: Sum;
  by: By;
  from: number;
  to: number;
}

/** What the span of a device is made of, in order of time; chunks are opened at most once. */
interface Sources {
  device: number;
  chunks: Source[];
  heads: readonly Table[];
  /** How many chunks come before each head. */
  before: number[];
}
interface Source {
  place: 'staged' | 'five';
  /** Its rows are in [from, to). */
  from: number;
  to: number;
  id: number;
  tag: number;
  /** Undefined: not opened yet. */
  chunk: Chunk | null | undefined;
}

/** Null when they may overlap in time: late rows. */
const sourcesOf = ({ index, from, to }: State, device: number, heads: readonly Table[]): Sources | null => {
  const chunks: Source[] = [];
  const [first, last] = [windowOf(device, Math.max(0, from - SLOT_MS)), windowOf(device, to - 1)];
  if (last - first > MOST_WINDOWS) return null;
  for (let window = first; window <= last; window++) {
    const parts = index.pending(archiveId(device, window));
    const id = rollupId('five', device, window);
    const tag = index.tag(id);
    const rolled = tag !== null && holdsWindow(tag, window);
    if (rolled && parts) return null;
    if (rolled) pushRolled(chunks, { id, tag, from: windowStart(device, window), to: windowEnd(device, window) });
    else if (parts) pushParts(chunks, parts, { from: from - SLOT_MS, to });
  }
  if (overlaps(chunks)) return null;
  const before = placesOf(heads, chunks);
  return before && { device, chunks, heads, before };
};

/** A week: beyond it 1-hour roll-ups are read instead, series by series. */
const MOST_WINDOWS = 28;

/** Windows of one day share a blob. */
const pushRolled = (chunks: Source[], of: Pick<Source, 'id' | 'tag' | 'from' | 'to'>): void => {
  const last = chunks.at(-1);
  if (last?.place === 'five' && last.id === of.id) last.to = of.to;
  else chunks.push({ place: 'five', ...of, chunk: undefined });
};

const pushParts = (chunks: Source[], parts: readonly Sealed[], { from, to }: { from: number; to: number }): void => {
  for (const { id, seal } of parts) {
    const end = endOfStaged(id);
    if (end > from && end - SLOT_MS < to)
      chunks.push({ place: 'staged', id, tag: seal, from: end - SLOT_MS, to: end, chunk: undefined });
  }
};

/** Several chunks of one slot; or a blob of which a window in between is not merged yet. */
const overlaps = (chunks: readonly Source[]): boolean => {
  for (let i = 1; i < chunks.length; i++) if ((chunks[i] as Source).from < (chunks[i - 1] as Source).to) return true;
  return (
    chunks.length > 2 &&
    chunks.some(({ place, id }, i) => place === 'five' && chunks.findIndex((one) => one.place === 'five' && one.id === id) < i)
  );
};

/** Late rows in memory may come before chunks, but not among their rows; whether they rise is seen when they are added. */
const placesOf = (heads: readonly Table[], chunks: readonly Source[]): number[] | null => {
  const before: number[] = [];
  for (const { ts } of heads) {
    let [oldest, newest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < ts.length; i++) {
      const time = ts[i] as number;
      if (time < oldest) oldest = time;
      if (time > newest) newest = time;
    }
    let place = chunks.length;
    while (place > 0 && oldest < (chunks[place - 1] as Source).from) place--;
    if (place > 0 && oldest < (chunks[place - 1] as Source).to) return null;
    if (newest >= (chunks[place]?.from ?? Number.POSITIVE_INFINITY)) return null;
    before.push(place);
  }
  return before;
};

/** Null when the pieces do not tell. */
const quick = (state: State, sources: Sources, series: number): Sum | null => {
  const sum = reset(state.sum);
  const { device, chunks, heads, before } = sources;
  let head = 0;
  for (let i = 0; i < chunks.length; i++) {
    while (head < heads.length && (before[head] as number) <= i) addHead(sum, heads[head++] as Table, series);
    const strip = stripOf(state, { device, series }, chunks[i] as Source);
    if (!strip) return null;
    addPieces(sum, strip.pieces, strip.at, strip.end);
  }
  while (head < heads.length) addHead(sum, heads[head++] as Table, series);
  return sum.blind ? null : sum;
};

const addHead = (sum: Sum, { ts, ids, columns }: Table, series: number): void => {
  const values = columns[Array.prototype.indexOf.call(ids, series)];
  if (values) addSamples(sum, ts, values);
};

const stripOf = (state: State, { device, series }: Track, source: Source): Strip | null => {
  const { shelf, strips, rolls, by } = state;
  let roll = rolls.get(series);
  if (!roll) {
    roll = strips.of(series, by);
    rolls.set(series, roll);
  }
  return roll.get(source.place === 'five' ? -source.id : source.id, source.tag, () => {
    if (source.chunk === undefined) source.chunk = openedAsPlanned(shelf, source);
    const { chunk } = source;
    if (!chunk) return null;
    return source.place === 'five' ? piecesOfRuns(chunk, { device, series, by }) : piecesOfSamples(samplesOf(chunk, series), by);
  });
};

/** Null when a window was merged into it since the question began: the parts of that window are among the sources still. */
const openedAsPlanned = (shelf: Shelf, { place, id, tag }: Source): Chunk | null =>
  place === 'five' && shelf.tag(id) !== tag ? null : shelf.chunk(place, id);

const NOTHING: Samples = { ts: new Float64Array(0), values: new Float64Array(0) };
const samplesOf = (chunk: Chunk, series: number): Samples => {
  const column = chunk.column(series);
  if (!column) return NOTHING;
  const { values, present } = column;
  return { ts: chunk.ts(), values: present ? values.map((value, i) => (present[i] ? value : Number.NaN)) : values };
};

const exact = ({ shelf, by, from, to }: State, track: Track, heads: readonly Table[]): number | null => {
  const fold = createStanding(by);
  const kind = by === 'increase' ? 'counter' : 'gauge';
  const span: Span = { from, to, kind, tier: '1h', edges: from % FIVE_MS === 0 && to % FIVE_MS === 0 ? 'five' : 'exact' };
  feedSpan({ shelf, heads, parts: shelf.staged }, track, span, fold);
  return fold.result();
};
