import { gauge, type Sample } from '@muster/shared/metrics';
import { countAfter, mapped, sample } from '@muster/shared/parse';
import { defineProbe } from '../probe.js';

const KIB = 1_024;
const MIB = 1_048_576;

export default defineProbe({
  id: 'memory',
  title: 'Memory',
  every: 10_000,
  metrics: {
    'system.memory.limit': gauge('By', 'Memory size', { resolution: KIB }),
    'system.memory.usage': gauge('By', 'Memory used', { resolution: MIB }),
    'system.memory.utilization': gauge('1', 'Memory utilization', { resolution: 0.001 }),
    'system.linux.memory.available': gauge('By', 'Memory available', { resolution: MIB }),
    'system.paging.limit': gauge('By', 'Swap size', { resolution: KIB }),
    'system.paging.usage': gauge('By', 'Swap used', { resolution: MIB }),
    'system.paging.utilization': gauge('1', 'Swap utilization', { resolution: 0.001 }),
  },
  async read({ host }) {
    const text = host.read('/proc/meminfo');
    return text === null ? null : [...memory(text), ...swap(text)];
  },
});

const bytesAfter = (text: string, name: string): number | null => mapped(countAfter(text, `${name}:`), (kib) => kib * KIB);

const memory = (text: string): Sample[] => {
  const limit = bytesAfter(text, 'MemTotal');
  const available = bytesAfter(text, 'MemAvailable') ?? estimated(text);
  return [...sample('system.linux.memory.available', available), ...usage('system.memory', limit, available)];
};

/** Kernels before 3.14 do not say what is available. */
const estimated = (text: string): number | null => {
  const parts = ['MemFree', 'Buffers', 'Cached'].map((name) => bytesAfter(text, name));
  return parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0);
};

const swap = (text: string): Sample[] => {
  const limit = bytesAfter(text, 'SwapTotal');
  return limit === 0 ? [] : usage('system.paging', limit, bytesAfter(text, 'SwapFree'));
};

const usage = (metric: string, limit: number | null, free: number | null): Sample[] => {
  const used = limit === null || free === null || free > limit ? null : limit - free;
  return [
    ...sample(`${metric}.limit`, limit),
    ...sample(`${metric}.usage`, used, { state: 'used' }),
    ...sample(
      `${metric}.utilization`,
      mapped(used, (bytes) => bytes / (limit ?? 0)),
    ),
  ];
};
