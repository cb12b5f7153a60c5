/** Which (device, boot, seq) are stored: interval sets in memory, one flat array per boot, [from, to, from, to, …] rising. */
import type { Change, Recovered } from '../store/store.js';
import { INGEST_LIMITS as L } from './limits.js';

export interface Sequences {
  /** `known`: it was added before. Forgotten boots count as new; their rows overwrite by (device, ts, metric). */
  add(device: string, boot: string, seq: number): 'new' | 'known';
  /** Takes back what was added and could not be queued: it comes again. */
  drop(device: string, boot: string, seq: number): void;
  forget(device: string): void;
  /** Sets dropped because a device had too many intervals. */
  readonly dropped: number;
}

interface BootSet {
  boot: string;
  spans: number[];
  touched: number;
}

const SWEEP_MS = 3_600_000;

export const createSequences = (recovered: Recovered['sequences'], now: () => number): Sequences => {
  const devices = new Map<string, BootSet[]>();
  let dropped = 0;
  let swept = now();
  const setsOf = (device: string): BootSet[] => {
    const known = devices.get(device);
    if (known) return known;
    const fresh: BootSet[] = [];
    devices.set(device, fresh);
    return fresh;
  };
  for (const { device, boot, intervals } of recovered) {
    const spans = [...intervals].sort((a, b) => a[0] - b[0]).flat();
    setsOf(device).push({ boot, spans, touched: swept });
  }
  for (const sets of devices.values()) dropped += bound(sets);

  return {
    add(device, boot, seq) {
      const ts = now();
      if (ts - swept > SWEEP_MS) {
        swept = ts;
        sweep(devices, ts - L.sequence_ms);
      }
      const sets = setsOf(device);
      const set = touch(sets, boot, ts);
      const before = set.spans.length;
      if (!insert(set.spans, seq)) return 'known';
      if (set.spans.length > before) dropped += bound(sets);
      return 'new';
    },
    drop(device, boot, seq) {
      const set = devices.get(device)?.find((one) => one.boot === boot);
      if (set) remove(set.spans, seq);
    },
    forget: (device) => void devices.delete(device),
    get dropped() {
      return dropped;
    },
  };
};

/** What counts as stored and could not be queued must count as new when it comes again. */
export const takeBack = (sequences: Pick<Sequences, 'drop'>, changes: readonly Change[]): void => {
  for (const change of changes) {
    if (change.kind === 'mark') sequences.drop(change.device, change.boot, change.seq);
    if (change.kind !== 'rows') continue;
    for (const { boot, seq } of change.rows) if (boot !== null && seq !== null) sequences.drop(change.device, boot, seq);
  }
};

/** The set of this boot, last in the list: the front is what was not heard of for longest. */
const touch = (sets: BootSet[], boot: string, ts: number): BootSet => {
  const last = sets.at(-1);
  if (last?.boot === boot) {
    last.touched = ts;
    return last;
  }
  const at = sets.findIndex((set) => set.boot === boot);
  const set = sets[at] ?? { boot, spans: [], touched: ts };
  if (at >= 0) sets.splice(at, 1);
  set.touched = ts;
  sets.push(set);
  return set;
};

/** False when `seq` lies in a span already. The next number extends the last span: the usual case. */
export const insert = (spans: number[], seq: number): boolean => {
  const at = spanAfter(spans, seq);
  const before = spans[at - 1];
  if (before !== undefined && seq <= before) return false;
  const joins_left = before === seq - 1;
  const joins_right = spans[at] === seq + 1;
  if (joins_left && joins_right) spans.splice(at - 1, 2);
  else if (joins_left) spans[at - 1] = seq;
  else if (joins_right) spans[at] = seq;
  else spans.splice(at, 0, seq, seq);
  return true;
};

export const remove = (spans: number[], seq: number): void => {
  const at = spanAfter(spans, seq) - 2;
  const [from, to] = [spans[at], spans[at + 1]];
  if (from === undefined || to === undefined || seq > to) return;
  const left = seq > from ? [from, seq - 1] : [];
  const right = seq < to ? [seq + 1, to] : [];
  spans.splice(at, 2, ...left, ...right);
};

/** Index of the first span that starts after `seq`. */
const spanAfter = (spans: number[], seq: number): number => {
  if (seq >= (spans[spans.length - 2] ?? 0)) return spans.length;
  let low = 0;
  let high = spans.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle * 2] ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low * 2;
};

/** Drops the oldest boots, then the lowest spans of the only one left; answers how many went. */
const bound = (sets: BootSet[]): number => {
  let count = sets.reduce((sum, set) => sum + set.spans.length / 2, 0);
  let gone = 0;
  while (count > L.intervals && sets.length > 1) {
    count -= (sets.shift()?.spans.length ?? 0) / 2;
    gone++;
  }
  const only = sets[0];
  if (only && only.spans.length / 2 > L.intervals) {
    only.spans.splice(0, only.spans.length - L.intervals * 2);
    gone++;
  }
  return gone;
};

const sweep = (devices: Map<string, BootSet[]>, before: number) => {
  for (const [device, sets] of devices) {
    const kept = sets.filter((set) => set.touched >= before);
    if (kept.length === 0) devices.delete(device);
    else if (kept.length < sets.length) devices.set(device, kept);
  }
};
