import { gauge, type Sample } from '@muster/shared/metrics';
import { countIn, mapped, numberIn, plausibleCelsius, ratioOfPercent, sample } from '@muster/shared/parse';
import { defineProbe, type LineSource } from '../probe.js';

const PERIOD_S = 10;
const STALE_MS = 3 * PERIOD_S * 1_000;
const MIB = 1_048_576;
const FIELDS = [
  'uuid',
  'index',
  'name',
  'utilization.gpu',
  'utilization.memory',
  'memory.used',
  'memory.total',
  'temperature.gpu',
  'power.draw',
  'power.limit',
  'fan.speed',
];
const ARGS = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits', '-l', String(PERIOD_S)];
/** Warnings and XID reports come between the rows; behind more of them than this the rows are too old to trust. */
const MOST_OTHER_LINES = 16;

interface Memory {
  source: LineSource | null;
  seen: boolean;
}

/** One `nvidia-smi` for the life of the agent: starting it takes up to seconds of CPU on a host with many GPUs. */
export default defineProbe<Memory>({
  id: 'gpu_nvidia',
  title: 'NVIDIA GPUs',
  every: PERIOD_S * 1_000,
  metrics: {
    'hw.gpu.utilization': gauge('1', 'GPU utilization', { resolution: 0.01 }),
    'hw.gpu.memory.usage': gauge('By', 'GPU memory used', { resolution: MIB }),
    'hw.gpu.memory.limit': gauge('By', 'GPU memory size', { resolution: MIB }),
    'hw.gpu.memory.utilization': gauge('1', 'GPU memory utilization', { resolution: 0.001 }),
    'hw.temperature': gauge('Cel', 'Temperature'),
    'hw.power': gauge('W', 'Power', { resolution: 0.1 }),
    'hw.power.limit': gauge('W', 'Power limit', { resolution: 0.1 }),
    'hw.fan_speed_ratio': gauge('1', 'Fan speed, of its maximum', { resolution: 0.01 }),
  },
  memory: () => ({ source: null, seen: false }),
  async read({ host, memory }) {
    memory.source ??= host.follow('nvidia-smi', ARGS);
    const { source } = memory;
    if (!source) return null;
    const lines = source.lines();
    if (!memory.seen && lines.some((line) => /^No devices were found/.test(line))) return end(memory);
    const last = source.last_line_at();
    if (last === null || host.monotonic() - last > STALE_MS) return [];
    const rows = newestRows(lines);
    memory.seen ||= rows.length > 0;
    return rows.flatMap(samplesOf);
  },
  close: (memory) => void end(memory),
});

const end = (memory: Memory): null => {
  memory.source?.stop();
  memory.source = null;
  return null;
};

/** The newest row of each GPU that still answers: from the end back to the first GPU that comes a second time. */
const newestRows = (lines: readonly string[]): string[][] => {
  const rows = new Map<string, string[]>();
  let others = 0;
  for (const line of lines.toReversed()) {
    const row = line.split(',').map((field) => field.trim());
    const uuid = row[0] ?? '';
    const other = row.length !== FIELDS.length || !/^(GPU|MIG)-[\w/-]{8,80}$/.test(uuid);
    if (other) others++;
    if (others > MOST_OTHER_LINES || rows.has(uuid)) break;
    if (!other) rows.set(uuid, row);
  }
  return [...rows.values()].reverse();
};

/** `GPU-5f2b1c9e-…, 0, NVIDIA GeForce RTX 3090, 97, 62, 21474, 24576, 71, 348.12, 350.00, 78`; what a card cannot tell is
 * `[N/A]`, `[Not Supported]`, `[Unknown Error]` or `ERR!`, and gives no sample. */
const samplesOf = (row: readonly string[]): Sample[] => {
  const [uuid = '', , , busy, , used, total, temperature, power, limit, fan] = row;
  const labels = { gpu: uuid };
  const usage = mapped(countIn(used), (mib) => mib * MIB);
  const size = mapped(countIn(total), (mib) => mib * MIB) || null;
  return [
    ...sample('hw.gpu.utilization', ratioOfPercent(numberIn(busy)), labels),
    ...sample('hw.gpu.memory.usage', usage, labels),
    ...sample('hw.gpu.memory.limit', size, labels),
    ...sample('hw.gpu.memory.utilization', size === null ? null : mapped(usage, (bytes) => bytes / size), labels),
    ...sample('hw.temperature', plausibleCelsius(numberIn(temperature)), labels),
    ...sample('hw.power', countIn(power), labels),
    ...sample('hw.power.limit', countIn(limit), labels),
    ...sample('hw.fan_speed_ratio', ratioOfPercent(numberIn(fan)), labels),
  ];
};
