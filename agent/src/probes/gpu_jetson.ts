import { GPU_HEALTH_METRICS, GPU_METRICS, gpuClock, MEGAHERTZ } from '@muster/shared/gpu';
import { counter } from '@muster/shared/metrics';
import { byNumber, countIn, labelText, mapped, numbered, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const DEVFREQ = '/sys/class/devfreq';
const CHIPS = '/sys/class/hwmon';
const OLD_METERS = '/sys/bus/i2c/drivers/ina3221x';
/** The load of the graphics part in per mille: the newer places first. */
const LOAD_FILES = ['/sys/devices/platform/gpu.0/load', '/sys/devices/gpu.0/load'];
const GPU = 'gpu0';
const MOST_RAILS = 16;

interface Rail {
  rail: string;
  watts(): number | null;
}

interface Files {
  load: string | null;
  clock: string | null;
  rails: Rail[];
  /** Over-current events by channel. */
  events: { channel: string; file: string }[];
}

/** The graphics part of an NVIDIA Jetson and the power of its rails; memory is that of the machine, temperatures come with `temperature`. */
export default defineProbe<{ files: Files | null }>({
  id: 'gpu_jetson',
  title: 'NVIDIA Jetson',
  every: 10_000,
  silent: 'This is no NVIDIA Jetson: /sys shows no Tegra graphics.',
  metrics: {
    'hw.gpu.utilization': GPU_METRICS['hw.gpu.utilization'],
    'hw.gpu.frequency': GPU_HEALTH_METRICS['hw.gpu.frequency'],
    'hw.power': GPU_METRICS['hw.power'],
    'jetson.over_current': counter('{event}', 'Times the power draw was too high and clocks were held down'),
  },
  memory: () => ({ files: null }),
  async read({ host, memory }) {
    memory.files ??= findFiles(host);
    if (memory.files === null) return null;
    const { load, clock, rails, events } = memory.files;
    const busy = load === null ? null : mapped(countIn(host.read(load)), (per_mille) => per_mille / 1_000);
    const hertz = clock === null ? null : countIn(host.read(clock));
    return [
      ...sample('hw.gpu.utilization', busy !== null && busy <= 1 ? busy : null, { gpu: GPU }),
      ...(hertz === null ? [] : gpuClock(GPU, 'graphics', String(hertz / MEGAHERTZ))),
      ...rails.flatMap(({ rail, watts }) => sample('hw.power', watts(), { rail })),
      ...events.flatMap(({ channel, file }) => sample('jetson.over_current', countIn(host.read(file)), { channel })),
    ];
  },
});

/** Names of the graphics part from the Nano to the Orin: `57000000.gpu`, `17000000.gp10b`, `17000000.gv11b`, `17000000.ga10b`, `17000000.gpu`. */
const TEGRA_GPU = /^[15]7000000\.(gpu|gp10b|gv11b|ga10b)$/;

const findFiles = (host: Host): Files | null => {
  const name = host.list(DEVFREQ).find((one) => TEGRA_GPU.test(one));
  const files = name === undefined ? LOAD_FILES : [`${DEVFREQ}/${name}/device/load`, ...LOAD_FILES];
  const load = files.find((file) => host.read(file) !== null) ?? null;
  if (name === undefined && load === null) return null;
  const chips = chipsOf(host);
  const rails = [...chips.flatMap((chip) => railsOf(host, chip)), ...oldRails(host)].slice(0, MOST_RAILS);
  const names = numbered(rails.map(({ rail }) => rail));
  return {
    load,
    clock: name === undefined ? null : `${DEVFREQ}/${name}/cur_freq`,
    rails: rails.map(({ watts }, index) => ({ rail: names[index] ?? '', watts })),
    events: chips.flatMap((chip) => eventsOf(host, chip)),
  };
};

interface Chip {
  path: string;
  name: string;
  device: string;
}

const chipsOf = (host: Host): Chip[] =>
  host
    .list(CHIPS)
    .map((chip) => `${CHIPS}/${chip}`)
    .map((path) => ({ path, name: host.read(`${path}/name`)?.trim() ?? '', device: host.link(`${path}/device`) ?? '' }))
    // hwmon numbers change from boot to boot, the place of a device on its bus does not.
    .sort((a, b) => byNumber(a.device, b.device) || byNumber(a.path, b.path));

/** Millivolts and milliamperes of up to three rails: `in1_label` is `VDD_IN`. Sums of rails have no voltage. */
const railsOf = (host: Host, { path, name }: Chip): Rail[] => {
  if (name !== 'ina3221') return [];
  return ['1', '2', '3'].flatMap((index) => {
    const rail = labelText(host.read(`${path}/in${index}_label`) ?? '', 40);
    const watts = () => {
      const [mv, ma] = ['in', 'curr'].map((kind) => countIn(host.read(`${path}/${kind}${index}_input`)));
      return mv === null || mv === undefined ? null : mapped(ma ?? null, (amperes) => (mv * amperes) / 1_000_000);
    };
    return rail === '' || rail === 'NC' ? [] : [{ rail, watts }];
  });
};

/** Before JetPack 5 the meters are under another driver, and tell milliwatts. */
const oldRails = (host: Host): Rail[] =>
  host
    .list(OLD_METERS)
    .filter((name) => /^\d+-00[0-9a-f]{2}$/.test(name))
    .flatMap((name) => {
      const inner = host.list(`${OLD_METERS}/${name}`).find((one) => one.startsWith('iio:device'));
      return inner === undefined
        ? []
        : ['0', '1', '2'].flatMap((index) => oldRail(host, `${OLD_METERS}/${name}/${inner}`, index));
    });

const oldRail = (host: Host, path: string, index: string): Rail[] => {
  const rail = labelText(host.read(`${path}/rail_name_${index}`) ?? '', 40);
  const watts = () => mapped(countIn(host.read(`${path}/in_power${index}_input`)), (mw) => mw / 1_000);
  return rail === '' || rail === 'NC' ? [] : [{ rail, watts }];
};

const eventsOf = (host: Host, { path, name }: Chip): Files['events'] => {
  if (name !== 'soctherm_oc') return [];
  const files = host.list(path).filter((file) => /^oc\d+_event_cnt$/.test(file));
  return files.sort(byNumber).map((file) => ({ channel: file.replace('_event_cnt', ''), file: `${path}/${file}` }));
};
