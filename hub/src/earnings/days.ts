import { utcDay } from '@muster/shared/money';
import type { LedgerEntry } from '../store/store.js';
import { createTally, type Tally } from './tally.js';

/** Entries dated up to here ahead are remembered until their day comes. */
const AHEAD_MS = 7 * 86_400_000;

/** Income per device of today and the days to come; an entry may be dated a little ahead of the hub. */
export const createDays = (now: () => number) => {
  const days = new Map<number, Map<string, Tally>>();
  let current = utcDay(now());

  const tally = (day: number, device: string): Tally => {
    const devices = days.get(day) ?? new Map<string, Tally>();
    days.set(day, devices);
    const found = devices.get(device) ?? createTally();
    devices.set(device, found);
    return found;
  };
  return {
    add(entry: LedgerEntry) {
      const day = utcDay(entry.ts);
      if (entry.kind === 'opening' || day < utcDay(now()) || day > utcDay(now()) + AHEAD_MS) return;
      tally(day, entry.device).add(entry, BigInt(entry.amount));
    },
    today: (device: string): Tally | undefined => days.get(utcDay(now()))?.get(device),
    forget(device: string) {
      for (const devices of days.values()) devices.delete(device);
    },
    /** Drops the days that are over; answers the devices whose income of today starts anew. */
    turn(): string[] {
      if (utcDay(now()) === current) return [];
      current = utcDay(now());
      const over = [...days.keys()].filter((day) => day < current);
      const devices = new Set(over.flatMap((day) => [...(days.get(day)?.keys() ?? [])]));
      for (const day of over) days.delete(day);
      return [...devices];
    },
  };
};
