import { counter, gauge, type Sample } from './metrics.js';
import { countIn, mapped, ratioOfPercent, sample } from './parse.js';

/** What graphics cards of every maker tell alike. */
export const MIB = 1_048_576;

export const GPU_METRICS = {
  'hw.gpu.utilization': gauge('1', 'GPU utilization', { resolution: 0.01 }),
  'hw.gpu.memory.usage': gauge('By', 'GPU memory used', { resolution: MIB }),
  'hw.gpu.memory.limit': gauge('By', 'GPU memory size', { resolution: MIB }),
  'hw.gpu.memory.utilization': gauge('1', 'GPU memory utilization', { resolution: 0.001 }),
  'hw.temperature': gauge('Cel', 'Temperature'),
  'hw.power': gauge('W', 'Power', { resolution: 0.1 }),
  'hw.power.limit': gauge('W', 'Power limit', { resolution: 0.1 }),
};

/** Beside the load: what a card in trouble shows first. */
export const GPU_HEALTH_METRICS = {
  'hw.gpu.present': gauge('1', 'Whether a GPU that was seen still answers'),
  'hw.gpu.frequency': gauge('Hz', 'GPU clock', { resolution: 10_000_000 }),
  'hw.gpu.throttled': gauge('1', 'Whether the GPU clock is held down, by reason'),
  'hw.gpu.errors': counter('{error}', 'GPU errors'),
  'hw.gpu.pcie.generation': gauge('1', 'PCIe generation of the GPU link'),
  'hw.gpu.pcie.width': gauge('{lane}', 'PCIe lanes of the GPU link'),
};

export interface GpuLoad {
  busy_percent: number | null;
  used_bytes: number | null;
  size_bytes: number | null;
}

/** A size of 0 is none. */
export const gpuLoad = (gpu: string, { busy_percent, used_bytes, size_bytes }: GpuLoad): Sample[] => {
  const size = size_bytes || null;
  return [
    ...sample('hw.gpu.utilization', ratioOfPercent(busy_percent), { gpu }),
    ...sample('hw.gpu.memory.usage', used_bytes, { gpu }),
    ...sample('hw.gpu.memory.limit', size, { gpu }),
    ...sample('hw.gpu.memory.utilization', size === null ? null : mapped(used_bytes, (bytes) => bytes / size), { gpu }),
  ];
};

export const MEGAHERTZ = 1_000_000;

export const gpuClock = (gpu: string, domain: string, megahertz: string | null | undefined): Sample[] =>
  sample(
    'hw.gpu.frequency',
    mapped(countIn(megahertz), (value) => value * MEGAHERTZ),
    { gpu, domain },
  );
