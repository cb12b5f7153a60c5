import { GPU_HEALTH_METRICS, GPU_METRICS, gpuClock, gpuLoad, MEGAHERTZ } from '@muster/shared/gpu';
import { gauge, type Sample } from '@muster/shared/metrics';
import {
  byNumber,
  countAfter,
  countIn,
  labelText,
  mapped,
  numbered,
  numberIn,
  plausibleCelsius,
  sample,
} from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const CARDS = '/sys/class/drm';
const MOST_CARDS = 16;
/** Parts of the chip that count their memory errors: `umc_err_count` is the memory itself, `gfx`, `sdma`, … are caches. */
const MOST_COUNTERS = 32;

interface Sensor {
  file: string;
  name: string;
}

interface Card {
  gpu: string;
  path: string;
  hwmon: string | null;
  temperatures: Sensor[];
  error_files: string[];
}

export default defineProbe<{ cards: Card[] | null }>({
  id: 'gpu_amd',
  title: 'AMD GPUs',
  every: 10_000,
  silent: 'The kernel shows no card of the driver amdgpu in /sys/class/drm.',
  metrics: {
    ...GPU_METRICS,
    ...GPU_HEALTH_METRICS,
    'hw.fan_speed': gauge('rpm', 'Fan speed', { resolution: 10 }),
    'hw.fan_speed_ratio': gauge('1', 'Fan speed, of its maximum', { resolution: 0.01 }),
  },
  memory: () => ({ cards: null }),
  async read({ host, memory }) {
    memory.cards ??= findCards(host);
    if (memory.cards.length === 0) return null;
    return memory.cards.flatMap((card) => samplesOf(host, card));
  },
});

/** Only amdgpu has these files; integrated graphics of other makers share the folder. */
const findCards = (host: Host): Card[] => {
  const names = host.list(CARDS).filter((name) => /^card\d+$/.test(name));
  return names
    .sort(byNumber)
    .slice(0, MOST_CARDS)
    .flatMap((name) => cardOf(host, name));
};

const cardOf = (host: Host, name: string): Card[] => {
  const path = `${CARDS}/${name}/device`;
  if (!host.list(path).includes('mem_info_vram_total')) return [];
  const chip = host.list(`${path}/hwmon`)[0];
  const hwmon = chip === undefined ? null : `${path}/hwmon/${chip}`;
  // The place on the PCI bus: card numbers change when a display adapter is added.
  const gpu = labelText(host.link(path)?.split('/').at(-1) ?? name);
  const counters = host.list(`${path}/ras`).filter((file) => file.endsWith('_err_count'));
  const error_files = counters.slice(0, MOST_COUNTERS).map((file) => `${path}/ras/${file}`);
  return [{ gpu, path, hwmon, error_files, temperatures: hwmon === null ? [] : temperaturesOf(host, hwmon) }];
};

/** `edge`, `junction`, `mem`. */
const temperaturesOf = (host: Host, hwmon: string): Sensor[] => {
  const inputs = host
    .list(hwmon)
    .filter((name) => /^temp\d+_input$/.test(name))
    .sort(byNumber);
  const labels = inputs.map((input) => labelText(host.read(`${hwmon}/${input.replace('_input', '_label')}`) ?? '', 40));
  const names = numbered(labels.map((label) => label || 'edge'));
  return inputs.map((input, index) => ({ file: `${hwmon}/${input}`, name: names[index] ?? input }));
};

const samplesOf = (host: Host, card: Card): Sample[] => {
  const { gpu, path } = card;
  // Reading its sensors would wake a card that sleeps.
  if (host.read(`${path}/power/runtime_status`)?.trim() === 'suspended') {
    return [...sample('hw.gpu.present', 1, { gpu }), ...sample('hw.gpu.utilization', 0, { gpu })];
  }
  const size_bytes = countIn(host.read(`${path}/mem_info_vram_total`));
  return [
    ...sample('hw.gpu.present', size_bytes === null ? 0 : 1, { gpu }),
    ...load(host, card, size_bytes),
    ...sensors(host, card),
    ...clocks(host, card),
    ...errors(host, card),
    ...link(host, card),
  ];
};

const load = (host: Host, { gpu, path }: Card, size_bytes: number | null): Sample[] => {
  const busy_percent = numberIn(host.read(`${path}/gpu_busy_percent`));
  const used_bytes = countIn(host.read(`${path}/mem_info_vram_used`));
  return gpuLoad(gpu, { busy_percent, used_bytes, size_bytes });
};

/** Power is in microwatts; newer cards have `power1_input` where older ones have `power1_average`. */
const sensors = (host: Host, { gpu, hwmon, temperatures }: Card): Sample[] => {
  if (hwmon === null) return [];
  const watts = (file: string) => mapped(countIn(host.read(`${hwmon}/${file}`)), (micro) => micro / 1_000_000);
  const most = countIn(host.read(`${hwmon}/pwm1_max`)) || 255;
  const fan = mapped(countIn(host.read(`${hwmon}/pwm1`)), (pwm) => pwm / most);
  return [
    ...temperatures.flatMap(({ file, name }) => sample('hw.temperature', celsius(host.read(file)), { gpu, sensor: name })),
    ...sample('hw.power', watts('power1_average') ?? watts('power1_input'), { gpu }),
    ...sample('hw.power.limit', watts('power1_cap'), { gpu }),
    ...sample('hw.fan_speed', countIn(host.read(`${hwmon}/fan1_input`)), { gpu }),
    ...sample('hw.fan_speed_ratio', fan !== null && fan <= 1 ? fan : null, { gpu }),
  ];
};

const celsius = (text: string | null): number | null => plausibleCelsius(mapped(numberIn(text), (milli) => milli / 1_000));

/** hwmon has them in Hz; older kernels only list the steps, with a star at the one in use: `1: 1340Mhz *`. */
const clocks = (host: Host, { gpu, path, hwmon }: Card): Sample[] =>
  (
    [
      ['graphics', 'freq1_input', 'pp_dpm_sclk'],
      ['memory', 'freq2_input', 'pp_dpm_mclk'],
    ] as const
  ).flatMap(([domain, input, steps]) => {
    const hertz = hwmon === null ? null : countIn(host.read(`${hwmon}/${input}`));
    if (hertz !== null) return gpuClock(gpu, domain, String(hertz / MEGAHERTZ));
    return gpuClock(gpu, domain, /^\w+: (\d+)Mhz \*/m.exec(host.read(`${path}/${steps}`) ?? '')?.[1]);
  });

/** `ue: 0` and `ce: 0` per part of the chip, since the driver was loaded. */
const errors = (host: Host, { gpu, path, error_files }: Card): Sample[] => {
  const texts = error_files.map((file) => host.read(file) ?? '');
  const sum = (name: string) => {
    const counts = texts.map((text) => countAfter(text, name)).filter((count) => count !== null);
    return counts.length === 0 ? null : counts.reduce((total, count) => total + count, 0);
  };
  return [
    ...sample('hw.gpu.errors', sum('ce:'), { gpu, type: 'ecc_corrected' }),
    ...sample('hw.gpu.errors', sum('ue:'), { gpu, type: 'ecc_uncorrected' }),
    ...sample('hw.gpu.errors', countIn(host.read(`${path}/pcie_replay_count`)), { gpu, type: 'pcie_replay' }),
  ];
};

/** GT/s of each generation of PCIe. */
const SPEEDS = ['2.5', '5.0', '8.0', '16.0', '32.0', '64.0'];
/** A link that is down says 255. */
const MOST_LANES = 32;

/** `16.0 GT/s PCIe` and `16`. */
const link = (host: Host, { gpu, path }: Card): Sample[] => {
  const speed = host.read(`${path}/current_link_speed`)?.trim().split(' ')[0] ?? '';
  const width = countIn(host.read(`${path}/current_link_width`)) ?? 0;
  return [
    ...sample('hw.gpu.pcie.generation', SPEEDS.indexOf(speed) + 1 || null, { gpu }),
    ...sample('hw.gpu.pcie.width', width > 0 && width <= MOST_LANES ? width : null, { gpu }),
  ];
};
