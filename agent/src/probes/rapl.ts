import { hardware } from '@muster/shared/hardware';
import type { Sample } from '@muster/shared/metrics';
import { byNumber, countIn, labelText, numbered, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const ZONES = '/sys/class/powercap';
const MOST_ZONES = 32;
/** Beyond this a counter may have come round more than once (262 kJ at 300 W: 14 minutes), or the machine slept. */
const LONGEST_MS = 300_000;

interface Zone {
  name: string;
  path: string;
  range: number;
  before: { at: number; energy: number } | null;
}

/** Parts of the processor only: what the whole device draws is `hw.host.power`, from a plug or a meter. */
export default defineProbe<{ zones: Zone[] | null }>({
  id: 'rapl',
  title: 'Processor power (RAPL)',
  every: 10_000,
  metrics: hardware('hw.power'),
  silent:
    'No energy counter of the processor can be read. Where it has one, the kernel shows /sys/class/powercap/*/energy_uj to root only; ' +
    'a file in /etc/tmpfiles.d with the line "z /sys/class/powercap/*/energy_uj 0440 root GROUP" lets a group of the agent read it ' +
    '(anyone who reads it finely can guess at secrets of other programs, so keep that group small).',
  memory: () => ({ zones: null }),
  async read({ host, memory }) {
    memory.zones ??= findZones(host);
    return memory.zones.length > 0 ? memory.zones.flatMap((zone) => watts(host, zone)) : null;
  },
});

/** `intel-rapl:0` is a package, `intel-rapl:0:1` a part of it; AMD goes by the same name, and -mmio shows the packages twice. */
const findZones = (host: Host): Zone[] => {
  const found = host.list(ZONES).filter((name) => /^intel-rapl:\d+(:\d+)?$/.test(name));
  const readable = found
    .sort(byNumber)
    .slice(0, MOST_ZONES)
    .filter((name) => countIn(host.read(`${ZONES}/${name}/energy_uj`)) !== null);
  const names = numbered(readable.map((name) => nameOf(host, name)));
  return readable.map((name, index) => ({
    name: names[index] ?? name,
    path: `${ZONES}/${name}`,
    range: countIn(host.read(`${ZONES}/${name}/max_energy_range_uj`)) ?? 0,
    before: null,
  }));
};

/** `package-0`, `package-0/dram`. */
const nameOf = (host: Host, zone: string): string => {
  const name = (folder: string) => labelText(host.read(`${ZONES}/${folder}/name`) ?? folder, 40);
  const [, above] = /^(intel-rapl:\d+):\d+$/.exec(zone) ?? [];
  return above === undefined ? name(zone) : `${name(above)}/${name(zone)}`;
};

const watts = (host: Host, zone: Zone): Sample[] => {
  const energy = countIn(host.read(`${zone.path}/energy_uj`));
  const { before } = zone;
  const at = host.monotonic();
  zone.before = energy === null ? null : { at, energy };
  if (energy === null || before === null || at <= before.at || at - before.at > LONGEST_MS) return [];
  const grown = energy - before.energy + (energy < before.energy ? zone.range : 0);
  return grown < 0 ? [] : sample('hw.power', grown / 1_000 / (at - before.at), { zone: zone.name });
};
