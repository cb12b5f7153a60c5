import type { Clock } from '@muster/shared/clock';
import { type MetricDeclaration, parseSeriesKey, roundTo, type Sample, seriesKey, undeclared } from '@muster/shared/metrics';
import { idOfColumns } from '@muster/shared/wire/codec';
import { WIRE_LIMITS } from '@muster/shared/wire/limits';

/** The newest value of every series; rows and their column lists are cut from it. */
export interface SeriesTable {
  /** Rounds and keeps a sample; it counts as current for `fresh_ms`. False when it is no sample, or there is no room. */
  put(sample: Sample, declaration: MetricDeclaration | undefined, fresh_ms: number): boolean;
  /** The columns as they are now and a value for each, null where the newest is stale. */
  row(): { columns: string; values: (number | null)[] };
  /** Every column list that was used and not forgotten. */
  lists(): ReadonlyMap<string, readonly string[]>;
  /** Keeps the current list: the spool keeps those of what it holds. */
  forget(): void;
  declaration(metric: string): MetricDeclaration;
  /** Samples refused: not a number, not a series, or no room. */
  readonly refused: number;
}

interface Series {
  value: number;
  put_at: number;
  stale_at: number;
}

/** A series that was silent this long leaves the columns: a disk that was pulled out. */
const GONE_AFTER_MS = 3_600_000;
/** While rows of so many lists wait for the hub, new series wait for the next hour: 7 days away stay below the lists a hub keeps of a device. */
const MANY_LISTS = 16;
const MANY_LISTS_PACE_MS = 3_600_000;
/** One column list must fit a birth of 200 KB, as JSON: a label may be of letters that take four bytes each. */
const MAX_LIST_BYTES = 150_000;

/** `waiting`: how many lists the rows need that the hub lacks. */
export const createSeriesTable = (clock: Pick<Clock, 'monotonic'>, waiting: () => number = () => 0): SeriesTable => {
  const series = new Map<string, Series>();
  const declarations = new Map<string, MetricDeclaration>();
  const lists = new Map<string, readonly string[]>();
  let current = { id: '', list: [] as readonly string[] };
  let changed = true;
  let listed_at = Number.NEGATIVE_INFINITY;
  let bytes = 0;
  let refused = 0;

  const isRoomFor = (key: string) =>
    series.size < WIRE_LIMITS.series_per_device && bytes + bytesOf(key) <= MAX_LIST_BYTES && isSeriesKey(key);
  const add = (key: string, entry: Series) => {
    series.set(key, entry);
    bytes += bytesOf(key);
    changed = true;
  };
  const dropGone = () => {
    const before = clock.monotonic() - GONE_AFTER_MS;
    for (const [key, { put_at }] of series) {
      if (put_at >= before || !series.delete(key)) continue;
      bytes -= bytesOf(key);
      changed = true;
    }
  };
  const columns = () => {
    dropGone();
    const now = clock.monotonic();
    if (!changed || (now - listed_at < MANY_LISTS_PACE_MS && waiting() >= MANY_LISTS)) return current;
    listed_at = now;
    const list = [...series.keys()].sort();
    current = { id: idOfColumns(list), list };
    lists.set(current.id, list);
    changed = false;
    return current;
  };
  const fresh = (key: string): number | null => {
    const entry = series.get(key);
    return entry && entry.stale_at >= clock.monotonic() ? entry.value : null;
  };

  return {
    put(sample, declaration, fresh_ms) {
      const key = keyOf(sample);
      if (key === null || (!series.has(key) && !isRoomFor(key))) {
        refused++;
        return false;
      }
      const now = clock.monotonic();
      const entry = { value: roundTo(sample.value, declaration?.resolution), put_at: now, stale_at: now + fresh_ms };
      if (series.has(key)) series.set(key, entry);
      else add(key, entry);
      if (declaration) declarations.set(sample.metric, declaration);
      return true;
    },
    row() {
      const { id, list } = columns();
      return { columns: id, values: list.map(fresh) };
    },
    lists: () => lists,
    forget() {
      if (lists.size > 1) for (const id of lists.keys()) if (id !== current.id) lists.delete(id);
    },
    declaration: (metric) => declarations.get(metric) ?? undeclared(metric),
    get refused() {
      return refused;
    },
  };
};

const bytesOf = (key: string): number => Buffer.byteLength(JSON.stringify(key)) + 1;

const isSeriesKey = (key: string): boolean => key.length <= WIRE_LIMITS.key_chars && parseSeriesKey(key) !== null;

/** Probes and sources are plugins: what they answer may be anything. */
const keyOf = (sample: Sample): string | null => {
  if (typeof sample !== 'object' || sample === null || !Number.isFinite(sample.value)) return null;
  if (typeof sample.metric !== 'string' || !areLabels(sample.labels)) return null;
  return seriesKey(sample.metric, sample.labels);
};

const areLabels = (labels: unknown): boolean =>
  labels === undefined ||
  (typeof labels === 'object' && labels !== null && Object.values(labels).every((value) => typeof value === 'string'));
