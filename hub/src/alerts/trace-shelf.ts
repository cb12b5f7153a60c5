/** What the rules know of the past, as documents: a restart of the hub forgets no trend and no count. */
import type { Change, Json, Recovered, Writer } from '../store/store.js';
import type { TraceMemo } from './traces.js';

const COLLECTION = 'alert_traces';
/**
 * A document costs some 20 kB of writing (measured: pages, their log and their copy); a device that reports 30 metrics every 10 s costs
 * 3 MB a day, every minute 1.6 MB. The first few come often, then a trend is four a day and a count without rest at most one an hour:
 * a hub that is stopped writes what waits, one that is killed loses so much.
 */
const OFTEN = { times: 8, soon_ms: 300_000, lazy_ms: 1_800_000 } as const;
const SELDOM = { soon_ms: 3_600_000, lazy_ms: 6 * 3_600_000 } as const;
/** After so long without any the first few come often again. */
const REST_MS = 12 * 3_600_000;
/** Looks (one a second) over which the fleet is spread. */
const SPREAD = 1_800;
/** A fleet that comes back from a power cut is written in parts: a commit stays small. */
const MOST = 500;
/** Of a document without its series, of a series, and of a point. */
const BYTES = { document: 200, series: 150, point: 35 } as const;

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
  writer: Pick<Writer, 'queue' | 'accepts' | 'healthy'>,
  documents: Recovered['documents'],
  memo: (device: string) => TraceMemo | null,
): TraceShelf => {
  const found = documents.filter(({ collection }) => collection === COLLECTION);
  const lazy = new Set<string>();
  const soon = new Set<string>();
  const written = new Map<string, { at: number; times: number }>();

  const write = (devices: readonly string[]) => {
    const memos = devices.map((device) => [device, memo(device)] as const);
    const bytes = memos.reduce((sum, [, one]) => sum + sizeOf(one), 0);
    // While it stands still the room is for events.
    if (memos.length === 0 || !writer.healthy || !writer.accepts(bytes)) return false;
    for (const device of devices) {
      lazy.delete(device);
      soon.delete(device);
    }
    writer.queue(memos.map(asDocument), { bytes });
    return true;
  };
  const since = (device: string, now: number): number => now - (written.get(device)?.at ?? Number.NEGATIVE_INFINITY);
  const paceOf = (device: string) => ((written.get(device)?.times ?? 0) < OFTEN.times ? OFTEN : SELDOM);
  const note = (device: string, now: number) => {
    const times = since(device, now) > REST_MS ? 0 : (written.get(device)?.times ?? 0);
    written.set(device, { at: now, times: times + 1 });
  };
  return {
    recovered: new Map(found.map(({ key, value }) => [key, structuredClone(value) as unknown as TraceMemo])),
    changed: (device, at_once) => void (at_once ? soon : lazy).add(device),
    /** Once nothing is remembered of it. */
    forget(device) {
      written.delete(device);
      soon.add(device);
      write([device]);
    },
    tick(now) {
      const due = new Set([...soon].filter((device) => since(device, now) >= paceOf(device).soon_ms).slice(0, MOST));
      const share = Math.ceil(lazy.size / SPREAD);
      for (const device of lazy) if (due.size < share && since(device, now) >= paceOf(device).lazy_ms) due.add(device);
      if (write([...due])) for (const device of due) note(device, now);
    },
    flush: () => void write([...new Set([...soon, ...lazy])]),
  };
};

const asDocument = ([key, memo]: readonly [string, TraceMemo | null]): Change => ({
  ...{ kind: 'document', collection: COLLECTION, key },
  value: memo as unknown as Json,
});

const sizeOf = (memo: TraceMemo | null): number =>
  (memo?.series ?? []).reduce<number>((sum, [, { times }]) => sum + BYTES.series + BYTES.point * times.length, BYTES.document);
