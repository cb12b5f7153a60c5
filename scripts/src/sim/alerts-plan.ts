import type { Random } from './random.js';

/** What happens to devices in the simulation of alerts, and what must be heard of it. */
export const ALERT_FAULTS = {
  /** Power cut: silence, found by the keepalive. */
  cut: { rule: 'offline', within_s: 30, lasts_s: [180, 7_200], share: 6 },
  killed: { rule: 'offline', within_s: 25, lasts_s: [120, 3_600], share: 4 },
  stopped: { rule: 'offline', within_s: 605, lasts_s: [900, 7_200], share: 2 },
  /** Shut down and back within ten minutes: nobody wants to know. */
  rebooted: { rule: null, within_s: 0, lasts_s: [40, 400], share: 4 },
  /** The link drops for seconds. */
  blip: { rule: null, within_s: 0, lasts_s: [2, 9], share: 8 },
  /** Connected, but without a report: three intervals, then five minutes. */
  mute: { rule: 'not_reporting', within_s: 490, lasts_s: [900, 5_400], share: 2 },
  hot: { rule: 'temperature', within_s: 370, lasts_s: [900, 10_800], share: 4 },
  /** Hotter than it should be, but not for long. */
  warm: { rule: null, within_s: 0, lasts_s: [30, 200], share: 4 },
  under_voltage: { rule: 'temperature', within_s: 370, lasts_s: [900, 3_600], share: 2 },
  filling: { rule: 'disk_full', within_s: 5 * 3_600, lasts_s: [28_800, 36_000], share: 2 },
  bad_sectors: { rule: 'storage_health', within_s: 75, lasts_s: [600, 3_600], share: 1 },
  gpu_lost: { rule: 'gpu_fault', within_s: 75, lasts_s: [600, 3_600], share: 1 },
  clock: { rule: 'clock_skew', within_s: 670, lasts_s: [1_800, 7_200], share: 1 },
  router: { rule: 'network_fault', within_s: 370, lasts_s: [900, 7_200], share: 3 },
  /** Reboots every eight minutes. */
  looping: { rule: 'restart_loop', within_s: 4 * 480 + 180, lasts_s: [3_600, 5_400], share: 1 },
  /** Ten minutes there, ten minutes gone. */
  flapping: { rule: 'offline', within_s: 30, lasts_s: [10_800, 28_800], share: 1 },
} as const satisfies Record<string, FaultShape>;

interface FaultShape {
  rule: string | null;
  within_s: number;
  lasts_s: readonly [number, number];
  /** How often, against the others. */
  share: number;
}
export type AlertFaultKind = keyof typeof ALERT_FAULTS;

export interface AlertFault {
  device: number;
  kind: AlertFaultKind;
  /** Seconds since the start. */
  from: number;
  to: number;
}

/** One that counts rises is an alert for a day: the next of its kind must not fall into it. */
const CALM_S = 26 * 3_600;
/** Mean time from the end of that calm to the next fault. */
const EVERY_S = 24 * 3_600;
const BEGIN_S = 4 * 3_600;
const KINDS = Object.keys(ALERT_FAULTS) as AlertFaultKind[];
const WEIGHTED = KINDS.flatMap((kind) => Array.from({ length: ALERT_FAULTS[kind].share }, () => kind));

/** Sorted by start; no device has two at once. A tenth of the fleet is healthy throughout. */
export const planAlertFaults = (devices: number, length_s: number, random: Random): AlertFault[] =>
  Array.from({ length: devices }, (_, device) => (device % 10 === 9 ? [] : faultsOf(device, length_s, random.fork(`${device}`))))
    .flat()
    .sort((a, b) => a.from - b.from);

const faultsOf = (device: number, length_s: number, random: Random): AlertFault[] => {
  const faults: AlertFault[] = [];
  const wait = () => -Math.log(1 - random.next()) * EVERY_S;
  for (let at = BEGIN_S + wait(); ; ) {
    const kind = random.pick(WEIGHTED);
    const [least, most] = ALERT_FAULTS[kind].lasts_s;
    const from = Math.round(at);
    const to = Math.round(at + least + random.next() * (most - least));
    if (to + 3_600 > length_s) return faults;
    faults.push({ device, kind, from, to });
    at = to + CALM_S + wait();
  }
};
