import { type Chip, findChips, type HardwareMetric, hardware } from '@muster/shared/hardware';
import type { Labels, Sample } from '@muster/shared/metrics';
import { byNumber, countIn, labelText, mapped, numbered, numberIn, sample } from '@muster/shared/parse';
import * as v from 'valibot';
import { defineProbe, type Host } from '../probe.js';

const SUPPLIES = '/sys/class/power_supply';
const MOST_SENSORS = 64;
const LOOK_AGAIN_MS = 300_000;
/** Reads are synchronous: a sensor behind a slow bus rests until the next look. */
const SLOW_MS = 100;
/** A board chip has a dozen voltages without a name or a meaning; a power monitor has few. */
const FEW_VOLTAGES = 4;
/** `gpu_amd` reports its own; the others have temperatures alone, which `temperature` reports. */
const NOT_ASKED = new Set(['amdgpu', 'nvme', 'drivetemp', 'coretemp', 'k10temp']);

const KINDS: { metric: HardwareMetric; file: RegExp; step: number }[] = [
  { metric: 'hw.fan_speed', file: /^fan\d+_input$/, step: 1 },
  { metric: 'hw.power', file: /^power\d+_(input|average)$/, step: 1e-6 },
  { metric: 'hw.voltage', file: /^in\d+_input$/, step: 1e-3 },
  { metric: 'hw.current', file: /^curr\d+_input$/, step: 1e-3 },
  { metric: 'hw.energy', file: /^energy\d+_input$/, step: 1e-6 },
];

const settings = v.strictObject({
  /** Meters of the whole device, as `chip/sensor`, such as `ina219/power1`; by default what ACPI calls a power meter. */
  whole_device: v.optional(v.array(v.pipe(v.string(), v.regex(/^[^/]+\/[^/]+$/, 'must be chip/sensor, such as ina219/power1')))),
});
type Settings = v.InferOutput<typeof settings>;

interface Sensor {
  metric: HardwareMetric;
  file: string;
  step: number;
  chip: string;
  /** `power1`; `sensor` is its label where it has one. */
  input: string;
  sensor: string;
}

interface Memory {
  sensors: Sensor[];
  slow: Set<string>;
  /** Fans that have been seen to turn: a header without a fan says 0 for ever, a fan that stops says 0 too. */
  turned: Set<string>;
  looked_at: number | null;
}

export default defineProbe<Memory, Settings>({
  id: 'hwmon',
  title: 'Fans, power and voltages',
  every: 30_000,
  metrics: hardware('hw.fan_speed', 'hw.power', 'hw.voltage', 'hw.current', 'hw.energy', 'hw.host.power'),
  settings,
  silent:
    'No chip of this machine shows fans, power or voltages under /sys/class/hwmon; on a PC board "sensors-detect" (package lm-sensors) finds the driver.',
  memory: () => ({ sensors: [], slow: new Set(), turned: new Set(), looked_at: null }),
  async read({ host, memory, settings: given }) {
    const first = memory.looked_at === null;
    if (first || host.monotonic() - (memory.looked_at ?? 0) >= LOOK_AGAIN_MS) look(host, memory);
    if (first && memory.sensors.length === 0) return null;
    const whole = new Set(given.whole_device ?? ['power_meter/power1']);
    return memory.sensors.flatMap((sensor) => samplesOf(host, sensor, { memory, whole }));
  },
});

const look = (host: Host, memory: Memory): void => {
  // A battery shows itself as a chip as well.
  const supplies = new Set(host.list(SUPPLIES).map((name) => name.replaceAll('-', '_')));
  const chips = findChips(host).filter(({ chip }) => !supplies.has(chip) && !NOT_ASKED.has(chip.replace(/-\d+$/, '')));
  memory.sensors = chips.flatMap((chip) => sensorsOf(host, chip)).slice(0, MOST_SENSORS);
  memory.slow.clear();
  memory.looked_at = host.monotonic();
};

const sensorsOf = (host: Host, { chip, path }: Chip): Sensor[] => {
  const files = [...host.list(path)].sort(byNumber);
  return KINDS.flatMap(({ metric, file, step }) => {
    const names = files.filter((name) => file.test(name));
    // `power1_average` comes before `power1_input`, and is the truer one of a meter that has both.
    const inputs = names.filter((name, at) => inputOf(name) !== inputOf(names[at - 1] ?? ''));
    const labels = inputs.map((name) => labelText(host.read(`${path}/${inputOf(name)}_label`) ?? '', 40));
    const shown = numbered(inputs.map((name, at) => labels[at] || inputOf(name)));
    const all = metric !== 'hw.voltage' || inputs.length <= FEW_VOLTAGES;
    return inputs.flatMap((name, at) => {
      const place = { file: `${path}/${name}`, chip, input: inputOf(name), sensor: shown[at] ?? name };
      return all || labels[at] ? [{ metric, step, ...place }] : [];
    });
  });
};

const inputOf = (file: string): string => file.replace(/_.*/, '');

const samplesOf = (host: Host, one: Sensor, { memory, whole }: { memory: Memory; whole: ReadonlySet<string> }): Sample[] => {
  const { chip, sensor, metric } = one;
  if (memory.slow.has(one.file)) return [];
  const asked_at = host.monotonic();
  const text = host.read(one.file);
  if (host.monotonic() - asked_at > SLOW_MS) memory.slow.add(one.file);
  const raw = metric === 'hw.voltage' || metric === 'hw.current' ? numberIn(text) : countIn(text);
  const value = mapped(raw, (steps) => steps * one.step);
  if (metric === 'hw.fan_speed') return fan(value, { one, memory });
  const isWhole = metric === 'hw.power' && [sensor, one.input].some((name) => whole.has(`${chip}/${name}`));
  const labels: Labels = isWhole ? { source: chip } : { chip, sensor };
  return sample(isWhole ? 'hw.host.power' : metric, value, labels);
};

const fan = (rpm: number | null, { one, memory }: { one: Sensor; memory: Memory }): Sample[] => {
  if (rpm) memory.turned.add(one.file);
  return memory.turned.has(one.file) ? sample('hw.fan_speed', rpm, { chip: one.chip, sensor: one.sensor }) : [];
};
