import { counter, gauge, type Sample } from '@muster/shared/metrics';
import { countAfter, countIn, sample, wordsOf } from '@muster/shared/parse';
import * as v from 'valibot';
import { defineProbe, type Host } from '../probe.js';

/** The kernel keeps this much of a program's name. */
const COMM_CHARS = 15;
/** USER_HZ is 100 on every machine that Node runs on. */
const TICKS_PER_S = 100;
/** All processes are looked through so often, and as soon as a watched one is gone. */
const LOOK_AGAIN_MS = 120_000;
const MOST_PROCESSES = 64;
const KIB = 1_024;

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(100));
const settings = v.object({
  processes: v.optional(
    v.pipe(
      v.array(v.union([text, v.object({ name: text, command: text })])),
      v.maxLength(20),
      v.description(
        'Names of programs, such as "lotus-miner" or "storagenode", or {name, command} where `command` is text in the command line, for what Python, Java or Node runs',
      ),
    ),
    [],
  ),
});

interface Watched {
  name: string;
  /** By pid and start time, which together come once: processor ticks when it was last seen. */
  ticks: Map<string, number>;
  total_ticks: number;
}

interface Memory {
  watched: Map<string, Watched>;
  looked_at: number | null;
}

interface Running {
  pid: string;
  key: string;
  ticks: number;
  started_ticks: number;
}

/** Walks through /proc only when there is something to look for. */
export default defineProbe<Memory, v.InferOutput<typeof settings>>({
  id: 'process_watch',
  title: 'Watched processes',
  every: 30_000,
  metrics: {
    'process.count': gauge('{process}', 'Running processes of a watched program'),
    'process.memory.usage': gauge('By', 'Memory of a watched program', { resolution: 1_048_576 }),
    'process.cpu.time': counter('s', 'Processor time of a watched program', { resolution: 0.01 }),
    'process.uptime': gauge('s', 'Time since the newest process of a watched program started', { resolution: 1 }),
    'process.unix.file_descriptor.count': gauge('{file_descriptor}', 'Files and sockets that a watched program has open'),
  },
  settings,
  silent: 'No program is watched: name some in probes.process_watch.processes, such as ["lotus-miner", "storagenode"]',
  memory: () => ({ watched: new Map(), looked_at: null }),
  async read({ host, memory, settings: { processes } }) {
    if (processes.length === 0) return null;
    const wanted = processes.map((one) => (typeof one === 'string' ? { name: one, command: null } : one));
    if (memory.looked_at === null || host.monotonic() - memory.looked_at >= LOOK_AGAIN_MS || someGone(host, memory)) {
      look(host, wanted, memory);
    }
    const uptime_s = countIn(wordsOf(host.read('/proc/uptime') ?? '')[0]);
    return [...memory.watched.values()].flatMap((one) => samplesOf(host, one, uptime_s));
  },
});

const someGone = (host: Host, memory: Memory): boolean =>
  [...memory.watched.values()].some(({ ticks }) => [...ticks.keys()].some((key) => runningOf(host, key)?.key !== key));

const look = (host: Host, wanted: readonly { name: string; command: string | null }[], memory: Memory): void => {
  memory.looked_at = host.monotonic();
  const pids = host.list('/proc').filter((name) => /^\d{1,10}$/.test(name));
  const names = new Map(pids.map((pid) => [pid, host.read(`/proc/${pid}/comm`)?.trim() ?? '']));
  for (const { name, command } of wanted) {
    const fits = (pid: string) =>
      command === null ? names.get(pid) === name.slice(0, COMM_CHARS) : commandOf(host, pid).includes(command);
    const found = pids.filter(fits).slice(0, MOST_PROCESSES);
    const known = memory.watched.get(name) ?? { name, ticks: new Map(), total_ticks: 0 };
    const keys = found.flatMap((pid) => runningOf(host, pid)?.key ?? []);
    // A process that is seen for the first time counts from its start; the agent's own first look is no such time.
    const first = !memory.watched.has(name);
    known.ticks = new Map(keys.map((key) => [key, known.ticks.get(key) ?? (first ? (runningOf(host, key)?.ticks ?? 0) : 0)]));
    memory.watched.set(name, known);
  }
};

/** Words of the command line are parted by zero bytes. */
const commandOf = (host: Host, pid: string): string => (host.read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ');

/** `1234 (lotus-miner) S 1 …`: the name may hold blanks and brackets, so fields count from its last bracket. `of` is a pid or a key. */
const runningOf = (host: Host, of: string): Running | null => {
  const pid = of.replace(/:.*/, '');
  const stat = host.read(`/proc/${pid}/stat`) ?? '';
  const fields = wordsOf(stat.slice(stat.lastIndexOf(')') + 1));
  const user = countIn(fields[11]);
  const system = countIn(fields[12]);
  const started_ticks = countIn(fields[19]);
  // A zombie has ended; nobody has taken note of it yet.
  if (user === null || system === null || started_ticks === null || fields[0] === 'Z') return null;
  return { pid, key: `${pid}:${started_ticks}`, ticks: user + system, started_ticks };
};

const samplesOf = (host: Host, watched: Watched, uptime_s: number | null): Sample[] => {
  const labels = { process: watched.name };
  const running = [...watched.ticks.keys()].flatMap((key) => {
    const one = runningOf(host, key);
    return one?.key === key ? [one] : [];
  });
  for (const { key, ticks } of running) {
    watched.total_ticks += Math.max(0, ticks - (watched.ticks.get(key) ?? 0));
    watched.ticks.set(key, ticks);
  }
  const count = sample('process.count', running.length, labels);
  const cpu = sample('process.cpu.time', watched.total_ticks / TICKS_PER_S, labels);
  if (running.length === 0) return [...count, ...cpu];
  const newest_s = Math.max(...running.map(({ started_ticks }) => started_ticks)) / TICKS_PER_S;
  return [
    ...count,
    ...cpu,
    ...sample('process.memory.usage', sumOf(running.map(({ pid }) => memoryOf(host, pid))), labels),
    ...sample('process.uptime', uptime_s === null ? null : Math.max(0, uptime_s - newest_s), labels),
    ...sample('process.unix.file_descriptor.count', sumOf(running.map(({ pid }) => openFiles(host, pid))), labels),
  ];
};

/** In kilobytes: pages have other sizes on other machines (16 KB on a Pi 5). */
const memoryOf = (host: Host, pid: string): number | null => {
  const kilobytes = countAfter(host.read(`/proc/${pid}/status`) ?? '', 'VmRSS:');
  return kilobytes === null ? null : kilobytes * KIB;
};

/** Only its own user and root may look there; every process has at least one. */
const openFiles = (host: Host, pid: string): number | null => host.list(`/proc/${pid}/fd`).length || null;

const sumOf = (values: readonly (number | null)[]): number | null =>
  values.some((value) => value === null) ? null : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
