import { gauge, type Labels, type Sample } from '@muster/shared/metrics';
import { byNumber, labelText, mapped, numbered, numberIn, plausibleCelsius, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const ZONES = '/sys/class/thermal';
const CHIPS = '/sys/class/hwmon';
const MOST_SENSORS = 64;
/** Disks and sticks come and go; looking for sensors costs more than reading them. */
const LOOK_AGAIN_MS = 300_000;
/** Reads are synchronous, and a disk that has to spin up first answers after seconds: such a sensor rests until the next look. */
const SLOW_MS = 100;

interface Sensor {
  file: string;
  labels: Labels;
}

interface Memory {
  sensors: Sensor[];
  slow: Set<Sensor>;
  looked_at: number | null;
}

export default defineProbe<Memory>({
  id: 'temperature',
  title: 'Temperatures',
  every: 10_000,
  metrics: { 'hw.temperature': gauge('Cel', 'Temperature') },
  memory: () => ({ sensors: [], slow: new Set(), looked_at: null }),
  async read({ host, memory }) {
    const first = memory.looked_at === null;
    if (first || host.monotonic() - (memory.looked_at ?? 0) >= LOOK_AGAIN_MS) look(host, memory);
    if (first && memory.sensors.length === 0) return null;
    return memory.sensors.flatMap((sensor) => (memory.slow.has(sensor) ? [] : samplesOf(host, sensor, memory)));
  },
});

const samplesOf = (host: Host, sensor: Sensor, memory: Memory): Sample[] => {
  const asked_at = host.monotonic();
  const text = host.read(sensor.file);
  if (host.monotonic() - asked_at > SLOW_MS) memory.slow.add(sensor);
  return sample('hw.temperature', celsius(text), sensor.labels);
};

const celsius = (text: string | null): number | null => plausibleCelsius(mapped(numberIn(text), (milli) => milli / 1_000));

const look = (host: Host, memory: Memory) => {
  const zones = findZones(host);
  memory.sensors = [...zones, ...findChips(host, zones)].slice(0, MOST_SENSORS);
  memory.slow.clear();
  memory.looked_at = host.monotonic();
};

const findZones = (host: Host): Sensor[] => {
  const folders = host.list(ZONES).filter((name) => /^thermal_zone\d+$/.test(name));
  const paths = folders.sort(byNumber).map((name) => `${ZONES}/${name}`);
  const names = numbered(paths.map((path) => nameIn(host, `${path}/type`) ?? 'zone'));
  return paths.map((path, index) => ({ file: `${path}/temp`, labels: { zone: names[index] ?? path } }));
};

const findChips = (host: Host, zones: readonly Sensor[]): Sensor[] => {
  const shown = new Set(zones.map(({ labels }) => asChipName(labels['zone'] ?? '')));
  const chips = host
    .list(CHIPS)
    .map((name) => ({ path: `${CHIPS}/${name}`, name: nameIn(host, `${CHIPS}/${name}/name`) ?? 'hwmon' }))
    // A thermal zone shows itself as a chip as well, and `gpu_amd` reports its own.
    .filter(({ name }) => !shown.has(name) && name !== 'amdgpu')
    .map((chip) => ({ ...chip, device: host.link(`${chip.path}/device`) ?? '' }))
    // hwmon numbers change from boot to boot, the place of a device on its bus does not.
    .sort((a, b) => byNumber(a.name, b.name) || byNumber(a.device, b.device) || byNumber(a.path, b.path));
  const names = numbered(chips.map(({ name }) => name));
  return chips.flatMap(({ path }, index) => sensorsOf(host, path, names[index] ?? path));
};

/** The kernel names the chip of a zone with `_` for `-`: zone `cpu-thermal`, chip `cpu_thermal`. */
const asChipName = (zone: string): string => zone.replaceAll('-', '_');

const sensorsOf = (host: Host, path: string, chip: string): Sensor[] => {
  const inputs = host.list(path).filter((name) => /^temp\d+_input$/.test(name));
  const sensors = inputs.sort(byNumber).map((name) => name.replace('_input', ''));
  const names = numbered(sensors.map((sensor) => nameIn(host, `${path}/${sensor}_label`) ?? sensor));
  return sensors.map((sensor, index) => ({
    file: `${path}/${sensor}_input`,
    labels: { chip, sensor: names[index] ?? sensor },
  }));
};

const nameIn = (host: Host, path: string): string | null => labelText(host.read(path) ?? '', 40) || null;
