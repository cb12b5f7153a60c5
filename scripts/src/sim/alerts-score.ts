import type { LiveAlertEvent } from '@muster/shared/wire/live';
import type { NoticeSender } from './alerts-notices.js';
import { ALERT_FAULTS, type AlertFault } from './alerts-plan.js';

/** An alert that ends later than its fault did is still of that fault: counts are held, disks drain. */
const AFTER_S = 1_800;
const HOUR_MS = 3_600_000;

interface Firing {
  at_s: number;
  device: string;
  rule: string;
  why: string;
}

export interface AlertScore {
  faults: number;
  missed: number;
  late: number;
  false_alarms: number;
  /** The first of them, as sentences. */
  examples: string[];
  fired: number;
  notices: number;
  false_alarms_per_device_year: number;
  worst_flapping_notices_per_h: number;
  worst_flapping_firings_per_h: number;
  latency: { kind: string; faults: number; p50_s: number; max_s: number; promised_s: number }[];
}

/** Hears every event, and compares it with the plan at the end. */
export const createScore = (plan: readonly AlertFault[], began_ms: number, sender: NoticeSender) => {
  const firings: Firing[] = [];
  const notices: Firing[] = [];
  return {
    hear(event: LiveAlertEvent) {
      const { change, ts, alert } = event;
      const one = { at_s: (ts - began_ms) / 1_000, device: alert.device, rule: alert.rule, why: alert.why };
      if (change === 'firing') firings.push(one);
      for (let left = sender.take(event); left > 0; left--) notices.push(one);
    },
    result(devices: number, days: number): AlertScore {
      const heard = plan.map((fault) => ({ fault, latency: latencyOf(fault, firings) }));
      const wanted = heard.filter(({ fault }) => ALERT_FAULTS[fault.kind].rule !== null);
      const lost = wanted.filter(({ latency }) => latency === null);
      const late = wanted.filter(({ fault, latency }) => latency !== null && latency > ALERT_FAULTS[fault.kind].within_s);
      const wrong = falseOf(plan, firings);
      return {
        ...{ faults: wanted.length, missed: lost.length + late.length, late: late.length },
        false_alarms: wrong.length,
        examples: [
          ...wrong.slice(0, 5).map(({ at_s, device, rule, why }) => `false at ${at_s} s: ${device} ${rule}: ${why}`),
          ...[...lost, ...late].slice(0, 5).map(({ fault, latency }) => `missed: ${JSON.stringify(fault)} after ${latency} s`),
        ],
        ...{ fired: firings.length, notices: notices.length },
        false_alarms_per_device_year: (wrong.length / (devices * days)) * 365,
        worst_flapping_notices_per_h: worstHour(plan, notices),
        worst_flapping_firings_per_h: worstHour(plan, firings),
        latency: latencies(wanted),
      };
    },
  };
};

const idOf = ({ device }: AlertFault): string => `sim-${device}`;

const latencyOf = (fault: AlertFault, firings: readonly Firing[]): number | null => {
  const { rule } = ALERT_FAULTS[fault.kind];
  const found = firings.find(
    (one) => one.rule === rule && one.device === idOf(fault) && one.at_s >= fault.from && one.at_s <= fault.to + AFTER_S,
  );
  return found ? found.at_s - fault.from : null;
};

/** A reboot in a loop is an outage each time: both may be told. */
const allows = (fault: AlertFault, { rule }: Firing): boolean =>
  rule === ALERT_FAULTS[fault.kind].rule || (fault.kind === 'looping' && rule === 'offline');

const falseOf = (plan: readonly AlertFault[], firings: readonly Firing[]): Firing[] => {
  const faults = new Map<string, AlertFault[]>();
  for (const fault of plan) faults.set(idOf(fault), [...(faults.get(idOf(fault)) ?? []), fault]);
  return firings.filter(
    (one) =>
      !faults.get(one.device)?.some((fault) => allows(fault, one) && one.at_s >= fault.from && one.at_s <= fault.to + AFTER_S),
  );
};

/** Most of one flapping device within any hour. */
const worstHour = (plan: readonly AlertFault[], list: readonly Firing[]): number => {
  let worst = 0;
  for (const fault of plan) {
    if (fault.kind !== 'flapping') continue;
    const times = list.filter((one) => one.device === idOf(fault) && one.at_s >= fault.from && one.at_s <= fault.to + AFTER_S);
    for (const { at_s } of times) {
      worst = Math.max(worst, times.filter((one) => one.at_s >= at_s && (one.at_s - at_s) * 1_000 < HOUR_MS).length);
    }
  }
  return worst;
};

const latencies = (heard: readonly { fault: AlertFault; latency: number | null }[]): AlertScore['latency'] => {
  const kinds = [...new Set(heard.map(({ fault }) => fault.kind))].sort();
  return kinds.map((kind) => {
    const found = heard.filter(({ fault }) => fault.kind === kind).flatMap(({ latency }) => latency ?? []);
    found.sort((a, b) => a - b);
    const p50_s = found[Math.floor(found.length / 2)] ?? Number.NaN;
    return { kind, faults: found.length, p50_s, max_s: found.at(-1) ?? Number.NaN, promised_s: ALERT_FAULTS[kind].within_s };
  });
};
