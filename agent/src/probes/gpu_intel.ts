import { GPU_HEALTH_METRICS, GPU_METRICS, gpuClock } from '@muster/shared/gpu';
import { gauge, type Sample } from '@muster/shared/metrics';
import { byNumber, countIn, labelText, mapped, sample } from '@muster/shared/parse';
import { defineProbe, type Host } from '../probe.js';

const CARDS = '/sys/class/drm';
const MOST_CARDS = 8;
const VENDOR = '0x8086';

/** What holds the clock down, by the files of both drivers: `throttle_reason_pl1` (i915), `reason_pl1` (xe). */
const REASONS: Record<string, readonly string[]> = {
  power_cap: ['pl1', 'pl2', 'pl4'],
  thermal: ['thermal', 'prochot', 'ratl'],
  voltage_regulator: ['vr_thermalert', 'vr_tdc'],
};

/** A part of the chip with a clock of its own. */
interface Part {
  domain: string;
  clock_file: string;
  asleep_file: string;
  reasons: { reason: string; files: string[] }[];
}

interface Card {
  gpu: string;
  status_file: string;
  hwmon: string | null;
  parts: Part[];
}

interface Reading {
  at: number;
  value: number;
}

interface Memory {
  cards: Card[] | null;
  /** The last value of each file that counts up. */
  before: Map<string, Reading>;
}

/**
 * Clocks, throttling and power of the drivers i915 and xe. Temperatures of the card come with the probe `temperature`.
 * True utilization is told only per process (DRM fdinfo) or to performance counters, both behind privileges; the time out
 * of the sleep state is open to all.
 */
export default defineProbe<Memory>({
  id: 'gpu_intel',
  title: 'Intel GPUs',
  every: 10_000,
  silent: 'The kernel shows no card of the drivers i915 or xe in /sys/class/drm.',
  metrics: {
    'hw.gpu.frequency': GPU_HEALTH_METRICS['hw.gpu.frequency'],
    'hw.gpu.throttled': GPU_HEALTH_METRICS['hw.gpu.throttled'],
    'hw.power': GPU_METRICS['hw.power'],
    'hw.power.limit': GPU_METRICS['hw.power.limit'],
    'hw.gpu.awake': gauge('1', 'Time the GPU was out of its sleep state (utilization is at most that)', { resolution: 0.01 }),
  },
  memory: () => ({ cards: null, before: new Map() }),
  async read({ host, memory }) {
    memory.cards ??= findCards(host);
    if (memory.cards.length === 0) return null;
    return memory.cards.flatMap((card) => samplesOf(host, card, memory));
  },
});

const findCards = (host: Host): Card[] => {
  const names = host.list(CARDS).filter((name) => /^card\d+$/.test(name));
  return names
    .sort(byNumber)
    .slice(0, MOST_CARDS)
    .flatMap((name) => cardOf(host, `${CARDS}/${name}`));
};

const cardOf = (host: Host, path: string): Card[] => {
  const device = `${path}/device`;
  if (host.read(`${device}/vendor`)?.trim() !== VENDOR) return [];
  const parts = [...partsOfXe(host, device), ...partsOfI915(host, path)];
  const chip = host.list(`${device}/hwmon`)[0];
  const gpu = labelText(host.link(device)?.split('/').at(-1) ?? path);
  const hwmon = chip === undefined ? null : `${device}/hwmon/${chip}`;
  return parts.length === 0 ? [] : [{ gpu, status_file: `${device}/power/runtime_status`, hwmon, parts }];
};

/** Part 0 draws and computes; part 1, where there is one, has the video engines. */
const DOMAINS = ['graphics', 'media'];

const partsOfXe = (host: Host, device: string): Part[] =>
  DOMAINS.flatMap((domain, index) => {
    const path = `${device}/tile0/gt${index}`;
    if (!host.list(`${path}/freq0`).includes('act_freq')) return [];
    const throttle = `${path}/freq0/throttle`;
    return [partOf(host, { domain, clock: `${path}/freq0/act_freq`, asleep: `${path}/gtidle/idle_residency_ms`, throttle })];
  });

/** Kernels before 5.18 have one clock, and no folder for the parts. */
const partsOfI915 = (host: Host, card: string): Part[] => {
  const parts = DOMAINS.flatMap((domain, index) => {
    const path = `${card}/gt/gt${index}`;
    if (!host.list(path).includes('rps_act_freq_mhz')) return [];
    return [partOf(host, { domain, clock: `${path}/rps_act_freq_mhz`, asleep: `${path}/rc6_residency_ms`, throttle: path })];
  });
  if (parts.length > 0 || !host.list(card).includes('gt_act_freq_mhz')) return parts;
  const asleep = `${card}/power/rc6_residency_ms`;
  return [partOf(host, { domain: 'graphics', clock: `${card}/gt_act_freq_mhz`, asleep, throttle: card })];
};

const partOf = (host: Host, place: { domain: string; clock: string; asleep: string; throttle: string }): Part => {
  const names = host.list(place.throttle);
  const reasons = Object.entries(REASONS).map(([reason, files]) => {
    const there = files.flatMap((file) => [`throttle_reason_${file}`, `reason_${file}`]).filter((name) => names.includes(name));
    return { reason, files: there.map((name) => `${place.throttle}/${name}`) };
  });
  const { domain, clock: clock_file, asleep: asleep_file } = place;
  return { domain, clock_file, asleep_file, reasons: reasons.filter(({ files }) => files.length > 0) };
};

const samplesOf = (host: Host, card: Card, memory: Memory): Sample[] => {
  // Reading its clock would wake a card that sleeps.
  if (host.read(card.status_file)?.trim() === 'suspended') return [];
  return [...card.parts.flatMap((part) => ofPart(host, card.gpu, { part, memory })), ...power(host, card, memory)];
};

const ofPart = (host: Host, gpu: string, { part, memory }: { part: Part; memory: Memory }): Sample[] => {
  const asleep = perSecond(host, part.asleep_file, memory);
  const awake = mapped(asleep, (ms) => Math.min(1, Math.max(0, 1 - ms / 1_000)));
  return [
    ...gpuClock(gpu, part.domain, host.read(part.clock_file)),
    ...sample('hw.gpu.awake', awake, { gpu, domain: part.domain }),
    ...(part.domain === 'graphics' ? throttling(host, gpu, part) : []),
  ];
};

const throttling = (host: Host, gpu: string, { reasons }: Part): Sample[] =>
  reasons.flatMap(({ reason, files }) => {
    const states = files.map((file) => countIn(host.read(file))).filter((state) => state !== null);
    return sample('hw.gpu.throttled', states.length === 0 ? null : Number(states.some((state) => state > 0)), { gpu, reason });
  });

/** Energy in microjoules counts up; integrated graphics have no meter of their own. */
const power = (host: Host, { gpu, hwmon }: Card, memory: Memory): Sample[] => {
  if (hwmon === null) return [];
  const watts = (micro: number) => micro / 1_000_000;
  return [
    ...sample('hw.power', mapped(perSecond(host, `${hwmon}/energy1_input`, memory), watts), { gpu }),
    ...sample('hw.power.limit', mapped(countIn(host.read(`${hwmon}/power1_max`)), watts), { gpu }),
  ];
};

/** Null at the first read, and when the count went back. */
const perSecond = (host: Host, file: string, { before }: Memory): number | null => {
  const value = countIn(host.read(file));
  const last = before.get(file);
  if (value === null) return null;
  const now = { at: host.monotonic(), value };
  before.set(file, now);
  if (!last || value < last.value || now.at <= last.at) return null;
  return ((value - last.value) / (now.at - last.at)) * 1_000;
};
