import { gauge } from '@muster/shared/metrics';
import { countIn, linesOf, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const POLICIES = '/sys/devices/system/cpu/cpufreq';
/** Big servers have a frequency file per core; a few tell whether the machine is throttled. */
const MOST_POLICIES = 4;

interface Times {
  busy: number;
  total: number;
}

interface Memory {
  before: Times | null;
  frequency_files: string[] | null;
}

export default defineProbe<Memory>({
  id: 'cpu',
  title: 'Processor',
  every: 10_000,
  metrics: {
    'system.cpu.utilization': gauge('1', 'CPU utilization', { resolution: 0.001 }),
    'system.cpu.logical.count': gauge('{cpu}', 'Logical CPUs'),
    'system.cpu.frequency': gauge('Hz', 'CPU frequency', { resolution: 10_000_000 }),
  },
  memory: () => ({ before: null, frequency_files: null }),
  async read({ host, memory }) {
    const stat = host.read('/proc/stat');
    if (stat === null) return null;
    const { before } = memory;
    const now = timesOf(stat);
    memory.before = now;
    memory.frequency_files ??= frequencyFiles(host);
    if (!before || !now) return [];
    return [
      ...sample('system.cpu.utilization', utilization(before, now)),
      ...sample('system.cpu.logical.count', stat.match(/^cpu\d+ /gm)?.length ?? null),
      ...sample('system.cpu.frequency', meanFrequency(host, memory.frequency_files)),
    ];
  },
});

/** `cpu  user nice system idle iowait irq softirq steal guest guest_nice`; guest time is part of user time already. */
const timesOf = (stat: string): Times | null => {
  const [name, ...rest] = wordsOf(linesOf(stat)[0] ?? '');
  const ticks = rest.slice(0, 8).map(countIn);
  const [, , , idle, waiting = 0] = ticks;
  if (name !== 'cpu' || ticks.includes(null) || idle === undefined) return null;
  const total = ticks.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return { busy: total - (idle ?? 0) - (waiting ?? 0), total };
};

/** The kernel lets idle and iowait step back a little, so busy time is held between none and all. */
const utilization = (before: Times, now: Times): number | null => {
  const passed = now.total - before.total;
  if (passed <= 0) return null;
  return Math.min(1, Math.max(0, (now.busy - before.busy) / passed));
};

const frequencyFiles = (host: Host): string[] =>
  host
    .list(POLICIES)
    .filter((name) => /^policy\d+$/.test(name))
    .slice(0, MOST_POLICIES)
    .map((name) => `${POLICIES}/${name}/scaling_cur_freq`);

const meanFrequency = (host: Host, files: readonly string[]): number | null => {
  const values = files.map((file) => countIn(host.read(file))).filter((kilohertz) => kilohertz !== null);
  if (values.length === 0) return null;
  return (values.reduce((sum, value) => sum + value, 0) / values.length) * 1_000;
};
