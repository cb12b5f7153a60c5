/** What happens to more than one device: outages of places, storms, silences, restarts of the hub and channels that fail. */
import {
  type AlertFault,
  type AlertFaultKind,
  APART_S,
  BEGIN_S,
  type Booked,
  isClose,
  isHealthy,
  lengthOf,
  planFaultsOf,
  shapeOf,
  waitOf,
} from './alerts-plan.js';
import type { Random } from './random.js';

/** All devices of a place, gone within seconds of each other. */
export interface Outage extends Booked {
  place: number;
  kind: AlertFaultKind;
  devices: number[];
}
export interface PlannedSilence extends Booked {
  /** A device, a place, or a place every week at this time. */
  scope: { device: number } | { place: number };
  weekly: boolean;
}
export interface PlannedRestart {
  at: number;
  /** `delivering`: killed while the next notice is on its way. */
  how: 'stopped' | 'killed' | 'delivering';
}
export interface ChannelFailure extends Booked {
  how: 'unreachable' | 'hangs' | 'too_many';
}
export interface AlertPlan {
  /** By start. */
  faults: AlertFault[];
  outages: Outage[];
  silences: PlannedSilence[];
  restarts: PlannedRestart[];
  failures: ChannelFailure[];
}

const DAY_S = 86_400;
/** Devices of a place; places with an even number are sites, the others share an address. */
const PLACE = 20;
const OUTAGE_EVERY_S = 4 * DAY_S;
/** The devices of a place vanish within this time, and come back within the other. */
const SPREAD_S = 6;
const RETURN_S = 40;
const STORM_EVERY_S = 2.5 * DAY_S;
const STORM_S = 60;
const STORM_MOST = 60;
const STORM_KINDS = ['cut', 'killed', 'hot', 'router', 'under_voltage', 'gpu_lost', 'stopped'] as const;
/** Three that go away at one place at a time would be an incident. */
const STORM_AT_PLACE = 1;
const RESTART_EVERY_S = DAY_S;
const FAILURE_EVERY_S = 1.7 * DAY_S;
/** Of the faults that are silenced. */
const SILENCED = 0.06;
/** Friday 02:00 to 03:30; the first of January 2026 was a Thursday. */
export const WEEKLY = { days: [5], from: '02:00', to: '03:30', time_zone: 'UTC' };
const WEEKLY_FROM_S = DAY_S + 2 * 3_600;
const WEEKLY_S = 5_400;
const WEEK_S = 7 * DAY_S;

/** Null: it stands alone. */
export const placeOf = (device: number): number | null => (isHealthy(device) ? null : Math.floor(device / PLACE));

export interface FleetSize {
  devices: number;
  length_s: number;
}

export const planAlerts = (size: FleetSize, random: Random): AlertPlan => {
  const outages = planOutages(size, random.fork('outages'));
  const booked = Array.from({ length: size.devices }, (): Booked[] => []);
  for (const one of outages) for (const device of one.devices) booked[device]?.push(one);
  const storms = planStorms(size, booked, random.fork('storms'));
  for (const fault of storms) booked[fault.device]?.push(fault);
  const single = booked.flatMap((taken, device) =>
    isHealthy(device) ? [] : planFaultsOf(device, { ...size, booked: taken }, random.fork(`${device}`)),
  );
  const alone = [...storms, ...single];
  const faults = [...outages.flatMap((one) => faultsOf(one, random)), ...alone].sort((a, b) => a.from - b.from);
  const silences = planSilences(outages, alone, random.fork('silences'));
  const restarts = planRestarts(size, outages, random.fork('restarts'));
  return { faults, outages, silences, restarts, failures: planFailures(size, random.fork('failures')) };
};

/** Nothing happens, but that the hub is restarted now and then. */
export const planQuiet = (size: FleetSize, random: Random): AlertPlan => ({
  ...{ faults: [], outages: [], silences: [], failures: [] },
  // No notice is ever on its way.
  restarts: planRestarts(size, [], random).map((one) => (one.how === 'delivering' ? { ...one, how: 'killed' } : one)),
});

const planOutages = ({ devices, length_s }: FleetSize, random: Random): Outage[] => {
  const outages: Outage[] = [];
  for (let place = 0; place * PLACE < devices; place++) {
    const there = Array.from({ length: PLACE }, (_, at) => place * PLACE + at);
    const members = there.filter((device) => device < devices && !isHealthy(device));
    const mine: Outage[] = place === 0 ? weeklyOutages(members, length_s) : [];
    for (let at = BEGIN_S + waitOf(OUTAGE_EVERY_S, random); ; ) {
      const kind = random.pick(['site_power', 'site_power', 'site_line', 'site_line', 'site_blip'] as const);
      const from = Math.round(at);
      const to = Math.round(at + lengthOf(kind, random));
      if (to + APART_S > length_s) break;
      if (!mine.some((one) => isClose(one, { from, to }))) mine.push({ place, kind, from, to, devices: members });
      at = to + 3 * APART_S + waitOf(OUTAGE_EVERY_S, random);
    }
    outages.push(...mine);
  }
  return outages;
};

/** Maintenance: the place is cut in its weekly silence, and is back before its end. */
const weeklyOutages = (devices: number[], length_s: number): Outage[] => {
  const outages: Outage[] = [];
  for (let from = WEEKLY_FROM_S + 600; from + DAY_S / 2 < length_s; from += WEEK_S)
    outages.push({ place: 0, kind: 'site_power', from, to: from + 2_400, devices });
  return outages;
};

const faultsOf = ({ kind, from, to, devices }: Outage, random: Random): AlertFault[] => {
  const short = kind === 'site_blip';
  return devices.map((device) => {
    const back = short ? 0 : Math.floor(random.next() * RETURN_S);
    return { device, kind, from: from + (short ? 0 : Math.floor(random.next() * SPREAD_S)), to: to + back };
  });
};

const planStorms = ({ devices, length_s }: FleetSize, booked: readonly Booked[][], random: Random): AlertFault[] => {
  const faults: AlertFault[] = [];
  for (let at = 0.6 * STORM_EVERY_S; at + DAY_S / 4 < length_s; at += STORM_EVERY_S * (0.8 + 0.4 * random.next())) {
    const gone = new Map<number | null, number>();
    const count = Math.min(STORM_MOST, Math.floor(devices / 4));
    const hit = new Set<number>();
    for (let tries = 0; tries < 10 * count && hit.size < count; tries++) {
      const device = Math.floor(random.next() * devices);
      const kind = random.pick(STORM_KINDS);
      const from = Math.round(at + random.next() * STORM_S);
      const fault = { device, kind, from, to: Math.round(from + lengthOf(kind, random)) };
      const away = shapeOf(kind).rule === 'offline';
      const place = placeOf(device);
      const others = gone.get(place) ?? 0;
      if (hit.has(device) || place === null || booked[device]?.some((one) => isClose(one, fault))) continue;
      if (away && others > STORM_AT_PLACE) continue;
      if (away) gone.set(place, others + 1);
      hit.add(device);
      faults.push(fault);
    }
  }
  return faults;
};

const planSilences = (outages: readonly Outage[], faults: readonly AlertFault[], random: Random): PlannedSilence[] => {
  const silences: PlannedSilence[] = outages.some(({ place }) => place === 0)
    ? [{ scope: { place: 0 }, from: 0, to: 0, weekly: true }]
    : [];
  const around = ({ from, to }: Booked): Booked => {
    const ends = random.next() < 0.5 ? to + 3 * APART_S : from + Math.round((to - from) * random.next());
    return { from: from - 60 - Math.round(random.next() * 600), to: Math.max(ends, from + 60) };
  };
  for (const one of faults)
    if (random.next() < SILENCED) silences.push({ scope: { device: one.device }, ...around(one), weekly: false });
  for (const one of outages)
    if (one.place % 2 === 0 && random.next() < 2 * SILENCED)
      silences.push({ scope: { place: one.place }, ...around(one), weekly: false });
  return silences.sort((a, b) => a.from - b.from);
};

/** One in four comes while a place is going away. */
const planRestarts = ({ length_s }: FleetSize, outages: readonly Outage[], random: Random): PlannedRestart[] => {
  const restarts: PlannedRestart[] = [];
  const kinds = ['delivering', 'killed', 'stopped'] as const;
  for (let at = 0.4 * RESTART_EVERY_S; at + APART_S < length_s; at += RESTART_EVERY_S * (0.6 + 0.8 * random.next())) {
    const how = kinds[restarts.length % kinds.length] ?? 'killed';
    const near = outages.find(({ from }) => from > at && from < at + RESTART_EVERY_S / 2);
    if (near && restarts.length % 4 === 1) at = near.from + Math.floor(random.next() * 30);
    restarts.push({ at: Math.round(at), how });
  }
  return restarts;
};

const planFailures = ({ length_s }: FleetSize, random: Random): ChannelFailure[] => {
  const failures: ChannelFailure[] = [];
  const kinds = ['unreachable', 'hangs', 'too_many'] as const;
  for (let at = 0.3 * DAY_S; at + APART_S < length_s; at += FAILURE_EVERY_S * (0.6 + 0.8 * random.next())) {
    const from = Math.round(at);
    failures.push({ from, to: from + 600 + Math.round(random.next() * 1_800), how: kinds[failures.length % 3] ?? 'hangs' });
  }
  return failures;
};

export const isWeeklySilence = (at: number): boolean => {
  const since = (((at - WEEKLY_FROM_S) % WEEK_S) + WEEK_S) % WEEK_S;
  return since < WEEKLY_S;
};
