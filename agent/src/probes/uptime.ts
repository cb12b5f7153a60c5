import { gauge } from '@muster/shared/metrics';
import { countAfter, countIn, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe } from '../probe.js';

/** Further off than rounding explains: the clock was set (a Pi boots in the past), so the kernel is asked again. */
const CLOCK_MOVED_S = 2;

export default defineProbe<{ boot_time: number | null }>({
  id: 'uptime',
  title: 'Uptime',
  every: 10_000,
  metrics: {
    'system.uptime': gauge('s', 'Uptime', { resolution: 1 }),
    'system.boot_time': gauge('s', 'Boot time (seconds since 1970)', { resolution: 1 }),
  },
  memory: () => ({ boot_time: null }),
  async read({ host, memory }) {
    const text = host.read('/proc/uptime');
    if (text === null) return null;
    const uptime = countIn(wordsOf(text)[0]);
    if (uptime === null) return [];
    const expected = host.now() / 1_000 - uptime;
    // /proc/stat is dear on many cores: it is read once, not in every cycle.
    if (memory.boot_time === null || Math.abs(memory.boot_time - expected) > CLOCK_MOVED_S) {
      memory.boot_time = countAfter(host.read('/proc/stat') ?? '', 'btime') ?? Math.round(expected);
    }
    return [...sample('system.uptime', uptime), ...sample('system.boot_time', memory.boot_time)];
  },
});
