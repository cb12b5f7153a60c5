import { bootIdFrom } from '@muster/shared/wire/codec';
import { createMachine, type Grain, KINDS, type Machine } from '../../sim/machine.js';
import { createRandom, type Random } from '../../sim/random.js';

/** What a simulated fleet reports, in order of arrival: 30 metrics each `every_ms`, stamps some ms off the beat, as timers are. */
export interface FleetPlan {
  devices: number;
  seed: number;
  /** First beat, ms. */
  from: number;
  beats: number;
  every_ms: number;
  grain: Grain;
  /** Gaps, back-filled gaps, missing values, columns that come and go. */
  irregular: boolean;
}

export interface Report {
  device: string;
  boot: string;
  seq: number;
  ts: number;
  columns: readonly string[];
  values: (number | null)[];
  /** When it reaches the hub; late for what was back-filled. */
  arrived: number;
}

export function* reportsOf(plan: FleetPlan): Generator<Report> {
  const members = Array.from({ length: plan.devices }, (_, index) => createMember(plan, index));
  for (let beat = 0; beat < plan.beats; beat++) for (const member of members) yield* member(beat);
}

export const deviceName = (index: number): string => `sim-${String(index + 1).padStart(5, '0')}`;

/** Devices are spread over the beat, hence members in order give reports in order. */
const createMember = (plan: FleetPlan, index: number) => {
  const device = deviceName(index);
  const random = createRandom(plan.seed).fork(device);
  const machine = createMachine(KINDS[index % KINDS.length] ?? 'hotspot', random, plan.grain);
  const boot = bootIdFrom(Uint8Array.from({ length: 8 }, () => Math.floor(random.next() * 256)));
  const phase = Math.floor((index / plan.devices) * plan.every_ms);
  const mood = plan.irregular ? createMood(random.fork('mood'), plan.beats) : null;
  let seq = 0;
  let last = plan.from + phase - plan.every_ms;
  let held: Report[] = [];
  return (beat: number): readonly Report[] => {
    const ts = plan.from + beat * plan.every_ms + phase + lateness(random);
    const values = machine.step((ts - last) / 1_000, false);
    last = ts;
    const report = { device, boot, seq: ++seq, ts, columns: machine.columns, values, arrived: ts };
    if (!mood) return [report];
    const state = mood.next(beat);
    if (state === 'dropped') return [];
    held.push(mood.change(report, machine, beat));
    if (state === 'held') return [];
    const out = held.map((one) => ({ ...one, arrived: ts }));
    held = [];
    return out;
  };
};

const JITTER_MS = 3;
/** A timer is never early; one in a hundred waits for something else. */
const lateness = (random: Random): number =>
  Math.round(Math.abs(random.normal()) * JITTER_MS + (random.next() < 0.01 ? random.next() * 200 : 0));

const GAPS_PER_BEAT = 1 / 360;
const LONGEST_GAP = 90;
const MISSING = 0.02;
const MORE = ['system.disk.io{device=sdb,direction=read}', 'system.disk.io{device=sdb,direction=write}'];

const createMood = (random: Random, beats: number) => {
  const columns = { from: Math.floor(random.next() * beats), to: Math.floor(random.next() * beats) };
  let gap: { until: number; state: 'held' | 'dropped' } | null = null;
  let extra = random.next() * 1e12;
  let wider: readonly string[] = [];
  return {
    next(beat: number): 'sent' | 'held' | 'dropped' {
      if (gap && beat >= gap.until) gap = null;
      if (!gap && random.next() < GAPS_PER_BEAT)
        gap = { until: beat + 1 + Math.floor(random.next() * LONGEST_GAP), state: random.next() < 0.5 ? 'held' : 'dropped' };
      return gap?.state ?? 'sent';
    },
    change(report: Report, machine: Machine, beat: number): Report {
      const values = report.values.map((value) => (random.next() < MISSING ? null : value));
      if (beat < columns.from === beat < columns.to) return { ...report, values };
      if (wider.length === 0) wider = [...machine.columns, ...MORE];
      extra += Math.floor(random.next() * 50) * 4_096;
      return { ...report, columns: wider, values: [...values, extra, extra * 2] };
    },
  };
};
