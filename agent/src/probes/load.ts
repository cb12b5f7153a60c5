import { gauge } from '@muster/shared/metrics';
import { countIn, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe } from '../probe.js';

export default defineProbe({
  id: 'load',
  title: 'Load average',
  every: 10_000,
  metrics: {
    'system.cpu.load_average.1m': gauge('{thread}', 'Load average, 1 min'),
    'system.cpu.load_average.5m': gauge('{thread}', 'Load average, 5 min'),
    'system.cpu.load_average.15m': gauge('{thread}', 'Load average, 15 min'),
  },
  async read({ host }) {
    const text = host.read('/proc/loadavg');
    if (text === null) return null;
    const [one, five, fifteen] = wordsOf(text);
    return [
      ...sample('system.cpu.load_average.1m', countIn(one)),
      ...sample('system.cpu.load_average.5m', countIn(five)),
      ...sample('system.cpu.load_average.15m', countIn(fifteen)),
    ];
  },
});
