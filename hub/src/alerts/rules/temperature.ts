import type { Labels } from '@muster/shared/metrics';
import * as v from 'valibot';
import { defineRule, type FactSample, type Facts, type Verdict } from '../rule.js';
import { isThere, MINUTE, partText, valueText, verdictOf } from './lib/facts.js';
import { called, duration, level } from './lib/fields.js';

const HEAT = 'hw.temperature';
const PI = 'raspberry_pi.throttled';
const GPU = 'hw.gpu.throttled';
/** What only NVMe disks and only graphics cards of their own tell. */
const SPARE = 'hw.physical_disk.spare';
const FAN = 'hw.fan_speed';

/** A warning, and what harms: the clock is cut, data is at risk, the part turns itself off. */
const levels = (title: string, warning: number, severe: number) => {
  const one = (word: string, value: number) => called(v.optional(level(), value), word, { unit: 'Cel' });
  const both = v.object({ warning: one('Warning', warning), severe: one('Severe', severe) });
  return called(v.optional(both, { warning, severe }), title);
};

const config = v.object({
  /** Chips of small boards: a Raspberry Pi slows down from 80 °C and hard at 85 °C. */
  soc: levels('Small boards', 80, 85),
  /** NVIDIA's thermal specifications (Jetson Linux developer guide): Orin is held at 99 °C by software, from 103 °C by hardware; Nano and Xavier below. */
  jetson: levels('NVIDIA Jetson', 99, 103),
  /** The kernel's device trees hold RK3588 and its kin at 85 °C and turn them off at 115 °C. */
  rockchip: levels('Large Rockchip boards', 90, 105),
  /** Processors of PCs and servers, and the graphics on the same die: since 2022 they are built to work at 95 °C for hours. */
  cpu: levels('Processors', 96, 102),
  /** Such disks slow down by themselves at the temperature that they name as their warning (WCTEMP of the NVMe specification), mostly 80 to 85 °C. */
  nvme: levels('NVMe', 75, 82),
  disk: levels('Disks', 58, 65),
  gpu: levels('GPUs', 87, 93),
  /** AMD slows its cards down from 110 °C at the hottest spot, and works at 90 to 100 °C there. */
  gpu_hotspot: levels('Hottest spot of GPUs', 105, 110),
  gpu_memory: levels('GPU memory', 102, 108),
  for_ms: called(duration(5 * MINUTE), 'For'),
  recover_ms: called(duration(5 * MINUTE), 'Until well for'),
});
type Config = v.InferOutput<typeof config>;
type Part = Exclude<keyof Config, 'for_ms' | 'recover_ms'>;

/** Hotter by less than this is the same heat. */
const CLEAR_BY = 4;
/** Silicon turns itself off before: what a broken sensor says (127, 128) is no heat. */
const MOST = 125;
/** Beyond the severe level nobody should wait. */
const SEVERE_MS = MINUTE;

/** What a sensor may sit on, by its labels alone: the second where the other samples say so. Null: nobody knows what is hot for it. */
const partsOf = (labels: Labels): readonly [Part, Part?] | null => {
  const { zone, chip = '', gpu, disk, sensor = '' } = labels;
  if (gpu !== undefined) {
    if (/mem|hbm/i.test(sensor)) return ['gpu_memory'];
    return /junction|hot ?spot/i.test(sensor) ? ['gpu_hotspot'] : sensor === 'edge' ? ['gpu', 'cpu'] : ['gpu'];
  }
  if (disk !== undefined) return /nvme/i.test(disk) ? ['nvme'] : ['disk', 'nvme'];
  if (zone === undefined && /^nvme/.test(chip)) return /composite|^temp1$/i.test(sensor) ? ['nvme'] : null;
  if (zone === undefined && /^drivetemp/.test(chip)) return ['disk'];
  return boardPartsOf(zone ?? chip);
};

const boardPartsOf = (name: string): readonly [Part, Part?] | null => {
  if (PC.test(name)) return ['cpu'];
  if (ROCKCHIP.test(name)) return ['rockchip'];
  return SOC.test(name) ? ['soc', 'jetson'] : null;
};

const partOf = ({ labels }: FactSample, { samples }: Facts): Part | null => {
  const [part, other] = partsOf(labels) ?? [null];
  const { gpu, disk } = labels;
  const isOther = {
    // SMART names a disk by its model.
    nvme: () => samples.some((one) => one.metric === SPARE && one.labels['disk'] === disk),
    // A card of its own has a hottest spot or a fan; the driver shows neither of graphics within a processor.
    cpu: () => !samples.some((one) => one.labels['gpu'] === gpu && (one.metric === FAN || one.labels['sensor'] === 'junction')),
    jetson: () => samples.some((one) => JETSON.test(one.labels['zone'] ?? '')),
  };
  return other !== undefined && other in isOther && isOther[other as keyof typeof isOther]() ? other : part;
};

/** `TCPU` is what the firmware of laptops calls the processor. */
const PC = /^(x86_pkg_temp|coretemp|k10temp|zenpower|tcpu)/i;
/** `soc-thermal` is the name in the kernels of the maker. */
const ROCKCHIP = /^(bigcore|littlecore|package-thermal|soc[-_]thermal|rockchip)/i;
/** No other board has zones of these names; `cpu-thermal` is the name on many. */
const JETSON = /^(tj|cv\d|soc\d)-therm|^(cpu|gpu|aux)-therm$/i;
const SOC = /cpu|soc|^bcm|cluster|big|little|rockchip|sunxi|tegra|package-thermal/i;

/** What holds a clock down for heat or power, by the words of the probes. */
const HELD: Record<string, string> = {
  under_voltage: 'gets too little voltage: a weak supply or cable',
  throttled: 'is slowed down',
  hw_slowdown: 'is slowed down by its hardware',
  hw_thermal_slowdown: 'is slowed down by heat',
  hw_thermal: 'is slowed down by heat',
  sw_thermal_slowdown: 'is slowed down by heat',
  sw_thermal: 'is slowed down by heat',
  thermal: 'is slowed down by heat',
  hw_power_brake_slowdown: 'is slowed down by its power supply',
  power_brake: 'is slowed down by its power supply',
};

const isHeld = ({ when = 'now', reason = '' }: Labels): boolean => when === 'now' && reason in HELD;

const NEVER = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
const DEFAULTS = v.parse(config, {});

export default defineRule({
  id: 'temperature',
  title: 'Too hot, or held back by heat or power',
  severity: 'warning',
  config,
  default_config: DEFAULTS,
  needs: () => [HEAT, PI, GPU, SPARE, FAN],
  delay: (c) => c.for_ms,
  recovers: (c) => c.recover_ms,
  calm(c, metric, labels) {
    if (metric !== HEAT) return metric !== SPARE && metric !== FAN && isHeld(labels) ? [0, 0] : NEVER;
    const [part, other = part] = partsOf(labels) ?? [undefined];
    return part && other ? [Number.NEGATIVE_INFINITY, Math.min(c[part].warning, c[other].warning)] : NEVER;
  },
  judge(c, facts) {
    return facts.samples
      .filter((sample) => sample.metric !== SPARE && sample.metric !== FAN && isThere(sample, facts))
      .flatMap((sample) => (sample.metric === HEAT ? heat(c, sample, facts) : held(sample, facts)));
  },
});

const heat = (c: Config, sample: FactSample, facts: Facts): Verdict[] => {
  const part = partOf(sample, facts);
  const { value } = sample;
  if (part === null || value > MOST || isShifted(sample, facts)) return [];
  const { warning, severe } = c[part];
  const is_severe = value > severe;
  const why = () =>
    `${facts.device.name}: ${nameOf(part)} ${partText(sample.labels, 'disk', 'gpu', 'zone', 'chip', 'sensor')} is at ` +
    `${valueText(value, 'Cel')}; ${is_severe ? `${severe} °C harms it` : `${warning} °C is too hot for it`}.`;
  const firing = value > warning ? 'yes' : value <= warning - CLEAR_BY ? 'no' : 'keep';
  return [
    verdictOf(sample, facts, {
      firing,
      why,
      after_ms: is_severe ? Math.min(SEVERE_MS, c.for_ms) : undefined,
      severity: is_severe ? 'critical' : undefined,
    }),
  ];
};

/** The first Ryzen and Threadripper add up to 27 °C to `Tctl`, for their fans; where both are told, `Tdie` is the heat. */
const isShifted = ({ labels }: FactSample, facts: Facts): boolean =>
  labels['sensor'] === 'Tctl' &&
  facts.samples.some((one) => one.labels['sensor'] === 'Tdie' && one.labels['chip'] === labels['chip']);

const nameOf = (part: Part): string => NAMES[part];
const NAMES: Record<Part, string> = {
  ...{ soc: 'the chip', jetson: 'the chip', rockchip: 'the chip', cpu: 'the processor', nvme: 'the NVMe disk', disk: 'the disk' },
  ...{ gpu: 'the GPU', gpu_hotspot: 'the hottest spot of the GPU', gpu_memory: 'the memory of the GPU' },
};

const held = (sample: FactSample, facts: Facts): Verdict[] => {
  if (!isHeld(sample.labels)) return [];
  const who = sample.metric === GPU ? ` GPU ${partText(sample.labels, 'gpu')}` : '';
  const why = () => `${facts.device.name}:${who || ' it'} ${HELD[sample.labels['reason'] ?? ''] ?? 'is held back'}.`;
  return [verdictOf(sample, facts, { firing: sample.value > 0 ? 'yes' : 'no', why })];
};
