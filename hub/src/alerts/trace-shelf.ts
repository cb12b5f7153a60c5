/** What the rules know of the past, as documents: a restart of the hub forgets no trend and no count. */
import type { Change, Json, Recovered, Writer } from '../store/store.js';
import type { TraceMemo } from './traces.js';

const COLLECTION = 'alert_traces';
/** What is worth a minute's trend at most is written within about this many looks of the loop (one a second). */
const LAZY = 1_800;
/** What counts is written at once, but of one device at most so often. */
const SOON_MS = 300_000;
/** A fleet that comes back from a power cut is written in parts: a commit stays small. */
const MOST = 500;
/** Of a document without its series, of a series, of a point. */
const BYTES = 200;
const SERIES_BYTES = 150;
const POINT_BYTES = 32;

export interface TraceShelf {
  recovered: ReadonlyMap<string, TraceMemo>;
  /** It is to be written: soon, or when there is time. */
  changed(device: string, soon: boolean): void;
  forget(device: string): void;
  tick(now: number): void;
  /** Writes all that waits. */
  flush(): void;
}

export const createTraceShelf = (
  writer: Pick<Writer, 'queue' | 'accepts'>,
  documents: Recovered['documents'],
  memo: (device: string) => TraceMemo | null,
): TraceShelf => {
  const found = documents.filter(({ collection }) => collection === COLLECTION);
  const lazy = new Set<string>();
  const soon = new Set<string>();
  const written = new Map<string, number>();

  const write = (devices: readonly string[]) => {
    const memos = devices.map((key) => ({ key, value: memo(key) }));
    const bytes = memos.reduce((sum, { value }) => sum + bytesOf(value), 0);
    if (memos.length === 0 || !writer.accepts(bytes)) return;
    const changes = memos.map(
      ({ key, value }): Change => ({ kind: 'document', collection: COLLECTION, key, value: asJson(value) }),
    );
    for (const device of devices) {
      lazy.delete(device);
      soon.delete(device);
    }
    writer.queue(changes, { bytes });
  };
  return {
    recovered: new Map(found.map(({ key, value }) => [key, structuredClone(value) as unknown as TraceMemo])),
    changed: (device, at_once) => void (at_once ? soon : lazy).add(device),
    forget(device) {
      lazy.delete(device);
      soon.delete(device);
      written.delete(device);
      writer.queue([{ kind: 'document', collection: COLLECTION, key: device, value: null }], { bytes: BYTES });
    },
    tick(now) {
      const due = [...soon].filter((device) => now - (written.get(device) ?? Number.NEGATIVE_INFINITY) >= SOON_MS).slice(0, MOST);
      for (const device of due) written.set(device, now);
      const share = Math.ceil(lazy.size / LAZY);
      for (const device of lazy) if (due.length < share) due.push(device);
      write(due);
    },
    flush: () => write([...new Set([...soon, ...lazy])]),
  };
};

const bytesOf = (memo: TraceMemo | null): number =>
  (memo?.series ?? []).reduce((sum, [, { times }]) => sum + SERIES_BYTES + POINT_BYTES * times.length, BYTES);

const asJson = (memo: TraceMemo | null): Json => memo as unknown as Json;
