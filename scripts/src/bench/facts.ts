/** What a figure is worth: the machine it was measured on, and how much processor and memory a process took. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

/** Lines for people: processor, memory, Node, and what an fdatasync of the temporary folder costs. */
export const machineFacts = (): string[] => {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}`,
    `fdatasync of 4 KiB in ${tmpdir()}: p50 ${fsyncMs().toFixed(2)} ms`,
  ];
};

const SYNCS = 50;

const fsyncMs = (): number => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-fsync-'));
  const file = openSync(join(folder, 'probe'), 'w');
  const block = Buffer.alloc(4_096, 1);
  try {
    const times = Array.from({ length: SYNCS }, () => {
      const started = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      return performance.now() - started;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** By nearest rank; NaN of nothing. */
export const percentile = (values: ArrayLike<number>, share: number): number => {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

/** USER_HZ: fixed at 100 in the Linux ABI. */
const TICKS_PER_S = 100;

/** Seconds of processor that all threads of a process have taken, and those of its main thread. */
export interface CpuTime {
  total: number;
  user: number;
  system: number;
  main: number;
}

export const cpuOf = (pid: number): CpuTime => {
  const [user, system] = ticksOf(`/proc/${pid}/stat`);
  const [main_user, main_system] = ticksOf(`/proc/${pid}/task/${pid}/stat`);
  return { total: user + system, user, system, main: main_user + main_system };
};

export const cpuBetween = (before: CpuTime, after: CpuTime): CpuTime => ({
  total: after.total - before.total,
  user: after.user - before.user,
  system: after.system - before.system,
  main: after.main - before.main,
});

/** The name in brackets may hold spaces: fields are counted from its end. */
const ticksOf = (path: string): [user: number, system: number] => {
  const text = readFileSync(path, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return [Number(fields[11]) / TICKS_PER_S, Number(fields[12]) / TICKS_PER_S];
};

/** CPU seconds of each thread, the busiest first. */
export const threadsOf = (pid: number): Map<string, number> =>
  new Map(
    readdirSync(`/proc/${pid}/task`).map((thread) => {
      const [user, system] = ticksOf(`/proc/${pid}/task/${thread}/stat`);
      return [thread, user + system];
    }),
  );

export const rssMib = (pid: number): number => {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? Number.NaN) / 1_024;
};
