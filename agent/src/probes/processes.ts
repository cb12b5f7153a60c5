import { gauge } from '@muster/shared/metrics';
import { countAfter, countIn, mapped, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe } from '../probe.js';

export default defineProbe({
  id: 'processes',
  title: 'Processes and open files',
  every: 10_000,
  metrics: {
    'system.process.count': gauge('{process}', 'Tasks (processes and their threads)'),
    'system.process.running': gauge('{process}', 'Tasks running or ready to run'),
    'system.process.blocked': gauge('{process}', 'Tasks blocked by input or output'),
    'system.linux.file_handles.usage': gauge('{file}', 'Open file handles'),
    'system.linux.file_handles.limit': gauge('{file}', 'Limit of open file handles'),
  },
  /** Sums that the kernel keeps anyway; walking the process table would cost more than all other probes together. */
  async read({ host }) {
    const loadavg = host.read('/proc/loadavg');
    if (loadavg === null) return null;
    const [running, total] = wordsOf(loadavg)[3]?.split('/') ?? [];
    const [allocated, free, limit] = wordsOf(host.read('/proc/sys/fs/file-nr') ?? '').map(countIn);
    return [
      ...sample('system.process.count', countIn(total)),
      ...sample('system.process.running', countIn(running)),
      ...sample('system.process.blocked', countAfter(host.read('/proc/stat') ?? '', 'procs_blocked')),
      ...sample(
        'system.linux.file_handles.usage',
        mapped(allocated ?? null, (handles) => Math.max(0, handles - (free ?? 0))),
      ),
      // Some kernels say 2^63 - 1, which means none; `countIn` gives null then.
      ...sample('system.linux.file_handles.limit', limit ?? null),
    ];
  },
});
