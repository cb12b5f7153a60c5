import type { AlertFault } from './alerts-plan.js';
import type { Random } from './random.js';

/** What a simulated device reports: the values that the rules look at, healthy or not. */
export const COLUMNS = [
  'hw.temperature{zone=cpu-thermal}',
  'hw.temperature{chip=nvme,sensor=Composite}',
  'raspberry_pi.throttled{reason=under_voltage,when=now}',
  'raspberry_pi.throttled{reason=throttled,when=now}',
  'raspberry_pi.throttled{reason=under_voltage,when=since_boot}',
  'system.filesystem.utilization{mountpoint=/}',
  'system.filesystem.usage{mountpoint=/,state=free}',
  'system.filesystem.read_only{mountpoint=/}',
  'system.uptime',
  'system.clock.offset',
  'hw.status{disk=NVMe,state=predicted_failure}',
  'hw.physical_disk.sectors{disk=NVMe,type=reallocated}',
  'hw.physical_disk.endurance_utilization{disk=NVMe,state=remaining}',
  'hw.gpu.present{gpu=GPU-1}',
  'hw.temperature{gpu=GPU-1}',
  'helium.router_connected',
  'helium.region_known',
] as const;

const HOUR_S = 3_600;
const DAY_S = 86_400;
/** Logs are cleared so often. */
export const CLEARED_S = 7 * DAY_S;
const DISK_BYTES = 64e9;
/** How fast a disk fills up in the fault, share an hour. */
const FILLING_PER_H = 0.02;

export interface AlertDevice {
  id: string;
  index: number;
  random: Random;
  /** Degrees at night, and how much the day adds. */
  heat: readonly [base: number, day: number];
  disk: number;
  /** Share a day that its disk grows by, until its logs are cleared once a week. */
  growth: number;
  booted: number;
  sectors: number;
  fault: AlertFault | null;
}

export const newAlertDevice = (index: number, random: Random): AlertDevice => ({
  id: `sim-${index}`,
  index,
  random,
  heat: [44 + random.next() * 14, 6 + random.next() * 6],
  disk: 0.25 + random.next() * 0.45,
  growth: random.next() * 0.01,
  booted: -random.next() * 40 * DAY_S,
  sectors: random.next() < 0.1 ? 8 : 0,
  fault: null,
});

/** The values at a time, in order of `COLUMNS`. */
export const valuesAt = (one: AlertDevice, at: number): number[] => {
  const { fault, random } = one;
  const is = (kind: AlertFault['kind']) => Number(fault?.kind === kind);
  const [base, day] = one.heat;
  const noon = Math.sin((2 * Math.PI * (at % DAY_S)) / DAY_S);
  const hot = is('hot') * 24 + is('warm') * 24;
  const wave = base + (day * (1 + noon)) / 2 + random.normal() * 1.5;
  const cpu = hot > 0 ? 83 + random.next() * 1.5 : wave;
  const used = diskOf(one, at);
  return [
    ...[cpu, wave - 8, is('under_voltage'), 0, 0],
    ...[used, (1 - used) * DISK_BYTES, 0, at - one.booted],
    ...[fault?.kind === 'clock' ? 9 : random.normal() * 0.02, 0, one.sectors, 0.9],
    ...[1 - is('gpu_lost'), wave + 8, 1 - is('router'), 1],
  ];
};

const diskOf = (one: AlertDevice, at: number): number => {
  const grown = one.disk + one.growth * ((at % CLEARED_S) / DAY_S);
  const { fault } = one;
  if (fault?.kind !== 'filling') return grown;
  return Math.min(1, Math.max(grown, 0.65) + (FILLING_PER_H * (at - fault.from)) / HOUR_S);
};
