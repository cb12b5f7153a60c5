import { GPU_HEALTH_METRICS, GPU_METRICS, gpuLoad, MIB } from '@muster/shared/gpu';
import { gauge, type Sample } from '@muster/shared/metrics';
import { countIn, mapped, sample } from '@muster/shared/parse';
import { defineProbe } from '../probe.js';

const MOST_CARDS = 64;
const MOST_PARTS = 16;

/** What `--query-gpu` cannot tell: processes, PCIe replays, repaired memory, the parts of a divided card. A process of its own, so seldom. */
export default defineProbe<{ seen: boolean }>({
  id: 'gpu_nvidia_details',
  title: 'NVIDIA GPUs: processes, replays, repairs',
  every: 600_000,
  deadline: 20_000,
  silent: 'There is no program nvidia-smi here, or it finds no GPU; it comes with the NVIDIA driver.',
  metrics: {
    'hw.gpu.errors': GPU_HEALTH_METRICS['hw.gpu.errors'],
    'hw.gpu.memory.usage': GPU_METRICS['hw.gpu.memory.usage'],
    'hw.gpu.memory.limit': GPU_METRICS['hw.gpu.memory.limit'],
    'hw.gpu.memory.utilization': GPU_METRICS['hw.gpu.memory.utilization'],
    'hw.gpu.memory.repair_failed': gauge('1', 'Whether the GPU has no spare memory rows left for a repair'),
    'hw.gpu.memory.repair_pending': gauge('1', 'Whether a memory repair waits for a reset of the GPU'),
    'hw.gpu.process.count': gauge('{process}', 'Compute processes on the GPU'),
  },
  memory: () => ({ seen: false }),
  async read({ host, memory }) {
    const result = await host.run('nvidia-smi', ['-q', '-x'], 15_000);
    const cards = new Map(
      (result?.text ?? '')
        .split('<gpu id=')
        .slice(1, MOST_CARDS + 1)
        .flatMap(cardOf),
    );
    memory.seen ||= cards.size > 0;
    return memory.seen ? [...cards].flatMap(([gpu, text]) => samplesOf(gpu, text)) : null;
  },
});

const cardOf = (text: string): [string, string][] => {
  const uuid = inside(text, 'uuid') ?? '';
  return /^GPU-[\w-]{8,80}$/.test(uuid) ? [[uuid, text]] : [];
};

const samplesOf = (gpu: string, text: string): Sample[] => {
  const remapped = inside(text, 'remapped_rows') ?? '';
  return [
    ...sample('hw.gpu.errors', countIn(inside(text, 'replay_counter')), { gpu, type: 'pcie_replay' }),
    ...sample('hw.gpu.errors', countIn(inside(remapped, 'remapped_row_corr')), { gpu, type: 'remapped_corrected' }),
    ...sample('hw.gpu.errors', countIn(inside(remapped, 'remapped_row_unc')), { gpu, type: 'remapped_uncorrected' }),
    ...sample('hw.gpu.memory.repair_pending', yesNo(inside(remapped, 'remapped_row_pending')), { gpu }),
    ...sample('hw.gpu.memory.repair_failed', yesNo(inside(remapped, 'remapped_row_failure')), { gpu }),
    ...sample('hw.gpu.process.count', computing(inside(text, 'processes')), { gpu }),
    ...parts(gpu, inside(text, 'mig_devices') ?? ''),
  ];
};

/** `C`, `C+G` and `M+C` compute; `G` only draws a screen. Where processes may not be seen (`N/A`), their number is unknown. */
const computing = (text: string | null): number | null => {
  if (text === null || (text !== '' && !text.includes('<process_info>'))) return null;
  const types = text
    .split('<process_info>')
    .slice(1)
    .map((process) => inside(process, 'type') ?? '');
  return types.filter((type) => type.split('+').includes('C')).length;
};

/** A divided card (MIG) tells the memory of each part. */
const parts = (gpu: string, text: string): Sample[] => {
  const found = text.split('<mig_device>').slice(1, MOST_PARTS + 1);
  const memories = new Map(found.map((part) => [inside(part, 'index') ?? '', inside(part, 'fb_memory_usage') ?? '']));
  return [...memories]
    .filter(([index]) => /^\d{1,3}$/.test(index))
    .flatMap(([index, memory]) =>
      gpuLoad(gpu, { busy_percent: null, used_bytes: mibIn(memory, 'used'), size_bytes: mibIn(memory, 'total') }).map((one) => ({
        ...one,
        labels: { gpu, mig: index },
      })),
    );
};

const mibIn = (text: string, name: string): number | null =>
  mapped(countIn(inside(text, name)?.replace(/ MiB$/, '')), (mib) => mib * MIB);

const yesNo = (text: string | null): number | null => (text === 'Yes' ? 1 : text === 'No' ? 0 : null);

/** Text between the first `<name>` and the `</name>` after it. */
const inside = (text: string, name: string): string | null => {
  const from = text.indexOf(`<${name}>`);
  const to = text.indexOf(`</${name}>`, from);
  return from < 0 || to < 0 ? null : text.slice(from + name.length + 2, to).trim();
};
