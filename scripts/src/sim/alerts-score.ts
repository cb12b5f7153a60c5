/** Compares what was heard with what was planned: alerts here, notices in `alerts-told.ts`. */
import { type Absence, type Book, type Firing, type Heard, isWithin } from './alerts-book.js';
import { CLEARED_S } from './alerts-device.js';
import { idOf } from './alerts-fleet.js';
import { type AlertFault, shapeOf } from './alerts-plan.js';
import { judgeNotices, type NoticeScore } from './alerts-told.js';
import type { AlertPlan } from './alerts-troubles.js';

/** Devices find a new hub within 45 s, and report once a minute (DESIGN §3.4). */
const RETURN_S = 45 + 60;
/** A channel that fails is an alert about the hub, until it works again. */
const FAILING_S = 700;

export interface AlertScore {
  faults: number;
  /** Not found, found late, not told, told late. */
  missed: number;
  lost: number;
  late: number;
  false_alarms: number;
  false_alarms_per_device_year: number;
  /** The first of what went wrong, as sentences. */
  examples: string[];
  fired: number;
  worst_flapping_notices_per_h: number;
  worst_flapping_firings_per_h: number;
  latency: Latency[];
  restarts: number;
  notices: NoticeScore[];
}
export interface Latency {
  kind: string;
  faults: number;
  p50_s: number;
  max_s: number;
  promised_s: number;
}

interface Found {
  fault: AlertFault;
  latency: number | null;
  promised: number;
}

export const scoreAlerts = (heard: Heard, { devices, days }: { devices: number; days: number }): AlertScore => {
  const { plan, book, absences } = heard;
  const found = plan.faults
    .filter(({ kind }) => shapeOf(kind).rule !== null)
    .map((fault): Found => ({ fault, latency: latencyOf(fault, book), promised: promiseOf(fault, absences) }));
  const lost = found.filter(({ latency }) => latency === null);
  const late = found.filter(({ latency, promised }) => latency !== null && latency > promised);
  const wrong = falseOf(heard);
  const notices = heard.channels.map((channel) => judgeNotices(heard, channel));
  const false_alarms = wrong.length + sum(notices, ({ twice, needless }) => twice + needless);
  return {
    ...{ faults: found.length, lost: lost.length, late: late.length, false_alarms },
    missed: lost.length + late.length + sum(notices, ({ untold, told_late }) => untold + told_late),
    false_alarms_per_device_year: (false_alarms / (devices * days)) * 365,
    examples: [
      ...wrong.slice(0, 5).map(({ at, device, rule, why }) => `false at ${at} s: ${device} ${rule}: ${why}`),
      ...[...lost, ...late]
        .slice(0, 5)
        .map(({ fault, latency, promised }) => `missed: ${JSON.stringify(fault)} after ${latency} s of ${promised} s`),
      ...notices.flatMap(({ examples }) => examples.slice(0, 8)),
    ],
    fired: book.firings.length,
    worst_flapping_notices_per_h: Math.max(0, ...heard.channels.map((channel) => worstHour(plan, toldTimes(heard, channel)))),
    worst_flapping_firings_per_h: worstHour(plan, (device) => book.of(device).map(({ at }) => at)),
    latency: latencies(found),
    restarts: absences.length,
    notices,
  };
};

const sum = <T>(list: readonly T[], of: (one: T) => number): number => list.reduce((total, one) => total + of(one), 0);

const latencyOf = (fault: AlertFault, book: Book): number | null => {
  const { rule } = shapeOf(fault.kind);
  const found = book.of(idOf(fault.device)).find((one) => one.rule === rule && isWithin(fault, one));
  return found ? found.at - fault.from : null;
};

/** A hub that is away finds nothing, and gives devices time to come back; a disk that is cleared fills up from then on. */
const promiseOf = ({ kind, from }: AlertFault, absences: readonly Absence[]): number => {
  const { anew_s = 0, ...shape } = shapeOf(kind);
  const cleared = Math.ceil(from / CLEARED_S) * CLEARED_S - from;
  const within_s = shape.within_s + (kind === 'filling' && cleared < shape.within_s ? cleared : 0);
  const hits = absences.filter((one) => one.from <= from + within_s && one.to + RETURN_S >= from);
  return within_s + sum(hits, (one) => one.to - one.from + RETURN_S + anew_s);
};

/** A reboot in a loop is an outage each time: both may be told. So is one whose goodbye came while the hub was away. */
const allows = ({ kind, from }: AlertFault, { rule }: Firing, absences: readonly Absence[]): boolean => {
  if (rule === 'offline' && kind === 'looping') return true;
  const unheard = kind === 'rebooted' && absences.some((one) => one.from <= from && one.to >= from);
  return rule === shapeOf(kind).rule || (rule === 'offline' && unheard);
};

const falseOf = ({ plan, book, absences }: Heard): Firing[] => {
  const faults = new Map<string, AlertFault[]>();
  for (const fault of plan.faults) faults.set(idOf(fault.device), [...(faults.get(idOf(fault.device)) ?? []), fault]);
  const isOfHub = ({ at, rule }: Firing) =>
    rule === 'hub' && plan.failures.some(({ from, to }) => at >= from && at <= to + FAILING_S);
  return book.firings.filter(
    (one) => !isOfHub(one) && !faults.get(one.device)?.some((fault) => allows(fault, one, absences) && isWithin(fault, one)),
  );
};

/** Notices that it fires, and reminders. */
const toldTimes = ({ book }: Heard, channel: string) => {
  const reminders = book.notices.filter((one) => one.kind === 'still' && one.channel === channel);
  return (device: string): number[] => [
    ...book.of(device).flatMap(({ told }) => told.flatMap((one) => (one.channel === channel ? one.at : []))),
    ...reminders.flatMap(({ devices, at }) => (devices.includes(device) ? at : [])),
  ];
};

/** Most of one flapping device within any hour. */
const worstHour = (plan: AlertPlan, timesOf: (device: string) => readonly number[]): number => {
  let worst = 0;
  for (const fault of plan.faults) {
    if (fault.kind !== 'flapping') continue;
    const times = timesOf(idOf(fault.device)).filter((at) => isWithin(fault, { at }));
    for (const at of times) worst = Math.max(worst, times.filter((one) => one >= at && one - at < 3_600).length);
  }
  return worst;
};

const latencies = (found: readonly Found[]): Latency[] => {
  const kinds = [...new Set(found.map(({ fault }) => fault.kind))].sort();
  return kinds.map((kind) => {
    const times = found.filter(({ fault }) => fault.kind === kind).flatMap(({ latency }) => latency ?? []);
    times.sort((a, b) => a - b);
    const p50_s = times[Math.floor(times.length / 2)] ?? Number.NaN;
    return { kind, faults: times.length, p50_s, max_s: times.at(-1) ?? Number.NaN, promised_s: shapeOf(kind).within_s };
  });
};
