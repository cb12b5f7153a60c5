/** What could not be used: counted by reason, a bounded part kept with a sample so that an operator can see why. */
import type { WireError } from '@muster/shared/wire/codec';
import type { QuarantineCounts } from '../parts.js';
import type { Change, Writer } from '../store/store.js';
import { INGEST_LIMITS as L } from './limits.js';

export type QuarantineReason = WireError | 'clock' | 'not_granted' | 'too_many_series' | 'internal';

export interface Problem {
  device: string;
  agent: string;
  reason: QuarantineReason;
  detail: string;
  payload: Uint8Array;
}

export interface Quarantine {
  /** The change to queue at once, in order (it holds a log number); null when it is only counted. */
  put(problem: Problem): Change | null;
  counts(): QuarantineCounts;
}

export const createQuarantine = (needs: { writer: Pick<Writer, 'number'>; now: () => number }): Quarantine => {
  const counts = new Map<string, number>();
  let second = 0;
  let stored = 0;
  /** At most ten a second are stored: a flood must not wear the disk. */
  const hasRoom = (ts: number): boolean => {
    const current = Math.floor(ts / 1000);
    if (current !== second) {
      second = current;
      stored = 0;
    }
    return stored++ < L.quarantined_per_s;
  };
  return {
    put({ device, agent, reason, detail, payload }) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      const ts = needs.now();
      if (!hasRoom(ts)) return null;
      const value = { agent, reason, detail: detail.slice(0, 500), bytes: payload.byteLength, payload: sampleOf(payload) };
      return {
        kind: 'log',
        log: 'quarantine',
        number: needs.writer.number('quarantine'),
        ts,
        device,
        value,
        keep: L.quarantined,
      };
    },
    counts: () => Object.fromEntries(counts),
  };
};

const sampleOf = (payload: Uint8Array): string => Buffer.from(payload.subarray(0, L.sample_bytes)).toString('utf8');
