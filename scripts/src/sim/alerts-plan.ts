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
  /** Connected, but without a report: three intervals, then five minutes; a new hub counts the intervals anew. */
  mute: { rule: 'not_reporting', within_s: 490, anew_s: 480, lasts_s: [900, 5_400], share: 2 },
  hot: { rule: 'temperature', within_s: 370, lasts_s: [900, 10_800], share: 4 },
  /** Hotter than it should be, but not for long. */
  warm: { rule: null, within_s: 0, lasts_s: [30, 200], share: 4 },
  under_voltage: { rule: 'temperature', within_s: 370, lasts_s: [900, 3_600], share: 2 },
  filling: { rule: 'disk_full', within_s: 5 * 3_600, lasts_s: [28_800, 36_000], share: 2 },
  bad_sectors: { rule: 'storage_health', within_s: 75, lasts_s: [600, 3_600], share: 1 },
  gpu_lost: { rule: 'gpu_fault', within_s: 75, lasts_s: [600, 3_600], share: 1 },
  clock: { rule: 'clock_skew', within_s: 1_270, lasts_s: [1_800, 7_200], share: 1 },
  router: { rule: 'network_fault', within_s: 370, lasts_s: [900, 7_200], share: 3 },
  /** Reboots every eight minutes. */
  looping: { rule: 'restart_loop', within_s: 4 * 480 + 180, lasts_s: [3_600, 5_400], share: 1 },
  /** Ten minutes there, ten minutes gone. */
  flapping: { rule: 'offline', within_s: 30, lasts_s: [10_800, 28_800], share: 1 },
  /** All devices of a place: their power, their line, or the line for seconds. */
  site_power: { rule: 'offline', within_s: 30, lasts_s: [180, 7_200], share: 0 },
  site_line: { rule: 'offline', within_s: 30, lasts_s: [180, 10_800], share: 0 },
  site_blip: { rule: null, within_s: 0, lasts_s: [2, 9], share: 0 },
} as const satisfies Record<string, FaultShape>;

interface FaultShape {
  rule: string | null;
  /** From its beginning to the alert. */
  within_s: number;
  /** What a restart of the hub makes it count anew. */
  anew_s?: number;
  lasts_s: readonly [number, number];
  /** How often, against the others. */
  share: number;
}
export type AlertFaultKind = keyof typeof ALERT_FAULTS;
export const shapeOf = (kind: AlertFaultKind): FaultShape => ALERT_FAULTS[kind];

export interface AlertFault {
  device: number;
  kind: AlertFaultKind;
  /** Seconds since the start. */
  from: number;
  to: number;
}

/** Time in which something else is planned for a device. */
export type Booked = Pick<AlertFault, 'from' | 'to'>;

/** One that counts rises is an alert for a day: the next of its kind must not fall into it. */
const CALM_S = 26 * 3_600;
/** Mean time from the end of that calm to the next fault. */
const EVERY_S = 24 * 3_600;
export const BEGIN_S = 4 * 3_600;
/** Between two troubles of a device: two within it would be one that flaps. */
export const APART_S = 3_600;
const KINDS = Object.keys(ALERT_FAULTS) as AlertFaultKind[];
const WEIGHTED = KINDS.flatMap((kind) => Array.from({ length: ALERT_FAULTS[kind].share }, () => kind));

/** A tenth of the fleet is healthy throughout. */
export const isHealthy = (device: number): boolean => device % 10 === 9;

export const lengthOf = (kind: AlertFaultKind, random: Random): number => {
  const [least, most] = shapeOf(kind).lasts_s;
  return least + random.next() * (most - least);
};

/** Seconds to the next of what happens every so often at random. */
export const waitOf = (every_s: number, random: Random): number => -Math.log(1 - random.next()) * every_s;

export const isClose = (a: Booked, b: Booked): boolean => a.from < b.to + APART_S && b.from < a.to + APART_S;

/** The faults of one device, beside what is booked for it; none at the time of another. */
export const planFaultsOf = (
  device: number,
  { length_s, booked }: { length_s: number; booked: readonly Booked[] },
  random: Random,
): AlertFault[] => {
  const faults: AlertFault[] = [];
  for (let at = BEGIN_S + waitOf(EVERY_S, random); ; ) {
    const kind = random.pick(WEIGHTED);
    const from = Math.round(at);
    const to = Math.round(at + lengthOf(kind, random));
    if (to + APART_S > length_s) return faults;
    const other = booked.find((one) => isClose(one, { from, to }));
    if (!other) faults.push({ device, kind, from, to });
    at = other ? other.to + APART_S + waitOf(EVERY_S, random) : to + CALM_S + waitOf(EVERY_S, random);
  }
};
