import { GPU_HEALTH_METRICS, GPU_METRICS, gpuClock, gpuLoad, MIB } from '@muster/shared/gpu';
import { gauge, type Sample } from '@muster/shared/metrics';
import {
  essentialOf,
  isLost,
  NVIDIA_COLUMNS,
  type NvidiaColumn,
  type NvidiaRow,
  nvidiaArguments,
  nvidiaRows,
  reasonsIn,
  shortBus,
  unreachable,
  withoutRefused,
} from '@muster/shared/nvidia';
import { countIn, mapped, numberIn, plausibleCelsius, ratioOfPercent, sample } from '@muster/shared/parse';
import { defineProbe, type Host, type LineSource } from '../probe.js';

const PERIOD_S = 10;
const STALE_MS = 3 * PERIOD_S * 1_000;
const MOST_CARDS = 64;

interface Card {
  bus: string;
  present: boolean;
}

interface Memory {
  source: LineSource | null;
  /** What this driver lets us ask. */
  columns: readonly NvidiaColumn[];
  /** By UUID, since the agent started. */
  known: Map<string, Card>;
}

/** One `nvidia-smi` for the life of the agent: starting it takes up to seconds of CPU on a host with many GPUs. */
export default defineProbe<Memory>({
  id: 'gpu_nvidia',
  title: 'NVIDIA GPUs',
  every: PERIOD_S * 1_000,
  silent: 'There is no program nvidia-smi here, or it finds no GPU; it comes with the NVIDIA driver.',
  metrics: {
    ...GPU_METRICS,
    ...GPU_HEALTH_METRICS,
    'hw.gpu.encoder.utilization': gauge('1', 'GPU video encoder utilization', { resolution: 0.01 }),
    'hw.gpu.decoder.utilization': gauge('1', 'GPU video decoder utilization', { resolution: 0.01 }),
    'hw.fan_speed_ratio': gauge('1', 'Fan speed, of its maximum', { resolution: 0.01 }),
  },
  memory: () => ({ source: null, columns: NVIDIA_COLUMNS, known: new Map() }),
  async read({ host, memory }) {
    memory.source ??= host.follow('nvidia-smi', nvidiaArguments(memory.columns, PERIOD_S));
    const { source, known } = memory;
    if (!source) return null;
    const lines = source.lines();
    const none = lines.some((line) => /^No devices were found/.test(line));
    if (none && known.size === 0) return end(memory);
    if (askLess(host, memory, source)) return [];
    const rows = isFresh(host, source) ? nvidiaRows(memory.columns, lines) : [];
    note(known, rows, none ? [...known.values()].map(({ bus }) => bus) : unreachable(lines));
    return [...presence(known, rows.length > 0), ...rows.flatMap(samplesOf)];
  },
  close: (memory) => void end(memory),
});

const end = (memory: Memory): null => {
  memory.source?.stop();
  memory.source = null;
  return null;
};

const isFresh = (host: Host, source: LineSource): boolean => {
  const last = source.last_line_at();
  return last !== null && host.monotonic() - last <= STALE_MS;
};

/** True when a query was refused and a smaller one has been started. Some versions refuse without a word on standard output. */
const askLess = (host: Host, memory: Memory, source: LineSource): boolean => {
  const lines = source.lines();
  const mute = !source.alive() && lines.length === 0 && memory.known.size === 0;
  const columns = mute ? essentialOf(memory.columns) : withoutRefused(memory.columns, lines);
  if (columns === null) return false;
  source.stop();
  memory.columns = columns;
  memory.source = host.follow('nvidia-smi', nvidiaArguments(columns, PERIOD_S));
  return true;
};

/** A card whose row went missing, or shows nothing but errors, or that nvidia-smi names as out of reach, is gone until it shows again. */
const note = (known: Map<string, Card>, rows: readonly NvidiaRow[], gone: readonly string[]) => {
  const answering = new Set(rows.filter((row) => !isLost(row)).map(({ uuid }) => uuid));
  for (const [uuid, card] of known) {
    if (rows.length > 0) card.present = answering.has(uuid);
    else if (gone.includes(card.bus)) card.present = false;
  }
  for (const { uuid, bus } of rows) {
    if (uuid === undefined || known.has(uuid) || known.size >= MOST_CARDS) continue;
    known.set(uuid, { bus: shortBus(bus ?? ''), present: answering.has(uuid) });
  }
};

/** Without rows nothing is known of the cards but that some are gone. */
const presence = (known: ReadonlyMap<string, Card>, answered: boolean): Sample[] =>
  [...known]
    .filter(([, { present }]) => answered || !present)
    .map(([gpu, { present }]) => ({ metric: 'hw.gpu.present', labels: { gpu }, value: Number(present) }));

/** What a card cannot tell is `[N/A]`, `[Not Supported]`, `[Unknown Error]` or `ERR!`, and gives no sample. */
const samplesOf = (row: NvidiaRow): Sample[] => {
  const { uuid: gpu = '' } = row;
  return [
    ...gpuLoad(gpu, { busy_percent: numberIn(row.busy), used_bytes: bytesIn(row.used), size_bytes: bytesIn(row.total) }),
    ...sample('hw.gpu.encoder.utilization', ratioOfPercent(numberIn(row.encoder)), { gpu }),
    ...sample('hw.gpu.decoder.utilization', ratioOfPercent(numberIn(row.decoder)), { gpu }),
    ...sample('hw.temperature', plausibleCelsius(numberIn(row.temperature)), { gpu }),
    ...sample('hw.temperature', plausibleCelsius(numberIn(row.memory_temperature)), { gpu, sensor: 'memory' }),
    ...sample('hw.power', countIn(row.power), { gpu }),
    ...sample('hw.power.limit', countIn(row.power_limit), { gpu }),
    ...sample('hw.fan_speed_ratio', ratioOfPercent(numberIn(row.fan)), { gpu }),
    ...health(gpu, row),
  ];
};

const bytesIn = (mib: string | undefined): number | null => mapped(countIn(mib), (count) => count * MIB);

const health = (gpu: string, row: NvidiaRow): Sample[] => [
  ...gpuClock(gpu, 'graphics', row.graphics_clock),
  ...gpuClock(gpu, 'memory', row.memory_clock),
  ...reasonsIn(row.reasons).flatMap(([reason, active]) => sample('hw.gpu.throttled', Number(active), { gpu, reason })),
  ...sample('hw.gpu.errors', countIn(row.corrected), { gpu, type: 'ecc_corrected' }),
  ...sample('hw.gpu.errors', countIn(row.uncorrected), { gpu, type: 'ecc_uncorrected' }),
  ...sample('hw.gpu.pcie.generation', countIn(row.generation), { gpu }),
  ...sample('hw.gpu.pcie.width', countIn(row.width), { gpu }),
];
