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
  const untold = (device: string, { channel, at }: Taken): Firing[] =>
    (byDevice.get(device) ?? []).filter(
      (one) => (one.ended ?? at) >= at - LATELY_S && !one.told.some((told) => told.channel === channel),
    );
  const tell = (one: Firing | undefined, { at, channel, held }: Taken) => one?.told.push({ at, channel, held: held !== null });

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
      const { channel, key, kind } = notice;
      if (keys.has(`${channel} ${key}`)) again++;
      if (keys.has(`${channel} ${key}`)) return;
      keys.add(`${channel} ${key}`);
      notices.push(notice);
      if (kind !== 'firing' || notice.incident) return;
      if (notice.held) {
        for (const [rule, device] of notice.held.firing)
          tell(
            untold(device, notice).findLast((one) => one.rule === rule),
            notice,
          );
        return;
      }
      for (const id of notice.alerts) tell(byId.get(id), notice);
      if (notice.count <= notice.alerts.length) return;
      for (const one of notice.devices.flatMap((device) => untold(device, notice))) tell(one, notice);
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
