import type { LiveDevice } from '@muster/shared/wire/live';

/** PORT: fiat, cost and comparison of what the ledger holds; `parts.ts` gives it on. Money is decimal text with eight places. */
export type Streams = LiveDevice['earnings_today'];

/** Sums of what is known where a part is not: never to be read as the whole. */
export interface Incomplete {
  fiat?: string | undefined;
  cost?: string | undefined;
}

export interface TariffPeriod {
  /** 1 Monday … 7 Sunday, in the time zone of the site; of the day on which it begins. */
  days: number[];
  /** `HH:MM` on a quarter of an hour; `to` at or before `from` is on the next day. */
  from: string;
  to: string;
  tariff: string;
}

export type PriceSource =
  | { provider: 'coingecko'; id: string }
  | { provider: 'jupiter'; mint: string }
  /** Each price holds from its UTC day on. */
  | { provider: 'manual'; prices: { from: string; price: string }[]; currency?: string | undefined }
  | { provider: 'fixed'; price: string; currency?: string | undefined }
  | { provider: 'none' };

export const PRICE_PROVIDERS = ['coingecko', 'jupiter'] as const;
export type PriceProviderId = (typeof PRICE_PROVIDERS)[number];

export interface PriceSettings {
  /** Of fiat, tariffs and purchase prices. */
  currency: string;
  /** By token, or by `network/token` where a symbol means another thing on one network. */
  sources: Record<string, PriceSource>;
  providers: Record<PriceProviderId, { address: string; key: string | null }>;
  /** What one USD is in other currencies, for days without a fetched rate. */
  rates: Record<string, string>;
  /** Nameplate watts of devices that have none of their own, by tag; of several the largest. */
  watts_by_tag: Record<string, number>;
}
export type PriceChange = { [K in Exclude<keyof PriceSettings, 'providers'>]?: PriceSettings[K] | undefined } & {
  providers?:
    | { [K in PriceProviderId]?: { address?: string | undefined; key?: string | null | undefined } | undefined }
    | undefined;
};
export interface PriceState {
  network: string;
  token: string;
  provider: string;
  /** Null: unknown today. */
  price: string | null;
  currency: string | null;
  day: string | null;
  at: number | null;
  label: PriceLabel | null;
}
/** `earlier`: of a day before, since that day's own is not known. */
export type PriceLabel = 'day' | 'earlier' | 'manual' | 'fixed';
export interface PricesView extends Omit<PriceSettings, 'providers'> {
  providers: Record<
    PriceProviderId,
    { address: string; key_set: boolean; last_error: string | null; last_try: number | null; next_try: number | null }
  >;
  /** Of every token in the ledger. */
  state: PriceState[];
}

export const COMPARE_SORTS = ['fiat', 'net', 'cost', 'per_day', 'per_watt', 'change', 'z', 'tokens', 'device'] as const;
export type CompareSort = (typeof COMPARE_SORTS)[number];
export interface CompareQuery {
  /** UTC days: [from, to) in ms. */
  from: number;
  to: number;
  network?: string | undefined;
  tag?: string | undefined;
  site?: string | undefined;
  device?: string | undefined;
  sort: CompareSort;
  descending: boolean;
  limit: number;
  /** Rows before the page. */
  skip: number;
}

export interface CompareCohort {
  /** What its devices have in common. */
  by: ('network' | 'kind' | 'tag')[];
  of: 'fiat' | 'tokens';
  devices: number;
  /** Per day: fiat, or base units of `token`. */
  median: string;
  mad: string;
  /** Robust: how many standard deviations from the median; null when all earn the same. */
  z: number | null;
}
export interface CompareWhy {
  /** Share of the period in which it was online, 0..1. */
  uptime: number | null;
  uptime_before: number | null;
  temperature: number | null;
  temperature_before: number | null;
  alerts: number;
  notes: string[];
}
export interface CompareRow {
  device: string;
  name: string;
  site: string | null;
  tags: string[];
  rank: number;
  streams: Streams;
  fiat: string | null;
  cost: string | null;
  hosting: string | null;
  net: string | null;
  incomplete?: Incomplete | undefined;
  /** Some days are valued at the price of an earlier day. */
  earlier_prices: boolean;
  fiat_per_day: string | null;
  /** Fiat per day and watt. */
  per_watt: string | null;
  per: { network: string; unit: string; fiat: string }[];
  watts: string | null;
  watts_from: PowerSource | null;
  previous: { fiat: string | null; streams: Streams; change: number | null };
  cohort: CompareCohort | null;
  trend: { of: 'fiat' | 'tokens'; points: (string | null)[] };
  payback: { days: number; date: string } | null;
  break_even_tariff: string | null;
  break_even_price: { network: string; token: string; price: string } | null;
  why: CompareWhy;
}
export type PowerSource = 'plug' | 'ups' | 'chip' | 'nameplate';
export interface ComparePage {
  from: number;
  to: number;
  currency: string;
  /** Over all devices that match, not only the page. */
  devices: number;
  totals: { streams: Streams; fiat: string | null; cost: string | null; net: string | null; incomplete?: Incomplete | undefined };
  items: CompareRow[];
}

/** What a device is expected to earn in an hour, from its own last 14 days. */
export interface Stake {
  currency: string;
  fiat_per_hour: string | null;
  tokens: { network: string; token: string; decimals: number; amount_per_hour: string }[];
}

export const EXPORT_FORMATS = ['generic', 'koinly', 'cointracking', 'json'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export interface ExportQuery {
  from: number;
  to: number;
  format: ExportFormat;
  device?: string | undefined;
  network?: string | undefined;
}
