import { counter } from '@muster/shared/metrics';
import { countAfter, sample } from '@muster/shared/parse';
import { defineProbe } from '../probe.js';

/** The kernel counts them since 4.13; no log has to be read. */
export default defineProbe({
  id: 'oom',
  title: 'Killed for want of memory',
  every: 60_000,
  metrics: { 'system.memory.oom_kills': counter('{kill}', 'Processes killed for want of memory') },
  silent: 'The kernel is older than 4.13: it does not count what it kills for want of memory',
  async read({ host }) {
    const kills = countAfter(host.read('/proc/vmstat') ?? '', 'oom_kill');
    return kills === null ? null : sample('system.memory.oom_kills', kills);
  },
});
