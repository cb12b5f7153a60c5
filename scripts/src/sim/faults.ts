import type { Random } from './random.js';

/** Faults on a timeline: what happens to which device from when to when (ms since the start of the simulation). */
export const FAULT_KINDS = ['killed', 'frozen', 'stopped', 'hot', 'silent', 'not_earning'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  device: number;
  kind: FaultKind;
  from: number;
  to: number;
}

export interface FaultPlan {
  devices: number;
  /** Length of the simulation, ms. */
  length_ms: number;
  /** Mean time between faults of one device, ms. */
  every_ms: number;
  /** How long a fault lasts, ms: between these. */
  lasts_ms: readonly [number, number];
}

/** Sorted by start; no device has two at once. */
export const planFaults = (plan: FaultPlan, random: Random): Fault[] => {
  const faults = Array.from({ length: plan.devices }, (_, device) => faultsOf(device, plan, random.fork(`faults ${device}`)));
  return faults.flat().sort((a, b) => a.from - b.from);
};

const faultsOf = (device: number, plan: FaultPlan, random: Random): Fault[] => {
  const faults: Fault[] = [];
  let at = -Math.log(1 - random.next()) * plan.every_ms;
  while (at < plan.length_ms) {
    const [least, most] = plan.lasts_ms;
    const to = at + least + random.next() * (most - least);
    faults.push({ device, kind: random.pick(FAULT_KINDS), from: Math.round(at), to: Math.round(to) });
    at = to - Math.log(1 - random.next()) * plan.every_ms;
  }
  return faults;
};
