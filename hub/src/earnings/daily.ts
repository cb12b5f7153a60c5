/** Income per device, network, token and UTC day, in memory: what comparing 10,000 devices over 90 days reads instead of the ledger. */
import type { Change, LedgerEntry, Reader } from '../store/store.js';
import { createStamps } from './daily-stamps.js';
import { DaySums } from './daily-sums.js';
import { type Factor, fiatOf } from './fiat.js';
import { pages } from './query.js';

export const DAY_MS = 86_400_000;
export const dayOf = (ts: number): number => Math.floor(ts / DAY_MS);
/** Two periods of 90 days and what is added while they are read; a longer span reads the ledger. */
export const KEPT_DAYS = 192;
/** Entries dated up to here ahead are taken; a clock may be wrong by less than that. */
const AHEAD_DAYS = 8;

/** What a token was worth on a day; null: not known. `earlier`: at the price of a day before. */
export type PriceOf = (of: { network: string; token: string }, day: number) => { factor: Factor; earlier: boolean } | null;

export interface Series {
  network: string;
  token: string;
  decimals: number;
  exact: boolean;
  amounts: DaySums;
  fiat: DaySums;
  /** Days with income whose price is not known, or is that of an earlier day; null while there are none. */
  unknown: DaySums | null;
  earlier: DaySums | null;
  /** From this day on fiat is to be worked out anew. */
  stale: number;
  /** Rises with every change of its sums. */
  version: number;
}

export interface Daily {
  /** Reads the ledger; entries that are taken meanwhile count once. */
  load(reader: Pick<Reader, 'entries'>, span: { from: number; to?: number }): Promise<void>;
  /** Takes what is queued for the store. */
  take(changes: readonly Change[]): void;
  forget(device: string): void;
  has(device: string): boolean;
  /** With fiat worked out. */
  series(device: string): readonly Series[];
  tokens(): { network: string; token: string }[];
  /** The price of a token (null: of all) is another from this day on. */
  repriced(token: string | null, day: number): void;
  /** Forgets days before this one. */
  trim(day: number): void;
  /** Changes with every change of what a day holds, its prices included. */
  stamp(day: number): number;
  bytes(): number;
}

export const createDaily = (needs: { priceOf: PriceOf; known: (device: string) => boolean; today: () => number }): Daily => {
  const devices = new Map<string, Series[]>();
  /** Entries taken before the ledger has been read: they may or may not be in what is read. */
  let taken: Map<string, LedgerEntry> | null = new Map();
  let first = dayOf(0);
  const stamps = createStamps(() => needs.today() + AHEAD_DAYS, KEPT_DAYS + 2 * AHEAD_DAYS);

  const add = (entry: LedgerEntry) => {
    const day = dayOf(entry.ts);
    if (entry.kind === 'opening' || day < first || day > needs.today() + AHEAD_DAYS || !needs.known(entry.device)) return;
    const series = seriesFor(devices, entry);
    if (taken === null) stamps.earned(series.amounts.first, day, first);
    series.amounts.add(day, BigInt(entry.amount));
    series.stale = Math.min(series.stale, day);
  };
  const all = () => [...devices.values()].flat();
  const repriced = (token: string | null, day: number) => {
    stamps.touchFrom(day);
    for (const list of devices.values())
      for (const one of list) if (token === null || one.token === token) one.stale = Math.min(one.stale, day);
  };

  return {
    async load(reader, { from, to }) {
      first = dayOf(from);
      try {
        for await (const page of pages(reader, { from, without_opening: true, ...(to !== undefined && { to }) })) {
          for (const entry of page) if (!taken?.has(entry.id)) add(entry);
        }
        taken = null;
        stamps.touchFrom(first);
      } catch (error) {
        // Half of it read twice would be counted twice.
        devices.clear();
        for (const entry of taken?.values() ?? []) add(entry);
        throw error;
      }
    },
    take(changes) {
      for (const change of changes) {
        if (change.kind !== 'entry') continue;
        taken?.set(change.entry.id, change.entry);
        add(change.entry);
      }
    },
    forget(device) {
      if (devices.delete(device)) stamps.touchFrom(first);
    },
    has: (device) => devices.has(device),
    series(device) {
      const list = devices.get(device) ?? NONE;
      for (const one of list) if (one.stale !== FRESH) value(one, needs.priceOf);
      return list;
    },
    tokens: () => tokensOf(all()),
    repriced,
    trim(day) {
      first = Math.max(first, day);
      for (const one of all()) for (const sums of [one.amounts, one.fiat, one.unknown, one.earlier]) sums?.trim(day);
    },
    stamp: stamps.of,
    bytes: () => all().reduce((sum, one) => sum + bytesOf(one), 0),
  };
};

const seriesFor = (devices: Map<string, Series[]>, entry: LedgerEntry): Series => {
  const list = devices.get(entry.device) ?? [];
  if (list.length === 0) devices.set(entry.device, list);
  const { network, token, decimals, exact } = entry;
  const known = list.find(
    (one) => one.token === token && one.network === network && one.exact === exact && one.decimals === decimals,
  );
  if (known) return known;
  const made = newSeries({ network, token, decimals, exact });
  list.push(made);
  return made;
};

const tokensOf = (list: readonly Series[]): { network: string; token: string }[] => {
  const found = new Map(list.map(({ network, token }) => [`${network}\n${token}`, { network, token }]));
  return [...found.keys()].sort().flatMap((key) => found.get(key) ?? []);
};

const bytesOf = ({ amounts, fiat, unknown, earlier }: Series): number =>
  amounts.bytes + fiat.bytes + (unknown?.bytes ?? 0) + (earlier?.bytes ?? 0);

const NONE: readonly Series[] = [];
const FRESH = Number.POSITIVE_INFINITY;

const newSeries = (of: Pick<Series, 'network' | 'token' | 'decimals' | 'exact'>): Series => ({
  ...of,
  ...{ amounts: new DaySums(), fiat: new DaySums(), unknown: null, earlier: null, stale: FRESH, version: 0 },
});

/** Each day's income at the price of that day; rounded once a day, so that sums over days and over devices agree. */
const value = (series: Series, priceOf: PriceOf): void => {
  const { amounts, decimals } = series;
  const last = amounts.last ?? Number.NEGATIVE_INFINITY;
  const from = Math.max(series.stale, amounts.first ?? 0);
  for (const sums of [series.fiat, series.unknown, series.earlier]) sums?.cut(from);
  for (let day = from; day <= last; day++) {
    const amount = amounts.between(day, day + 1);
    if (amount === 0n) continue;
    const price = priceOf(series, day);
    if (price) series.fiat.add(day, fiatOf(amount, decimals, price.factor));
    else series.unknown = counted(series.unknown, day);
    if (price?.earlier) series.earlier = counted(series.earlier, day);
  }
  series.stale = FRESH;
  series.version++;
};

const counted = (days: DaySums | null, day: number): DaySums => {
  const count = days ?? new DaySums();
  count.add(day, 1n);
  return count;
};
