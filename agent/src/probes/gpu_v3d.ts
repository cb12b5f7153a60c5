import { GPU_METRICS } from '@muster/shared/gpu';
import { countIn, linesOf, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const CARDS = '/sys/class/drm';

interface Queue {
  at_ns: number;
  busy_ns: number;
}

interface Memory {
  file: string | null;
  before: Map<string, Queue>;
}

/** The graphics part of a Raspberry Pi: how long its busiest queue was at work. */
export default defineProbe<Memory>({
  id: 'gpu_v3d',
  title: 'Raspberry Pi graphics (V3D)',
  every: 10_000,
  silent:
    'The kernel tells no gpu_stats of a V3D; on a Raspberry Pi 4 or 5 it needs Linux 6.6 or newer and the overlay vc4-kms-v3d.',
  metrics: { 'hw.gpu.utilization': GPU_METRICS['hw.gpu.utilization'] },
  memory: () => ({ file: null, before: new Map() }),
  async read({ host, memory }) {
    memory.file ??= findFile(host);
    if (memory.file === null) return null;
    const { before } = memory;
    memory.before = queuesIn(host.read(memory.file) ?? '');
    const shares = [...memory.before].flatMap(([name, now]) => share(before.get(name), now));
    return shares.length === 0 ? [] : sample('hw.gpu.utilization', Math.max(...shares), { gpu: 'v3d' });
  },
});

/** Its address is another on each model, the link in the DRM folder is not. */
const findFile = (host: Host): string | null => {
  const cards = host.list(CARDS).filter((name) => /^card\d+$/.test(name));
  const folder = cards.map((name) => `${CARDS}/${name}/device`).find((path) => host.list(path).includes('gpu_stats'));
  return folder === undefined ? null : `${folder}/gpu_stats`;
};

/** `queue timestamp jobs runtime`, times in nanoseconds: `render 239043069420 22619 27284814161`. */
const queuesIn = (text: string): Map<string, Queue> =>
  new Map(
    linesOf(text).flatMap((line): [string, Queue][] => {
      const [name = '', at, , busy] = wordsOf(line);
      const [at_ns, busy_ns] = [countIn(at), countIn(busy)];
      return at_ns === null || busy_ns === null ? [] : [[name, { at_ns, busy_ns }]];
    }),
  );

const share = (before: Queue | undefined, now: Queue): number[] => {
  if (!before || now.at_ns <= before.at_ns || now.busy_ns < before.busy_ns) return [];
  return [Math.min(1, (now.busy_ns - before.busy_ns) / (now.at_ns - before.at_ns))];
};
