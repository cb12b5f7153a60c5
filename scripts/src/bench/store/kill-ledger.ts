import type { Recovered } from '@muster/hub/store/store';
import { KILL_COLUMNS, killDevice, killTs, killValues } from './kill-rows.js';
import type { KillTask } from './kill-writer.js';

/** Remembers what was sent and acknowledged over all runs, and compares it with what a file holds. */
export interface Tally {
  acknowledged: number;
  /** Acknowledged, but the row or its seq is not there. */
  lost: number;
  /** A row that is there more than once. */
  twice: number;
  /** Rows with other values than were sent, or that nobody sent. */
  wrong: number;
}

export interface Ledger {
  begin(boot: string, most: number): Omit<KillTask, 'file'>;
  /** A line of the writer: boot, device, seq, boot, device, seq, … */
  acknowledge(line: string): void;
  compare(sequences: Recovered['sequences'], read: ReadRows): Promise<Tally>;
}

type ReadRows = (device: string, after: number) => Promise<{ ts: number; series: Record<string, number> }[]>;

interface Run {
  boot: string;
  base: number;
  /** Acknowledged seqs of each device. */
  acknowledged: Set<number>[];
}

/** Rows that may have been on their way beyond the newest acknowledged one. */
const AHEAD = 64;

export const newLedger = ({ devices, start }: { devices: number; start: number }): Ledger => {
  const runs = new Map<string, Run>();
  let last: Run | null = null;
  return {
    begin(boot, most) {
      const again = last ? unanswered(last) : [];
      const base = last ? last.base + Math.max(0, ...last.acknowledged.map(newest)) + AHEAD : 0;
      last = { boot, base, acknowledged: Array.from({ length: devices }, () => new Set()) };
      runs.set(boot, last);
      return { devices, start, boot, base, most, again };
    },
    acknowledge(line) {
      const words = line.split(' ');
      // The last line of a killed process may be cut short.
      for (let at = 0; at + 2 < words.length; at += 3)
        runs.get(words[at] ?? '')?.acknowledged[Number(words[at + 1])]?.add(Number(words[at + 2]));
    },
    async compare(sequences, read) {
      const tally: Tally = { acknowledged: 0, lost: 0, twice: 0, wrong: 0 };
      for (let device = 0; device < devices; device++) await compareDevice({ device, start, runs, read, sequences }, tally);
      return tally;
    },
  };
};

const newest = (seqs: Set<number>): number => Math.max(0, ...seqs);

const unanswered = ({ boot, base, acknowledged }: Run): KillTask['again'] =>
  acknowledged.map((seqs, device) => ({ device, boot, base, from: newest(seqs) + 1, to: newest(seqs) + AHEAD / 2 }));

interface Comparing {
  device: number;
  start: number;
  runs: ReadonlyMap<string, Run>;
  sequences: Recovered['sequences'];
  read: ReadRows;
}

const compareDevice = async (comparing: Comparing, tally: Tally): Promise<void> => {
  const { device, read } = comparing;
  const missing = expectedTimes(comparing, tally);
  let before = Number.NEGATIVE_INFINITY;
  for (let page = await read(killDevice(device), 0); page.length; page = await read(killDevice(device), before))
    for (const { ts, series } of page) {
      if (ts <= before) tally.twice += 1;
      else if (!isRight(device, ts, series)) tally.wrong += 1;
      missing.delete(ts);
      before = Math.max(before, ts);
    }
  tally.lost += missing.size;
  tally.lost += unmarked(comparing);
};

const expectedTimes = ({ device, start, runs }: Comparing, tally: Tally): Set<number> => {
  const times = new Set<number>();
  for (const { base, acknowledged } of runs.values())
    for (const seq of acknowledged[device] ?? []) times.add(killTs(start, device, base + seq));
  tally.acknowledged += times.size;
  return times;
};

/** Values follow from device and time: so do times from the beat. */
const isRight = (device: number, ts: number, series: Record<string, number>): boolean => {
  const values = killValues(device, ts);
  return KILL_COLUMNS.every((column, index) => (series[column] ?? null) === values[index]);
};

/** Acknowledged seqs that the file does not know of: they would be stored again. */
const unmarked = ({ device, runs, sequences }: Comparing): number => {
  const known = new Map(sequences.filter((one) => one.device === killDevice(device)).map((one) => [one.boot, one.intervals]));
  let count = 0;
  for (const { boot, acknowledged } of runs.values()) {
    const intervals = known.get(boot) ?? [];
    for (const seq of acknowledged[device] ?? []) if (!intervals.some(([from, to]) => seq >= from && seq <= to)) count += 1;
  }
  return count;
};
