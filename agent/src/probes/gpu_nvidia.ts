import { GPU_METRICS, gpuLoad, MIB } from '@muster/shared/gpu';
import { gauge, type Sample } from '@muster/shared/metrics';
import { countIn, mapped, numberIn, plausibleCelsius, ratioOfPercent, sample } from '@muster/shared/parse';
import { defineProbe, type LineSource } from '../probe.js';

const PERIOD_S = 10;
const STALE_MS = 3 * PERIOD_S * 1_000;
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
    ...GPU_METRICS,
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
  const bytesIn = (mib: string | undefined) => mapped(countIn(mib), (count) => count * MIB);
  return [
    ...gpuLoad(uuid, { busy_percent: numberIn(busy), used_bytes: bytesIn(used), size_bytes: bytesIn(total) }),
    ...sample('hw.temperature', plausibleCelsius(numberIn(temperature)), labels),
    ...sample('hw.power', countIn(power), labels),
    ...sample('hw.power.limit', countIn(limit), labels),
    ...sample('hw.fan_speed_ratio', ratioOfPercent(numberIn(fan)), labels),
  ];
};
