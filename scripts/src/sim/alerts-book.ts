/** What was heard in a simulation: alerts that fired, and the notices of each channel that told of them. */
import type { LiveAlertEvent } from '@muster/shared/wire/live';
import type { Taken } from './alerts-channel.js';
import type { Booked } from './alerts-plan.js';
import type { AlertPlan } from './alerts-troubles.js';

export interface Telling {
  at: number;
  channel: string;
  /** In a notice about notices that were held back. */
  held: boolean;
}

export interface Firing {
  id: string;
  at: number;
  ended: number | null;
  /** '' is the hub itself. */
  device: string;
  rule: string;
  why: string;
  told: Telling[];
}

export interface Book {
  hear(event: LiveAlertEvent): void;
  took(notice: Taken): void;
  firings: readonly Firing[];
  of(device: string): readonly Firing[];
  /** Each once: the same key again is the same notice. */
  notices: readonly Taken[];
  again(): number;
}

/** A notice that names no alerts tells of what its devices had lately. */
const LATELY_S = 7_200;

export const createBook = (began_ms: number): Book => {
  const firings: Firing[] = [];
  const byId = new Map<string, Firing>();
  const byDevice = new Map<string, Firing[]>();
  const notices: Taken[] = [];
  const keys = new Set<string>();
  let again = 0;

  const fire = (one: Firing) => {
    firings.push(one);
    byId.set(one.id, one);
    byDevice.set(one.device, [...(byDevice.get(one.device) ?? []), one]);
  };
  /** Of its devices, what nobody named. */
  const unnamed = ({ devices, channel, at }: Taken): Firing[] =>
    devices
      .flatMap((device) => byDevice.get(device) ?? [])
      .filter((one) => (one.ended ?? at) >= at - LATELY_S && !one.told.some((told) => told.channel === channel));

  return {
    firings,
    notices,
    of: (device) => byDevice.get(device) ?? NONE,
    again: () => again,
    hear({ change, ts, alert: { id, device, rule, why } }) {
      const at = (ts - began_ms) / 1_000;
      if (change === 'firing' && !byId.has(id)) fire({ id, at, ended: null, device, rule, why, told: [] });
      const known = byId.get(id);
      if (change === 'resolved' && known) known.ended = at;
    },
    took(notice) {
      const { channel, key, kind, at, held } = notice;
      if (keys.has(`${channel} ${key}`)) again++;
      if (keys.has(`${channel} ${key}`)) return;
      keys.add(`${channel} ${key}`);
      notices.push(notice);
      if (kind !== 'firing' || notice.incident) return;
      const named = held === null ? notice.alerts.flatMap((id) => byId.get(id) ?? []) : [];
      const told = new Set([...named, ...(held !== null || notice.count > named.length ? unnamed(notice) : [])]);
      for (const one of told) one.told.push({ at, channel, held: held !== null });
    },
  };
};

const NONE: readonly Firing[] = [];

/** The hub was away. */
export type Absence = Booked;

export interface Heard {
  plan: AlertPlan;
  book: Book;
  absences: readonly Absence[];
  channels: readonly string[];
}

/** An alert that ends later than its fault did is still of that fault: counts are held, disks drain. */
const AFTER_S = 1_800;

export const isWithin = ({ from, to }: Booked, { at }: { at: number }): boolean => at >= from && at <= to + AFTER_S;
