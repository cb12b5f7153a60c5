import { GPU_METRICS, gpuLoad } from '@muster/shared/gpu';
import { gauge, type Sample } from '@muster/shared/metrics';
import { byNumber, countIn, labelText, mapped, numbered, numberIn, plausibleCelsius, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const CARDS = '/sys/class/drm';
const MOST_CARDS = 16;

interface Sensor {
  file: string;
  name: string;
}

interface Card {
  gpu: string;
  path: string;
  hwmon: string | null;
  temperatures: Sensor[];
}

export default defineProbe<{ cards: Card[] | null }>({
  id: 'gpu_amd',
  title: 'AMD GPUs',
  every: 10_000,
  metrics: {
    ...GPU_METRICS,
    'hw.fan_speed': gauge('rpm', 'Fan speed', { resolution: 10 }),
  },
  memory: () => ({ cards: null }),
  async read({ host, memory }) {
    memory.cards ??= findCards(host);
    if (memory.cards.length === 0) return null;
    return memory.cards.flatMap((card) => [...load(host, card), ...sensors(host, card)]);
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
  return [{ gpu, path, hwmon, temperatures: hwmon === null ? [] : temperaturesOf(host, hwmon) }];
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

const load = (host: Host, { gpu, path }: Card): Sample[] => {
  const busy_percent = numberIn(host.read(`${path}/gpu_busy_percent`));
  const used_bytes = countIn(host.read(`${path}/mem_info_vram_used`));
  const size_bytes = countIn(host.read(`${path}/mem_info_vram_total`));
  return gpuLoad(gpu, { busy_percent, used_bytes, size_bytes });
};

/** Power is in microwatts; newer cards have `power1_input` where older ones have `power1_average`. */
const sensors = (host: Host, { gpu, hwmon, temperatures }: Card): Sample[] => {
  if (hwmon === null) return [];
  const watts = (file: string) => mapped(countIn(host.read(`${hwmon}/${file}`)), (micro) => micro / 1_000_000);
  return [
    ...temperatures.flatMap(({ file, name }) => sample('hw.temperature', celsius(host.read(file)), { gpu, sensor: name })),
    ...sample('hw.power', watts('power1_average') ?? watts('power1_input'), { gpu }),
    ...sample('hw.power.limit', watts('power1_cap'), { gpu }),
    ...sample('hw.fan_speed', countIn(host.read(`${hwmon}/fan1_input`)), { gpu }),
  ];
};

const celsius = (text: string | null): number | null => plausibleCelsius(mapped(numberIn(text), (milli) => milli / 1_000));
