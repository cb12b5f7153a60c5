import { gauge, type Sample } from '@muster/shared/metrics';
import { numberIn, ratioOfPercent, sample } from '@muster/shared/parse';
import { defineProbe } from '../probe.js';

const FOLDER = '/proc/pressure';

export default defineProbe({
  id: 'pressure',
  title: 'Pressure (stalled time)',
  every: 10_000,
  metrics: {
    'system.linux.pressure.some': gauge('1', 'Time in which some tasks waited, of the last 10 s', { resolution: 0.0001 }),
    'system.linux.pressure.full': gauge('1', 'Time in which all tasks waited, of the last 10 s', { resolution: 0.0001 }),
  },
  async read({ host }) {
    const texts = ['cpu', 'memory', 'io'].map((resource) => ({ resource, text: host.read(`${FOLDER}/${resource}`) }));
    if (texts.every(({ text }) => text === null)) return null;
    return texts.flatMap(({ resource, text }) => samplesOf(resource, text ?? ''));
  },
});

/** `some avg10=0.66 avg60=… avg300=… total=…`, then `full …`; full is always 0 for the whole machine's cpu. */
const samplesOf = (resource: string, text: string): Sample[] => [
  ...sample('system.linux.pressure.some', average(text, 'some'), { resource }),
  ...sample('system.linux.pressure.full', resource === 'cpu' ? null : average(text, 'full'), { resource }),
];

const average = (text: string, kind: string): number | null =>
  ratioOfPercent(numberIn(new RegExp(`^${kind} avg10=(\\S+)`, 'm').exec(text)?.[1]));
