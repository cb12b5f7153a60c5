/** Who has most of a metric: from kept five-minute pieces where chunks follow each other, else series by series. */
import { createStanding } from '../../fold.js';
import { rankedSpan } from '../../rollup.js';
import type { TopQuery } from '../../store.js';
import type { Chunk } from './codec/chunk.js';
import { addPieces, type By, newSum, piecesOfRuns, piecesOfSamples, type Sum, standingOf } from './fleet-pieces.js';
import { createStrips, type Strip } from './fleet-strips.js';
import { archiveId, deviceOfStaged, endOfStaged, SLOT_MS, windowOf } from './ids.js';
import type { Samples } from './query-samples.js';
import type { Sealed, Shelf, Track } from './query-shelf.js';
import { feedSpan, type Span } from './query-span.js';
import { FIVE_MS } from './rollup-format.js';
import type { Table } from './table.js';

export interface Standings {
  /** Where the series of a device stand; one call after the other, each inside `shelf.steady`. */
  of(device: number, series: Iterable<number>, heads: readonly Table[]): { series: number; ts: number; value: number }[];
}

/** Keeps what it decoded from one ranking to the next. */
export const createRanking = (shelf: Shelf) => {
  const strips = createStrips();
  const settled = new Map<number, { version: number; tag: number | null }>();
  return (query: TopQuery): Standings => {
    const span = rankedSpan(query);
    const state: State = { shelf, strips, settled, by: query.by, ...span, version: -1, sealed: new Map(), pending: new Map() };
    const onGrid = span.from % FIVE_MS === 0 && span.to % FIVE_MS === 0;
    return {
      of(device, series, heads) {
        refresh(state);
        const sources = onGrid ? sourcesOf(state, device, heads) : null;
        return [...series].flatMap((one) => {
          const found = (sources && quick(state, sources, one)) ?? exact(state, { device, series: one }, heads);
          return found.value === null ? [] : [{ series: one, ts: found.ts, value: found.value }];
        });
      },
    };
  };
};

interface State {
  shelf: Shelf;
  strips: ReturnType<typeof createStrips>;
  /** Of (device, window): the tag of its roll-ups, as of a version of the file. */
  settled: Map<number, { version: number; tag: number | null }>;
  by: By;
  from: number;
  to: number;
  version: number;
  /** Staged chunks of the span, by device. */
  sealed: Map<number, Sealed[]>;
  /** Seal up to which a (device, window) is merged. */
  pending: Map<number, number>;
}

/** 10,000 devices × 6 windows. */
const SETTLED_KEPT = 60_000;

const refresh = (state: State): void => {
  const version = state.shelf.version();
  if (version === state.version) return;
  state.version = version;
  if (state.settled.size > SETTLED_KEPT) state.settled.clear();
  state.pending = new Map(state.shelf.allPending().map(({ id, seal }) => [id, seal]));
  state.sealed = new Map();
  for (const sealed of state.shelf.sealed(state.from - SLOT_MS, state.to + SLOT_MS)) {
    const device = deviceOfStaged(sealed.id);
    const since = state.pending.get(archiveId(device, windowOf(device, endOfStaged(sealed.id) - 1)));
    if (since === undefined || sealed.seal <= since) continue;
    const own = state.sealed.get(device);
    if (own) own.push(sealed);
    else state.sealed.set(device, [sealed]);
  }
};

/** What the span of a device is made of, in order of time; opened at most once. */
interface Sources {
  device: number;
  chunks: { place: 'staged' | 'five'; id: number; tag: number; chunk: Chunk | null | undefined }[];
  heads: readonly Table[];
}

/** Null when chunks may overlap in time: late rows. */
const sourcesOf = (state: State, device: number, heads: readonly Table[]): Sources | null => {
  const chunks: Sources['chunks'] = [];
  const parts = state.sealed.get(device) ?? [];
  const [first, last] = [windowOf(device, Math.max(0, state.from - SLOT_MS)), windowOf(device, state.to - 1)];
  const headFrom = heads.reduce((least, { ts }) => Math.min(least, ts[0] ?? Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
  if (last - first > MOST_WINDOWS) return null;
  for (let window = first; window <= last; window++) {
    const id = archiveId(device, window);
    const pending = state.pending.has(id);
    const tag = tagOf(state, device, window);
    if (tag !== null && (pending || windowOf(device, headFrom) <= window)) return null;
    if (tag !== null) chunks.push({ place: 'five', id, tag, chunk: undefined });
    else if (pending) pushParts(chunks, parts, { device, window });
  }
  return overlaps(chunks, heads) ? null : { device, chunks, heads };
};

/** A week: beyond it 1-hour roll-ups are read instead, series by series. */
const MOST_WINDOWS = 28;

const pushParts = (chunks: Sources['chunks'], parts: readonly Sealed[], of: { device: number; window: number }): void => {
  for (const { id, seal } of parts)
    if (windowOf(of.device, endOfStaged(id) - 1) === of.window) chunks.push({ place: 'staged', id, tag: seal, chunk: undefined });
};

const tagOf = ({ settled, shelf, version }: State, device: number, window: number): number | null => {
  const id = archiveId(device, window);
  const known = settled.get(id);
  if (known?.version === version) return known.tag;
  const tag = shelf.tag(device, window);
  settled.set(id, { version, tag });
  return tag;
};

/** One chunk per slot, and rows in memory only after them, in order. */
const overlaps = (chunks: Sources['chunks'], heads: readonly Table[]): boolean => {
  let newest = -1;
  for (const { place, id } of chunks) {
    if (place === 'five') continue;
    const end = endOfStaged(id);
    if (end === newest) return true;
    newest = end;
  }
  for (const { ts } of heads)
    for (const time of ts) {
      if (time < newest) return true;
      newest = time + 1;
    }
  return false;
};

type Found = { ts: number; value: number | null };

/** Null when the pieces do not tell. */
const quick = (state: State, sources: Sources, series: number): Found | null => {
  const sum = newSum(state.by, state.from, state.to);
  for (const chunk of sources.chunks) {
    const strip = stripOf(state, { device: sources.device, series }, chunk);
    if (!strip) return null;
    addPieces(sum, strip.pieces, strip.at, strip.end);
  }
  for (const table of sources.heads) addHead(sum, table, series);
  return sum.blind ? null : { ts: sum.newest, value: standingOf(sum) };
};

const addHead = (sum: Sum, { ts, ids, columns }: Table, series: number): void => {
  const values = columns[Array.prototype.indexOf.call(ids, series)];
  if (!values) return;
  const pieces = piecesOfSamples({ ts, values }, sum.by);
  addPieces(sum, pieces, 0, pieces.length);
};

const stripOf = ({ shelf, strips, by }: State, { device, series }: Track, source: Sources['chunks'][number]): Strip | null =>
  strips.get({ series, by }, { id: source.place === 'five' ? -source.id : source.id, tag: source.tag }, () => {
    if (source.chunk === undefined) source.chunk = shelf.chunk(source.place, source.id);
    const { chunk } = source;
    if (!chunk) return null;
    return source.place === 'five' ? piecesOfRuns(chunk, { device, series, by }) : piecesOfSamples(samplesOf(chunk, series), by);
  });

const NOTHING: Samples = { ts: new Float64Array(0), values: new Float64Array(0) };
const samplesOf = (chunk: Chunk, series: number): Samples => {
  const column = chunk.column(series);
  if (!column) return NOTHING;
  const { values, present } = column;
  return { ts: chunk.ts(), values: present ? values.map((value, i) => (present[i] ? value : Number.NaN)) : values };
};

const exact = ({ shelf, by, from, to }: State, track: Track, heads: readonly Table[]): Found => {
  const fold = createStanding(by);
  const kind = by === 'increase' ? 'counter' : 'gauge';
  const span: Span = { from, to, kind, tier: '1h', edges: from % FIVE_MS === 0 && to % FIVE_MS === 0 ? 'five' : 'exact' };
  feedSpan({ shelf, heads, parts: shelf.staged }, track, span, fold);
  return { ts: from, value: fold.result() };
};
