/** What probes of disks, power and sensors tell alike. No input makes these throw. */
import { counter, gauge, type Sample } from './metrics.js';
import { byNumber, labelText, numbered, sample } from './parse.js';

/** `hw.status` is only told for states that ask for a hand: whatever stands at 1 is broken or about to be. */
export const HARDWARE_METRICS = {
  'hw.status': gauge('1', 'Whether a part is in this bad state'),
  'hw.errors': counter('{error}', 'Errors of a part'),
  'hw.temperature': gauge('Cel', 'Temperature'),
  'hw.fan_speed': gauge('rpm', 'Fan speed', { resolution: 10 }),
  'hw.voltage': gauge('V', 'Voltage', { resolution: 0.01 }),
  'hw.current': gauge('A', 'Current', { resolution: 0.001 }),
  'hw.power': gauge('W', 'Power', { resolution: 0.1 }),
  'hw.energy': counter('J', 'Energy'),
  'hw.battery.charge': gauge('1', 'Battery charge', { resolution: 0.01 }),
  'hw.battery.time_left': gauge('s', 'Time the battery lasts', { resolution: 10 }),
  'hw.physical_disk.endurance_utilization': gauge('1', 'Endurance that a disk has left', { resolution: 0.01 }),
  // OpenTelemetry: the power of a whole machine goes by names of its own, so that nobody adds its parts to it.
  'hw.host.power': gauge('W', 'Power of the whole device, measured', { resolution: 0.1 }),
  'hw.host.energy': counter('J', 'Energy of the whole device, measured'),
};

export type HardwareMetric = keyof typeof HARDWARE_METRICS;

/** The declarations of these metrics alone. */
export const hardware = <M extends HardwareMetric>(...ids: M[]): Pick<typeof HARDWARE_METRICS, M> =>
  Object.fromEntries(ids.map((id) => [id, HARDWARE_METRICS[id]])) as Pick<typeof HARDWARE_METRICS, M>;

export type BadState = 'degraded' | 'failed' | 'predicted_failure';

export const status = (part: Record<string, string>, state: BadState, is: boolean): Sample[] =>
  sample('hw.status', Number(is), { ...part, state });

/** Model and the end of the serial number: what the sticker says, wherever the disk is plugged in; `sda` changes from boot to boot. */
export const diskName = (model: string, serial: string): string => {
  const words = [model, serial.trim().slice(-6)].map((word) => word.trim().replace(/\s+/g, ' '));
  return labelText(words.filter(Boolean).join(' '), 60);
};

/** A sensor chip under /sys/class/hwmon, by a name that is the same after a reboot. */
export interface Chip {
  chip: string;
  path: string;
  device: string;
}

/** What a host shows of its files. */
export interface Files {
  read(path: string): string | null;
  list(path: string): readonly string[];
  link(path: string): string | null;
}

const CHIPS = '/sys/class/hwmon';

/** Numbered as the temperatures are: hwmon numbers change from boot to boot, the place of a device on its bus does not. */
export const findChips = (files: Files): Chip[] => {
  const chips = files
    .list(CHIPS)
    .map((name) => `${CHIPS}/${name}`)
    .map((path) => ({
      path,
      name: labelText(files.read(`${path}/name`) ?? '', 40) || 'hwmon',
      device: files.link(`${path}/device`) ?? '',
    }))
    .sort((a, b) => byNumber(a.name, b.name) || byNumber(a.device, b.device) || byNumber(a.path, b.path));
  const names = numbered(chips.map(({ name }) => name));
  return chips.map(({ path, device }, index) => ({ chip: names[index] ?? path, path, device }));
};
