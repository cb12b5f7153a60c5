/** When this hub was not running: what it did not watch it calls neither up nor down. */
import type { Clock } from '@muster/shared/clock';
import { documentsOf } from '../shelf.js';
import type { Json, Recovered, Writer } from '../store/store.js';
import type { Stay } from './history.js';

const COLLECTION = 'hub_absences';
const KEY = 'hub';
/** A hub that is killed is known to have run until so long before; each time is a page of the store. */
const ALIVE_MS = 900_000;
/** A restart. */
const SHORT_MS = 60_000;
/** Absences kept, newest; a hub that is away every night fills them in half a year. */
const MOST = 200;
const BYTES = 10_000;

interface Kept {
  alive: number;
  /** It said that it stops. */
  stopped: boolean;
  absences: { from: number; to: number }[];
}

export const createAbsences = (
  { writer, clock }: { writer: Pick<Writer, 'queue' | 'accepts'>; clock: Clock },
  documents: Recovered['documents'],
) => {
  let kept = documentsOf<Kept>(documents, COLLECTION).get(KEY) ?? null;
  let end: (() => void) | null = null;
  const save = (stopped: boolean) => {
    kept = { alive: clock.now(), stopped, absences: kept?.absences ?? [] };
    const change = { kind: 'document', collection: COLLECTION, key: KEY, value: kept as unknown as Json } as const;
    if (writer.accepts(BYTES)) writer.queue([change], { bytes: BYTES });
  };
  return {
    start() {
      if (end) return;
      const to = clock.now();
      if (kept && to - kept.alive > (kept.stopped ? SHORT_MS : ALIVE_MS + SHORT_MS))
        kept = { ...kept, absences: [...kept.absences, { from: kept.alive, to }].slice(-MOST) };
      save(false);
      end = clock.every(ALIVE_MS, () => save(false));
    },
    stop() {
      if (!end) return;
      end();
      end = null;
      save(true);
    },
    /** The stays of a device, but for what nobody watched. */
    cut: (stays: readonly Stay[]): Stay[] => stays.flatMap((stay) => cutOne(stay, kept?.absences ?? [])),
  };
};

const cutOne = (stay: Stay, absences: Kept['absences']): Stay[] => {
  if (stay.state === 'never_seen') return [stay];
  const parts: Stay[] = [];
  let { from } = stay;
  for (const gap of absences) {
    if (gap.to <= from || gap.from >= stay.to) continue;
    const to = Math.min(gap.to, stay.to);
    if (gap.from > from) parts.push({ ...stay, from, to: gap.from });
    parts.push({ state: 'reconnecting', from: Math.max(gap.from, from), to });
    from = to;
  }
  if (from < stay.to) parts.push({ ...stay, from });
  return parts;
};
