import { gauge, type Sample } from '@muster/shared/metrics';
import { labelText, linesOf, numberIn, ratioOfPercent, sample, wordsOf } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const DEVICES = '/sys/class/net';
const MOST_DEVICES = 8;
/** cfg80211 gives the quality of a link as 0 to 70. */
const BEST_QUALITY = 70;

export default defineProbe({
  id: 'wireless',
  title: 'Wireless link',
  every: 30_000,
  metrics: {
    'system.network.wireless.signal': gauge('dB[mW]', 'Wireless signal', { resolution: 1 }),
    'system.network.wireless.quality': gauge('1', 'Wireless link quality', { resolution: 0.01 }),
  },
  silent: 'There is no wireless adapter on this machine, or its kernel has no /proc/net/wireless.',
  async read({ host }) {
    const lines = linesOf(host.read('/proc/net/wireless') ?? '').flatMap(rowOf);
    if (lines.length === 0) return hasAdapter(host) ? [] : null;
    return [...new Map(lines).values()].slice(0, MOST_DEVICES).flat();
  },
});

/** Not connected, it has no row; it may be in a minute. */
const hasAdapter = (host: Host): boolean =>
  host.read('/proc/net/wireless') !== null &&
  host.list(DEVICES).some((name) => host.link(`${DEVICES}/${name}/phy80211`) !== null);

/** ` wlan0: 0000   60.  -50.  -256  0 0 0 0 52 0`: link, level and noise; an old driver writes the level as a byte, 206 for -50. */
const rowOf = (line: string): [string, Sample[]][] => {
  const [, name, rest] = /^\s*(\S+):\s+(.*)$/.exec(line) ?? [];
  const [, link, level] = wordsOf(rest ?? '').map((word) => numberIn(word.replace(/\.$/, '')));
  if (name === undefined || link == null || level == null) return [];
  const device = labelText(name);
  const dbm = level > 0 ? level - 256 : level;
  const samples = [
    ...sample('system.network.wireless.signal', dbm < 0 && dbm >= -130 ? dbm : null, { device }),
    ...sample('system.network.wireless.quality', ratioOfPercent((link * 100) / BEST_QUALITY), { device }),
  ];
  return [[device, samples]];
};
