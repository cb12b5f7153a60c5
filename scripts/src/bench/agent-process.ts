/** What one process took while it was watched: memory by looks, processor by difference, children by two signs. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpuBetween, cpuOf, median } from './facts.js';

export interface Footprint {
  seconds: number;
  rss_mib: number;
  rss_most_mib: number;
  private_mib: number;
  cpu_s_per_h: number;
  kernel_s_per_h: number;
  /** Child processes that were started. */
  children: number;
}

const LOOK_MS = 10_000;
const CHILDREN_MS = 100;

export const watchProcess = (pid: number): { end(): Footprint } => {
  const begun = { at: performance.now(), cpu: cpuOf(pid) };
  const looks: Memory[] = [memoryOf(pid)];
  const looking = setInterval(() => looks.push(memoryOf(pid)), LOOK_MS);
  const children = countChildren(pid);
  return {
    end() {
      clearInterval(looking);
      const seconds = (performance.now() - begun.at) / 1_000;
      const used = cpuBetween(begun.cpu, cpuOf(pid));
      const rss = looks.map((look) => look.rss_mib);
      return {
        seconds,
        rss_mib: median(rss),
        rss_most_mib: Math.max(...rss),
        private_mib: median(looks.map((look) => look.private_mib)),
        cpu_s_per_h: (used.total * 3_600) / seconds,
        kernel_s_per_h: (used.system * 3_600) / seconds,
        children: children.end(),
      };
    },
  };
};

interface Memory {
  rss_mib: number;
  private_mib: number;
}

const memoryOf = (pid: number): Memory => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) / 1_024;
  return { rss_mib: mib('Rss'), private_mib: mib('Private_Clean') + mib('Private_Dirty') };
};

/**
 * A child between two looks is missed by a list of children, but not by the page faults of children that were waited for:
 * there is no process without one. Several between two looks count as one.
 */
const countChildren = (pid: number): { end(): number } => {
  let faults = faultsOfEnded(pid);
  let known: ReadonlySet<string> = new Set(childrenOf(pid));
  let count = 0;
  const look = () => {
    const alive = new Set(childrenOf(pid));
    const fresh = [...alive].filter((child) => !known.has(child)).length;
    const ended = [...known].filter((child) => !alive.has(child)).length;
    const now = faultsOfEnded(pid);
    // A child that was seen alive raises the faults too when it ends.
    count += fresh + (now !== faults && ended === 0 ? 1 : 0);
    known = alive;
    faults = now;
  };
  const looking = setInterval(look, CHILDREN_MS);
  return {
    end() {
      clearInterval(looking);
      look();
      return count;
    },
  };
};

const childrenOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );

/** Minor and major faults of children that were waited for: fields 11 and 13 of proc(5). */
const faultsOfEnded = (pid: number): number => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[8]) + Number(fields[10]);
};
